"""HorizonLabels: what became of the horizons of a hazard that has features of its own, as labels for its model."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from domain.service_record import TrainingExample
from models.hazard_items import HazardItems, hazard_features
from models.vehicle_state import DAY_MS, States

Ints = npt.NDArray[np.int64]


class HorizonLabels:
    """Of each machine one decision at a time is kept until the item's own horizon has passed, and then the next.

    So every stretch of a machine's life teaches once: 1 if the item failed in it, 0 if not, whatever else was done.
    """

    def __init__(self, catalogue: Catalogue, item: str) -> None:
        """TypeError when the item is no hazard with features of its own."""
        self.item = item
        self._items = HazardItems(catalogue, [item])
        self._names = tuple(feature.name for feature in self._items.specs[0].features)
        self.horizon_ms = self._items.specs[0].decide_on_days * DAY_MS
        self._free_from: dict[int, int] = {}
        self._waiting: deque[tuple[int, int, dict[str, float]]] = deque()
        self._failures: dict[int, list[int]] = {}
        self._late_ms = 0

    def keep(self, now_ms: int, vehicles: Ints, states: States) -> None:
        """Keep what is known of machines (k,) whose former horizon has passed; `states`: theirs, shape (k,)."""
        free = [n for n, vehicle in enumerate(vehicles.tolist()) if self._free_from.get(vehicle, now_ms) <= now_ms]
        if not free:
            return
        known = hazard_features(states[free], self._items)
        for n, place in enumerate(free):
            seen = zip(self._names, known.value[:, 0, n].tolist(), known.is_seen[:, 0, n].tolist(), strict=False)
            vehicle = int(vehicles[place])
            self._waiting.append((now_ms, vehicle, {name: value for name, value, is_seen in seen if is_seen}))
            self._free_from[vehicle] = now_ms + self.horizon_ms

    def failed(self, vehicle: int, at_ms: int, known_ms: int) -> None:
        """The item failed in this machine, which is heard of at `known_ms`.

        Horizons are waited for as much longer as failures have come late so far, up to twice their length.
        """
        self._failures.setdefault(vehicle, []).append(at_ms)
        self._late_ms = max(self._late_ms, min(known_ms - at_ms, self.horizon_ms))

    def due(self, now_ms: int) -> Iterator[TrainingExample]:
        """The labels of the horizons that have passed by now, each once."""
        while self._waiting and self._waiting[0][0] + self.horizon_ms + self._late_ms <= now_ms:
            kept_ms, vehicle, features = self._waiting.popleft()
            end_ms = kept_ms + self.horizon_ms
            has_failed = any(kept_ms < at_ms <= end_ms for at_ms in self._failures.get(vehicle, ()))
            yield TrainingExample(
                label_id=f"{self.item}/{vehicle}/{kept_ms}",
                # A learner bounds what one car may say by giving its later labels less weight. Here each tells of
                # another stretch of time, and the late ones are those that end in failures: all must count alike.
                vehicle_id=f"{vehicle}/{kept_ms}",
                item=self.item,
                known_ms=end_ms,
                made_ms=kept_ms,
                features=features,
                target=float(has_failed),
            )
