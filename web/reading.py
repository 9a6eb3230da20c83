"""Reading: what every view function is handed beside its dossier: words, formatting, and the catalogue's items."""

from __future__ import annotations

from dataclasses import dataclass

from domain.catalogue import Catalogue, ItemSpec
from domain.event import DomainEvent
from domain.prediction import ItemKind
from web.formatting import Formatting
from web.texts import Texts, texts_of


@dataclass(frozen=True)
class Reading:
    """One reader's language and time zone, over one catalogue."""

    texts: Texts
    formatting: Formatting
    catalogue: Catalogue
    language: str = "en"
    controller: str = ""

    @classmethod
    def of(cls, catalogue: Catalogue, *, locale: str = "en", time_zone: str = "UTC", controller: str = "") -> Reading:
        """For a reader with this locale and IANA time zone; `controller` answers for what is done with their data."""
        texts = texts_of(locale)
        return cls(texts, Formatting(texts, time_zone), catalogue, texts("locale"), controller)

    def item_name(self, item: str) -> str:
        """What a person calls the item; its id when the catalogue has lost it."""
        spec = self.catalogue.items.get(item)
        return spec.text(self.language).name if spec else item.replace("_", " ")

    def item(self, item: str) -> ItemSpec | None:
        return self.catalogue.items.get(item)

    def unit_of(self, item: str, kind: ItemKind) -> str:
        """The unit in which the item's contributions are counted."""
        if kind is ItemKind.HAZARD:
            return self.texts("item.log_odds")
        if kind is ItemKind.CALENDAR:
            return self.texts("item.days")
        spec = self.item(item)
        return spec.wear.unit if spec and spec.wear else ""

    def actor_text(self, actor: str, *, is_reader: bool) -> str:
        """Who took a step, as the reader would say it: of an owner's step "you" if it is the reader's own."""
        if is_reader:
            return self.texts("actor.owner" if actor == "driver" else f"actor.{actor}")
        return self.texts("actor.the_owner" if actor == "owner" else f"actor.{actor}")

    def event_text(self, event: DomainEvent) -> str:
        """A step of a timeline in words; a kind that has none is shown as it is."""
        key = f"event.{event.kind}"
        if key not in self.texts:
            return event.kind.replace("-", " ")
        return self.texts(key, item=self.item_name(str(event.data.get("item", ""))))
