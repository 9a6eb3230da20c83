"""SignalNames: how senders may call and measure the signals of a catalogue, by version of the specification."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Self

from domain.catalogue import Catalogue, UnitScale, VssVersion
from domain.errors import InvalidInput
from workflow.upload_envelope import Envelope, cut, is_position

OWN_VERSION = "6.0"
_KEPT = 1_024


class NamedColumn(NamedTuple):
    """A column as it was sent: the signal it is of, and how its values become the signal's own (None: they are)."""

    path: str
    scale: UnitScale | None


class SignalNames:
    """Resolves names and units; the same question is answered once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._signals = {path: spec.unit for path, spec in catalogue.signals.items()}
        self._versions: Mapping[str, VssVersion] = {**catalogue.versions, catalogue.vss: VssVersion({}, {})}
        self._units = catalogue.units
        self._resolved: dict[tuple[str, tuple[str, ...]], list[NamedColumn]] = {}

    @classmethod
    def of(cls, paths: Collection[str]) -> Self:
        """Of signals that are called and measured in one way only."""
        own = cls.__new__(cls)
        own._signals = dict.fromkeys(paths, "")
        own._versions, own._units, own._resolved = {OWN_VERSION: VssVersion({}, {})}, {}, {}
        return own

    def check_version(self, vss: str) -> None:
        """Raise InvalidInput for a version that nobody has described."""
        if vss not in self._versions:
            known = ", ".join(sorted(self._versions))
            raise InvalidInput(f"VSS {cut(vss)!r} is not known", field="vss", fix=f"name signals by VSS {known}")

    def path(self, vss: str, name: str) -> str:
        """The catalogue's path of a signal as a version names it."""
        return self._versions[vss].names.get(name, name)

    def columns(self, head: Envelope, names: Sequence[str]) -> list[NamedColumn]:
        """What each column is; InvalidInput for a signal that is not known or comes twice, or a unit that is not."""
        if head.units:
            return self._resolve(head, names)
        key = head.vss, tuple(names)
        known = self._resolved.get(key)
        if known is None:
            known = self._resolve(head, names)
            if len(self._resolved) >= _KEPT:
                self._resolved.clear()
            self._resolved[key] = known
        return known

    def _resolve(self, head: Envelope, names: Sequence[str]) -> list[NamedColumn]:
        for name in head.units:
            if name not in names:
                raise InvalidInput("a unit of no signal that is sent", field=f"units.{cut(name)}", fix="leave it out")
        found: dict[str, str] = {}
        columns = []
        for name in names:
            path = self.path(head.vss, name)
            if path not in self._signals and not is_position(path):
                raise InvalidInput(
                    "unknown signal", field=f"signals.{cut(name)}", fix="leave it out, or add it to the catalogue"
                )
            if path in found:
                raise InvalidInput(
                    f"the same signal as {cut(found[path])}", field=f"signals.{cut(name)}", fix="send it under one name"
                )
            found[path] = name
            columns.append(NamedColumn(path, self._scale(head, name, path)))
        return columns

    def _scale(self, head: Envelope, name: str, path: str) -> UnitScale | None:
        own = self._signals.get(path, "")
        unit = head.units.get(name) or self._versions[head.vss].units.get(path, own)
        if unit == own or is_position(path):
            return None
        scale = self._units.get(own, {}).get(unit)
        if scale is None:
            known = ", ".join([own, *self._units.get(own, {})])
            raise InvalidInput(f"unit {cut(unit)!r} of a signal", field=f"units.{cut(name)}", fix=f"one of {known}")
        return scale
