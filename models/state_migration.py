"""StateMigration: states that were written for another catalogue, as states of this one.

A layout describes itself (`StateLayout.describe`); workers keep the descriptions of all layouts that ever wrote. What
both catalogues name is carried over by its name: exposures, trends, items and their baselines. What is new begins as
in an empty state: an exposure as one that was never observed, an item as one of which nobody has told. What is gone
is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from domain.errors import InvalidInput, Unavailable
from domain.telemetry import VehicleAttributes
from models.day_ring import day_quanta
from models.kept_readings import NOT_SEEN, kept_names
from models.vehicle_state import LAYOUT_VERSION, StateLayout


class ForeignState(Unavailable):
    """A state of a layout that nobody has described here: nothing is lost by waiting until somebody does."""


class LayoutDescription(msgspec.Struct, frozen=True):
    """A layout's version, its fields, what the places of its arrays stand for, and the steps of its days' sums.

    `axes`: `exposures`, `trends`, `told`, `kept` and `sensed`; and for each wear item the exposures of its own columns.
    """

    layout: int
    version: int
    fields: list[Any]
    axes: dict[str, list[str]]
    quanta: list[float]

    def dtype(self) -> np.dtype[Any]:
        """The record type of its states."""
        return np.dtype(_fields(self.fields))


def describe(layout: StateLayout, catalogue: Catalogue) -> LayoutDescription:
    """The description of a catalogue's layout."""
    axes = {"exposures": list(layout.exposures), "trends": list(layout.trends), "told": list(layout.told_items)}
    axes["kept"] = kept_names(catalogue, layout.kept)
    axes["sensed"] = list(layout.sensed)
    for item, columns in layout.wear_columns.items():
        axes[f"item:{item}"] = [layout.exposures[column] for column in columns]
    return LayoutDescription(LAYOUT_VERSION, layout.version, layout.fields, axes, day_quanta(catalogue).tolist())


def read_description(data: bytes) -> LayoutDescription:
    """A description from JSON; raises InvalidInput for what is none."""
    try:
        return msgspec.json.decode(data, type=LayoutDescription)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"not the description of a layout: {error}", field="layout", fix="remove it") from error


class FormerLayouts:
    """The layouts that states may be of, and their states as those of the layout that is in use."""

    def __init__(self, catalogue: Catalogue, layout: StateLayout) -> None:
        self._layout = layout
        self._fresh = layout.empty(catalogue, VehicleAttributes())
        self.own = describe(layout, catalogue)
        self._migrations: dict[bytes, StateMigration] = {}

    def knows(self, version: int) -> bool:
        """Whether states of this version can be read."""
        return version == self._layout.version or np.uint32(version).tobytes() in self._migrations

    def learn(self, description: LayoutDescription) -> None:
        """Read states of this layout from now on; raises InvalidInput when they can't be carried over."""
        if not self.knows(description.version):
            migration = StateMigration(description, self.own)
            self._migrations[np.uint32(description.version).tobytes()] = migration

    def current(self, data: bytes) -> bytes:
        """A state in the layout that is in use; raises `ForeignState` when it is of one that is not known."""
        mark = data[:4]
        if mark == self._layout.mark:
            return data
        migration = self._migrations.get(mark)
        if migration is None:
            raise ForeignState(
                "a car's state was written for a catalogue that this worker doesn't know: "
                "start it with the catalogue that the others have, or once more if it was the first"
            )
        fresh = np.array([self._fresh], dtype=self._layout.dtype)
        return migration.migrate([data], fresh).tobytes()


class StateMigration:
    """Carries states of one layout over to another."""

    def __init__(self, old: LayoutDescription, new: LayoutDescription) -> None:
        if old.layout != new.layout:
            raise InvalidInput(
                f"states of layout {old.layout} can't be carried over to layout {new.layout}",
                field="state.version",
                fix="rebuild the states from the uploads",
            )
        self._old = old.dtype()
        self._axes = {name: _shared(old.axes.get(name, ()), names) for name, names in new.axes.items()}
        self._added = {
            name: [place for place, own in enumerate(names) if own not in old.axes.get(name, ())]
            for name, names in new.axes.items()
        }
        self._exposures = {item: _shared(new.axes["exposures"], names) for item, names in _items(new.axes)}
        self._steps = np.array(old.quanta), np.array(new.quanta)

    def migrate(self, data: Sequence[bytes], fresh: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The states in `data`, each of the old layout; `fresh`: as many empty ones of the new, which are filled."""
        old = np.frombuffer(b"".join(data), self._old)
        self._carry(old, fresh, "")
        self._begin_baselines(old, fresh)
        return fresh

    def _begin_baselines(self, old: npt.NDArray[Any], fresh: npt.NDArray[Any]) -> None:
        """An item that is new to an exposure counts it from now on, not from the first time that it was summed."""
        for item, columns in self._exposures.items():
            if item not in (old["items"].dtype.names or ()):
                continue
            for source, place in columns:
                if place in self._added[f"item:{item}"]:
                    for name in ("exposure", "exposure_m"):
                        fresh["items"][item][name][..., place] = fresh[name][..., source]

    def _carry(self, old: npt.NDArray[Any], new: npt.NDArray[Any], item: str) -> None:
        old_names = old.dtype.names or ()
        for name in new.dtype.names or ():
            if name not in old_names or name == "version":
                continue
            if name == "items":
                for own in set(new[name].dtype.names or ()) & set(old[name].dtype.names or ()):
                    self._carry(old[name][own], new[name][own], own)
            elif (axis := self._axis(name, item)) is not None:
                self._carry_axis(old[name], new[name], axis, name)
            elif new[name].dtype.names:
                self._carry(old[name], new[name], item)
            else:
                new[name] = old[name]

    def _axis(self, name: str, item: str) -> str | None:
        """Which names the last places of an array stand for."""
        if name in ("exposure", "exposure_m"):
            return f"item:{item}" if item else "exposures"
        return {"trends": "trends", "told": "told", "kept_value": "kept", "sensed": "sensed"}.get(name)

    def _carry_axis(self, old: npt.NDArray[Any], new: npt.NDArray[Any], axis: str, name: str) -> None:
        before, after = self._steps
        for source, target in self._axes.get(axis, ()):
            values = old[..., source]
            if name == "exposure" and axis == "exposures" and old.dtype == np.uint16:
                # Sums of days are counted in steps that follow from the catalogue's figures.
                values = np.minimum(np.rint(values * before[source] / after[target]), 65_535)
            new[..., target] = values
        if name == "trends" and new.dtype.kind == "f":
            # Of the uploads in the ring: no reading is not a reading of 0.
            new[..., self._added[axis]] = np.nan
        if name == "kept_value":
            new[..., self._added[axis]] = NOT_SEEN


def _items(axes: Mapping[str, Sequence[str]]) -> list[tuple[str, Sequence[str]]]:
    """The items that have columns of their own, with the names of those."""
    return [(axis.removeprefix("item:"), names) for axis, names in axes.items() if axis.startswith("item:")]


def _shared(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Where names of both stand in each."""
    return [(list(old).index(name), place) for place, name in enumerate(new) if name in old]


def _fields(described: Sequence[Any]) -> list[Any]:
    """Fields as numpy takes them; JSON knows no tuples."""
    fields = []
    for name, kind, *shape in described:
        fields.append((name, _fields(kind) if isinstance(kind, list) else kind, *(tuple(one) for one in shape)))
    return fields
