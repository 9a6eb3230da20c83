"""LearntItems: the models of all items that are learnt from signals, and the labels that time makes for them.

What was said at a decision is kept until its label is known. A failure within the horizon is a positive, any other
outcome a negative, and both are learnt when the horizon has passed: a positive learnt earlier than the negatives of its
days would push probabilities up. A failure that is heard of later than that sets right what was learnt without it. The
rows of a life are kept, thinned, until it ends.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from models.failure_risk import FailureRisk
from models.incremental_risk import INCREMENTAL, IncrementalRisk
from models.learnt_features import LearntFeatures
from models.remaining_life import MOST_ROWS, ROWS_PER_LIFE, RemainingLife, RemainingMany, Running, spread_out

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.float32]

MOST_WAITING = 64
"""Decisions of a machine that wait for their label at a time, per horizon; of more a fair part is kept."""
MOST_LEARNT = 20_000
"""Rows per horizon that are kept after they were learnt, for failures that are heard of late."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is known at one moment of some machines: features `rows`, shape (k, names)."""

    now_ms: int
    vehicles: Ints
    rows: Rows


@dataclass(slots=True)
class _Waiting:
    now_ms: int
    vehicles: Ints
    rows: Rows
    said: Floats | None = None  # by each way of growing trees, shape (ways, k)
    has_failed: Bools = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))  # as it was learnt


