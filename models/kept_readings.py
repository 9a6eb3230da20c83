"""KeptReadings: what hazards were judged by at some past moments of a car, for labels that come when it is served.

What was known then teaches, not what is known when the label comes (design note 2). Moments are few: the newest lie at
least ten days apart, so that several fall into the horizon before a failure, and what leaves them is thinned to one
in sixty days. They are taken from the levels that have left the ring of newest uploads (`models.event_order`), so that
late uploads change nothing in them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from models.hazard_items import HazardItems, hazard_readings
from models.vehicle_state import DAY_MS, KEPT_OLDER, StateLayout, States

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEWEST_EVERY_DAYS, OLDER_EVERY_DAYS = 10, 60
STEPS = 16.0  # in which a feature's scale is counted, from its centre
NOT_SEEN, MOST_STEPS = -128, 127


class KeptReadings:
    """Keeps the readings of a catalogue's hazards in the states' `kept`, the oldest moment first; day 0 is none."""

    def __init__(self, catalogue: Catalogue, layout: StateLayout) -> None:
        items = HazardItems(catalogue, tuple(dict.fromkeys(item for item, _ in layout.kept)))
        self._items = items
        self._place = np.array([items.ids.index(item) for item, _ in layout.kept], dtype=np.int64)
        self._slot = np.array(
            [
                [feature.name for feature in items.specs[items.ids.index(item)].features].index(name)
                for item, name in layout.kept
            ],
            dtype=np.int64,
        )
        self._centre = items.centre[self._slot, self._place, 0]
        self._per_step = STEPS / items.scale[self._slot, self._place, 0]

    def values(self, kept: npt.NDArray[Any]) -> Floats:
        """The features of kept moments, shape (m,), in their units, (m, F); NaN where nothing was seen."""
        steps = kept["kept_value"].astype(np.float64)
        return np.where(steps == NOT_SEEN, np.nan, self._centre + steps / self._per_step)

    def keep(self, states: States, cars: Ints) -> None:
        """Keep what the levels of the ring's end say of `cars` (rows of `states`) whose newest moment is old enough."""
        if not len(self._place):
            return
        day = states["base"]["last_ms"][cars] // DAY_MS
        due = np.flatnonzero(day - states["kept"]["day"][cars, -1] >= NEWEST_EVERY_DAYS)
        if not len(due):
            return
        some = cars[due]
        kept = states["kept"][some]
        _make_room(kept)
        value, is_seen = hazard_readings(states["base"][some], self._items)
        own = np.where(is_seen, value, np.nan)[self._slot, self._place].T
        kept["day"][:, -1] = day[due]
        steps = np.clip(np.rint((own - self._centre) * self._per_step), -MOST_STEPS, MOST_STEPS)
        kept["kept_value"][:, -1] = np.where(np.isnan(own), NOT_SEEN, steps)
        states["kept"][some] = kept


def kept_names(catalogue: Catalogue, kept: tuple[tuple[str, str], ...]) -> list[str]:
    """What the places of `StateLayout.kept` stand for, with the steps they are counted in."""
    names = []
    for item, name in kept:
        hazard = catalogue.items[item].hazard
        own = next(feature for feature in (hazard.features if hazard else ()) if feature.name == name)
        names.append(f"{item}/{name} from {own.centre} by {own.scale}")
    return names


def _make_room(kept: npt.NDArray[Any]) -> None:
    """Free the newest place of each car, shape (m, places), in place."""
    leaving = kept[:, KEPT_OLDER].copy()
    kept[:, KEPT_OLDER:-1] = kept[:, KEPT_OLDER + 1 :]
    stays = (leaving["day"] > 0) & (
        leaving["day"].astype(np.int64) - kept["day"][:, KEPT_OLDER - 1] >= OLDER_EVERY_DAYS
    )
    some = np.flatnonzero(stays)
    kept[some, : KEPT_OLDER - 1] = kept[some, 1:KEPT_OLDER]
    kept[some, KEPT_OLDER - 1] = leaving[some]
