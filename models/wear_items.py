"""Wear items side by side: what the catalogue says of them, and what the fleet taught, in columns for whole blocks.

Arrays of wear have the axes (slot, item, car): slot e is the e-th exposure of each item's own rates. Items of fewer
exposures than the longest have empty slots, in which every number is 0 and adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from domain.catalogue import ELAPSED_DAYS, AtFloor, Catalogue, WearSpec
from models.fleet_model import FleetModel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class WearItems:
    """Some wear items of a catalogue; numbers and flags have the shape (w, 1), those of slots (e, w, 1)."""

    def __init__(self, catalogue: Catalogue, ids: Sequence[str]) -> None:
        """TypeError when one is no wear item."""
        self.ids = tuple(ids)
        self.specs = tuple(_wear_of(catalogue, item) for item in ids)
        self.slots = max((len(spec.rates) for spec in self.specs), default=0)
        self.new = self._column(lambda spec: spec.new)
        self.limit = self._column(lambda spec: spec.limit)
        self.floor = self._column(lambda spec: spec.floor or 0.0)
        self.unseen_sd = self._column(lambda spec: spec.unseen_sd)
        self.say_until_days = self._column(lambda spec: spec.say_until_days)
        self.km_until_ready = self._column(lambda spec: spec.km_until_ready)
        self.has_floor: Bools = np.array([[spec.floor is not None] for spec in self.specs], dtype=np.bool_)
        undrivable = [[spec.floor is not None and spec.at_floor is AtFloor.UNDRIVABLE] for spec in self.specs]
        self.is_undrivable: Bools = np.array(undrivable, dtype=np.bool_)
        self.undrivable: Ints = np.flatnonzero(self.is_undrivable)
        # Where the newest readings of their sensors stand in a state, by the place of the item; most have none.
        sensed = list(catalogue.sensed)
        self.sensor_places = {w: sensed.index(item) for w, item in enumerate(ids) if item in sensed}
        # The state's column of each slot; 0, and not summed, where time itself is the exposure or the slot is empty.
        self.columns: Ints = np.zeros((self.slots, len(ids)), dtype=np.int64)
        self.is_summed: Bools = np.zeros((self.slots, len(ids), 1), dtype=np.bool_)
        self.is_elapsed: Bools = np.zeros_like(self.is_summed)
        summed = catalogue.summed_exposures
        for w, spec in enumerate(self.specs):
            for e, name in enumerate(spec.rates):
                self.is_elapsed[e, w] = catalogue.exposures[name].function == ELAPSED_DAYS
                self.is_summed[e, w] = not self.is_elapsed[e, w]
                self.columns[e, w] = summed.index(name) if name in summed else 0

    def _column(self, number: Callable[[WearSpec], float]) -> Floats:
        return np.array([number(spec) for spec in self.specs], dtype=np.float64)[:, None]


class WearRates:
    """What the serving models of `items` know: rates and their covariance per slot, and the width of the windows."""

    def __init__(self, items: WearItems, models: Sequence[FleetModel]) -> None:
        """`models`: one per item, in the items' order; TypeError when one is no model of wear."""
        count = len(items.ids)
        self.rate: Floats = np.zeros((items.slots, count, 1))
        self.covariance: Floats = np.zeros((items.slots, items.slots, count, 1))
        self.width: Floats = np.array([model.windows.width for model in models], dtype=np.float64)[:, None]
        for w, model in enumerate(models):
            if model.wear is None:
                raise TypeError(f"{model.item.id} is no wear item")
            k = len(model.wear.names)
            self.rate[:k, w, 0] = model.wear.coefficients
            self.covariance[:k, :k, w, 0] = model.wear.covariance


def _wear_of(catalogue: Catalogue, item: str) -> WearSpec:
    spec = catalogue.items[item].wear
    if spec is None:
        raise TypeError(f"{item} is no wear item")
    return spec