class RiskItem:
    """One item, one horizon: a model, and decisions that wait for the horizon to pass."""

    def __init__(self, item: str, horizon_ms: int, columns: Ints, every_ms: int, model: str = "") -> None:
        """`model`: the name of one that is incremental; trees that are grown anew where none is."""
        self.item, self.horizon_ms = item, horizon_ms
        self.model: FailureRisk | IncrementalRisk = (
            IncrementalRisk(model) if model in INCREMENTAL else FailureRisk(len(columns))
        )
        self._columns = columns
        self._stride = max(1, -(-horizon_ms // every_ms // MOST_WAITING))
        self._made: dict[int, int] = {}
        self._waiting: deque[_Waiting] = deque()
        self._learnt: deque[_Waiting] = deque()
        self._learnt_rows = 0
        self._failures: dict[int, list[int]] = {}

    def failed(self, vehicle: int, at_ms: int) -> None:
        """The item failed in this machine; what was learnt as if it had not is set right."""
        if at_ms in self._failures.setdefault(vehicle, []):
            return
        self._failures[vehicle].append(at_ms)
        for kept in self._learnt:
            if kept.now_ms < at_ms <= kept.now_ms + self.horizon_ms:
                own = np.flatnonzero((kept.vehicles == vehicle) & ~kept.has_failed)
                kept.has_failed[own] = True
                ids = [self._label_id(vehicle, kept.now_ms)] * len(own)
                self.model.correct_many(kept.rows[own], [f"{vehicle}/{at_ms}"] * len(own), ids)

    def learn_until(self, now_ms: int) -> int:
        """Learn the labels that are known by now; how many."""
        count = 0
        while self._waiting and self._waiting[0].now_ms + self.horizon_ms <= now_ms:
            count += self._learn(self._waiting.popleft())
        return count

    def predict(self, decision: Decision) -> Floats:
        """The probabilities, shape (k,)."""
        return self.model.predict_many(decision.rows[:, self._columns])

    def keep(self, decision: Decision) -> None:
        """Keep the decision for its label: of each machine the first, and then a fair part."""
        if self._stride == 1:
            own = np.arange(len(decision.vehicles))
        else:
            made = [self._made.get(vehicle, 0) for vehicle in decision.vehicles.tolist()]
            self._made.update({v: n + 1 for v, n in zip(decision.vehicles.tolist(), made, strict=True)})
            own = np.flatnonzero(np.array(made) % self._stride == 0)
        if len(own):
            rows = decision.rows[own][:, self._columns]
            said = self.model.predict_each(rows) if isinstance(self.model, FailureRisk) else None
            self._waiting.append(_Waiting(decision.now_ms, decision.vehicles[own], rows, said))

    def _learn(self, kept: _Waiting) -> int:
        labels = np.zeros(len(kept.vehicles), dtype=np.bool_)
        failures = [""] * len(kept.vehicles)
        for place, vehicle in enumerate(kept.vehicles.tolist()):
            for at_ms in self._failures.get(vehicle, ()):
                if kept.now_ms < at_ms <= kept.now_ms + self.horizon_ms:
                    labels[place] = True
                    failures[place] = f"{vehicle}/{at_ms}"
        ids = [self._label_id(vehicle, kept.now_ms) for vehicle in kept.vehicles.tolist()]
        if kept.said is not None and isinstance(self.model, FailureRisk):
            self.model.hold(kept.said, labels)
            kept.said = None
        self.model.learn_many(kept.rows, labels, failures, ids)
        kept.has_failed = labels
        self._learnt.append(kept)
        self._learnt_rows += len(labels)
        while self._learnt_rows > MOST_LEARNT:
            self._learnt_rows -= len(self._learnt.popleft().rows)
        return len(labels)

    def _label_id(self, vehicle: int, now_ms: int) -> str:
        return f"{self.item}/{self.horizon_ms}/{vehicle}/{now_ms}"


@dataclass(slots=True)
class _Life:
    """Rows of a life under way, every `stride`-th of its decisions, with when and where in the item's unit each was."""

    stride: int = 1
    seen: int = 0
    rows: list[Rows] = field(default_factory=list)
    time_ms: list[int] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    newest: float = 0.0

    def add(self, row: Rows, time_ms: int, at: float) -> None:
        self.newest = at
        if self.seen % self.stride == 0:
            self.rows.append(row)
            self.time_ms.append(time_ms)
            self.at.append(at)
            if len(self.rows) >= 2 * ROWS_PER_LIFE:
                self.stride *= 2
                self.rows, self.time_ms, self.at = self.rows[::2], self.time_ms[::2], self.at[::2]
        self.seen += 1

    def after(self, end_ms: int) -> _Life | None:
        """What is known already of the life that follows one that ended then; None where nothing is."""
        first = bisect_right(self.time_ms, end_ms)
        if first == len(self.rows):
            return None
        return _Life(self.stride, self.seen, self.rows[first:], self.time_ms[first:], self.at[first:], self.newest)


class LifeItem:
    """One wear item that is learnt from signals: a model, and the lives under way."""

    def __init__(self, item: str, columns: Ints, say_until: float) -> None:
        self.item = item
        self.model = RemainingLife(say_until)
        self._columns = columns
        self._lives: dict[int, _Life] = {}
        self._renewed_ms: dict[int, int] = {}

    def predict(self, decision: Decision) -> RemainingMany:
        """What is left, in the item's unit."""
        return self.model.predict_many(decision.rows[:, self._columns])

    def keep(self, decision: Decision, at: Floats) -> None:
        """Keep the decision for the end of each life; `at`: where it stands in the item's unit, NaN unknown."""
        rows = decision.rows[:, self._columns]
        for place, (vehicle, where) in enumerate(zip(decision.vehicles.tolist(), at.tolist(), strict=True)):
            if np.isfinite(where):
                self._lives.setdefault(vehicle, _Life()).add(rows[place], decision.now_ms, where)

    def ended(self, vehicle: int, end_ms: int, now: tuple[int, float], *, is_failure: bool) -> int:
        """The item came to its end at `end_ms`, or was renewed before; how many labels that taught.

        `now`: the moment at which that is known, and where the machine stands then in the item's unit. What is known of
        no later moment than a renewal that was heard of before is no news.
        """
        if end_ms <= self._renewed_ms.get(vehicle, -1):
            return 0
        self._renewed_ms[vehicle] = end_ms
        life = self._lives.pop(vehicle, None)
        if life is None:
            return 0
        following = life.after(end_ms)
        if following is not None:
            self._lives[vehicle] = following
        now_ms, now_at = now
        if not is_failure or not np.isfinite(now_at):
            return 0
        # Heard of late, it is where the machine stood between the decisions around it.
        at = np.interp(end_ms, [*life.time_ms, max(now_ms, life.time_ms[-1] + 1)], [*life.at, now_at])
        left = at - np.array(life.at)
        is_before = (np.array(life.time_ms) <= end_ms) & (left >= 0)
        if not is_before.any():
            return 0
        self.model.learn_life(np.stack(life.rows)[is_before], left[is_before], vehicle, self._running)
        return int(is_before.sum())

    def _running(self) -> Running:
        """Some rows of each life that goes on, and how long it has lasted since."""
        rows: list[Rows] = []
        lasted: list[Floats] = []
        each = max(1, min(ROWS_PER_LIFE, MOST_ROWS // max(1, len(self._lives))))
        for life in self._lives.values():
            places = spread_out(len(life.rows), each)
            rows += [life.rows[place][None] for place in places.tolist()]
            lasted.append(life.newest - np.array(life.at)[places])
        if not rows:
            return Running(np.empty((0, len(self._columns)), dtype=np.float32), np.empty(0))
        return Running(np.concatenate(rows), np.concatenate(lasted))


class LearntItems:
    """All items of a catalogue that are learnt from signals; decisions are made every `every_ms`."""

    def __init__(self, catalogue: Catalogue, features: LearntFeatures, every_ms: int) -> None:
        self.risks: dict[str, list[RiskItem]] = {}
        self.lives: dict[str, LifeItem] = {}
        self.action_probability: dict[str, float] = {}
        for spec in catalogue.items.values():
            if spec.risk is not None:
                columns = features.columns(spec.id, spec.risk)
                self.risks[spec.id] = [
                    RiskItem(spec.id, horizon_ms, columns, every_ms, spec.model) for horizon_ms in spec.risk.horizons_ms
                ]
                self.action_probability[spec.id] = spec.risk.action_probability
            elif spec.life is not None:
                self.lives[spec.id] = LifeItem(spec.id, features.columns(spec.id, spec.life), spec.life.say_until)

    def version(self, item: str) -> str:
        """How many labels the item's models have learnt."""
        if item in self.lives:
            return str(self.lives[item].model.version)
        return "+".join(str(risk.model.version) for risk in self.risks[item])
