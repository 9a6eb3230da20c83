"""The services of a case: what workshops found and did, checked against the catalogue."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from adapters.case_columns import NO_TIME, BatchColumns
from adapters.case_mistakes import CaseMistakes
from adapters.case_table import CaseTable, TableBatch
from adapters.case_vehicles import CaseVehicles
from domain.catalogue import Catalogue, ItemSpec, UnitScale
from domain.service_record import ServiceOutcome
from workflow.case_history import CaseService

SERVICE = np.dtype(
    [("vehicle", "<i4"), ("known", "<i8"), ("time", "<i8"), ("item", "<i4"), ("outcome", "<i4"), ("value", "<f8")]
)
OUTCOMES = tuple(ServiceOutcome)
_FIELDS = ("value", "outcome", "item", "time", "vehicle", "known")  # the last counts first


class ServiceReader:
    """Reads services batch by batch into records of the type SERVICE.

    Without a catalogue, because it has mistakes of its own, only what needs none is checked.
    """

    def __init__(self, catalogue: Catalogue | None, vehicles: CaseVehicles, mistakes: CaseMistakes) -> None:
        self._items = list(catalogue.items.values()) if catalogue else None
        self._places = {item.id: place for place, item in enumerate(self._items or ())}
        self._units = catalogue.units if catalogue else {}
        self._vehicles, self._mistakes = vehicles, mistakes

    def read(self, table: CaseTable, batch: TableBatch) -> np.ndarray:
        """The records of a batch that have no mistake."""
        columns = BatchColumns(table.name, batch, self._mistakes)
        vehicle = self._vehicles.places(columns)
        time = columns.times("time")
        known = self._known(columns, time)
        item = self._item(columns)
        outcome = _outcome(columns)
        value = self._value(columns, item)
        is_empty = (outcome == OUTCOMES.index(ServiceOutcome.MEASURED)) & np.isnan(value) & ~columns.is_odd
        columns.wrong(is_empty, lambda _: "the outcome is measured, but there is no value")
        is_good = (vehicle >= 0) & (time != NO_TIME) & (known != NO_TIME) & (item >= 0) & (outcome >= 0)
        found = np.zeros(len(time), dtype=SERVICE)
        for name, column in zip(SERVICE.names or (), (vehicle, known, time, item, outcome, value), strict=True):
            found[name] = column
        good: np.ndarray = found[is_good]
        return good

    def _known(self, columns: BatchColumns, time: np.ndarray) -> np.ndarray:
        known = columns.times("known_time", is_needed=False)
        known = np.where(known == NO_TIME, time, known)
        columns.wrong((known < time) & (time != NO_TIME), lambda _: "known_time is before time")
        return known

    def _item(self, columns: BatchColumns) -> np.ndarray:
        names = columns.names("item")
        if self._items is None:
            return np.where(names.of < 0, -1, 0)
        found = names.mapped(lambda name: self._places.get(name, -1))
        known = ", ".join(list(self._places)[:10]) + (" …" if len(self._places) > 10 else "")
        columns.wrong(
            (names.of >= 0) & (found < 0),
            lambda n: f"the catalogue has no item {names[n]}" + (f"; it has {known}" if known else ""),
        )
        return found

    def _value(self, columns: BatchColumns, item: np.ndarray) -> np.ndarray:
        """Values in the items' own units."""
        value = columns.numbers("value")
        if self._items is None:
            return value
        units = columns.names("unit", is_needed=False)
        is_told = (units.of >= 0) & (item >= 0) & ~np.isnan(value)
        pairs = np.unique(np.stack((item[is_told], units.of[is_told])), axis=1)
        for place, of in pairs.T.tolist():
            spec, unit = self._items[place], units.distinct[of]
            where = is_told & (item == place) & (units.of == of)
            scale = self._scale(spec, unit)
            if scale is None:
                columns.wrong(where, _always(self._wrong_unit(spec, unit)))
            else:
                value = np.where(where, value * scale.factor + scale.offset, value)
        return value

    def _scale(self, item: ItemSpec, unit: str) -> UnitScale | None:
        own = own_unit(item)
        return UnitScale(1.0) if own in ("", unit) else self._units.get(own, {}).get(unit)

    def _wrong_unit(self, item: ItemSpec, unit: str) -> str:
        own = own_unit(item)
        others = ", ".join(self._units.get(own, {}))
        return f"{item.id} is measured in {own}, not in {unit}" + (f"; convertible are {others}" if others else "")


def _always(wrong: str) -> Callable[[int], str]:
    return lambda _: wrong


def _outcome(columns: BatchColumns) -> np.ndarray:
    names = columns.names("outcome")
    known = [outcome.value for outcome in OUTCOMES]
    found = names.mapped(lambda name: known.index(name.lower()) if name.lower() in known else -1)
    columns.wrong(
        (names.of >= 0) & (found < 0), lambda n: f"outcome {names[n]} must be one of " + ", ".join(sorted(known))
    )
    return found


def own_unit(item: ItemSpec) -> str:
    """The unit an item is measured in, "" where it has none."""
    part = item.wear or item.life or item.hazard
    return part.unit if part else ""


def order(records: np.ndarray) -> np.ndarray:
    """The places that sort records by when they become known; the rest breaks ties, so the files' order doesn't."""
    return np.lexsort([records[name] for name in _FIELDS])


def services(records: np.ndarray, items: tuple[str, ...]) -> list[CaseService]:
    """Records as values; their vehicles' places are taken as they stand."""
    return [
        CaseService(vehicle, time, known, items[item], OUTCOMES[outcome], None if value != value else value)
        for vehicle, known, time, item, outcome, value in records.tolist()
    ]
