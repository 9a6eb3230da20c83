"""LearntPredictions: what a back-test says of items that are learnt from signals, and when their labels are due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from domain.service_record import ServiceOutcome
from models.learnt_features import LearntFeatures
from models.learnt_items import Decision, LearntItems, LifeItem
from models.life_unit import LifeUnit
from models.vehicle_state import UNKNOWN, States
from workflow.case_attributes import attribute_numbers
from workflow.case_fold import CaseFold
from workflow.case_history import CaseHistory, CaseService
from workflow.item_predictions import ItemPredictions

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class LearntPredictions:
    """Predicts and teaches the items of a case that are in the short form, calendars aside."""

    def __init__(self, history: CaseHistory, machines: CaseFold) -> None:
        names, self._attributes = attribute_numbers(history.attributes, len(history.vehicle_ids))
        catalogue = history.catalogue
        self._machines = machines
        self._features = LearntFeatures(catalogue, names)
        self._items = LearntItems(catalogue, self._features, history.settings.decide.every_ms)
        self._units = {item: LifeUnit.of(spec.life.unit) for item, spec in catalogue.items.items() if spec.life}

    def learn_until(self, now_ms: int) -> int:
        """Learn the labels that time has made known; how many."""
        return sum(risk.learn_until(now_ms) for risks in self._items.risks.values() for risk in risks)

    def serve(self, service: CaseService) -> int:
        """A service came to be known; how many labels that taught. To be told before the state hears of it."""
        is_failure = service.outcome is ServiceOutcome.FAILED
        if is_failure:
            for risk in self._items.risks.get(service.item, ()):
                risk.failed(service.vehicle, service.time_ms)
        if not service.outcome.renews or service.item not in self._items.lives:
            return 0
        at = self._stands(self._units[service.item], np.array([service.vehicle]), service.known_ms)
        life = self._items.lives[service.item]
        return life.ended(service.vehicle, service.time_ms, (service.known_ms, float(at[0])), is_failure=is_failure)

    def say(self, now_ms: int, vehicles: Ints) -> Iterator[ItemPredictions]:
        """What is said of each item of these machines."""
        states = self._machines.states[vehicles]
        rows = self._features.rows(states, np.full(len(vehicles), now_ms), self._attributes[vehicles])
        decision = Decision(now_ms, vehicles, rows)
        nowhere, always = np.full(len(vehicles), np.nan), np.ones(len(vehicles), dtype=np.bool_)
        for item, risks in self._items.risks.items():
            p = np.stack([risk.predict(decision) for risk in risks], axis=1)
            for risk in risks:
                risk.keep(decision)
            horizons_ms = [risk.horizon_ms for risk in risks]
            dues = _due_of_risk(now_ms, p, horizons_ms, self._items.action_probability[item])
            yield ItemPredictions(item, self._items.version(item), p, nowhere, nowhere, *dues, always)
        for item, life in self._items.lives.items():
            yield self._say_life(item, life, decision, states)

    def _say_life(self, item: str, life: LifeItem, decision: Decision, states: States) -> ItemPredictions:
        k, now_ms, unit = len(decision.vehicles), decision.now_ms, self._units[item]
        left = life.predict(decision)
        at = self._stands(unit, decision.vehicles, now_ms)
        life.keep(decision, at)
        seen_ms = np.where(states["first_ms"] == UNKNOWN, 0, states["last_ms"] - states["first_ms"])
        metres = np.where(states["odometer_m"] == UNKNOWN, 0, states["odometer_m"] - states["first_odometer_m"])
        per_ms = unit.per_ms(seen_ms, metres, self._machines.reports[decision.vehicles])
        is_taught = life.model.version > 0
        remaining = left.remaining if is_taught else np.full(k, np.nan)
        earliest, expected, latest = (
            _moments(now_ms, amount, per_ms, is_taught) for amount in (left.least, left.remaining, left.most)
        )
        return ItemPredictions(
            item, self._items.version(item), np.empty((k, 0)), remaining, at, earliest, expected, latest,
            np.isfinite(remaining),
        )  # fmt: skip

    def _stands(self, unit: LifeUnit, vehicles: Ints, now_ms: int) -> Floats:
        """Where these machines stand in a unit of life."""
        odometers_m = self._machines.states["odometer_m"][vehicles]
        return unit.at(np.full(len(vehicles), now_ms), odometers_m, self._machines.reports[vehicles])


def _moments(now_ms: int, amount: Floats, per_ms: Floats, is_taught: bool) -> Ints:
    """When so much of a life's unit will have passed, −1 where that can't be said."""
    ahead_ms = np.where(np.isfinite(per_ms), np.nan_to_num(amount / per_ms, posinf=0.0), UNKNOWN - now_ms)
    return (now_ms + ahead_ms).astype(np.int64) if is_taught else np.full(len(amount), UNKNOWN, dtype=np.int64)


def _due_of_risk(now_ms: int, p: Floats, horizons_ms: Sequence[int], action: float) -> tuple[Ints, Ints, Ints]:
    """When the item passes its action level, and between which moments it is to fail, at a constant rate.

    −1 beyond the longest horizon: further ahead nothing was learnt.
    """
    longest = int(np.argmax(horizons_ms))
    horizon = float(horizons_ms[longest])
    rate = -np.log1p(-np.clip(p[:, longest], 1e-12, 1.0 - 1e-12)) / horizon
    moments = []
    for share in (0.05, action, 0.95):
        ahead = -np.log1p(-share) / rate
        moments.append(np.where(ahead <= horizon, now_ms + np.minimum(ahead, horizon), UNKNOWN).astype(np.int64))
    earliest, expected, latest = moments
    return np.where(expected == UNKNOWN, UNKNOWN, np.minimum(earliest, expected)), expected, latest
