"""Hazard items side by side, and what the states of cars tell of their features; axes (slot, item, car) as for wear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import AGE_YEARS, Catalogue, HazardSpec
from models.fleet_model import FleetModel
from models.risk_patterns import RiskPatterns
from models.vehicle_state import DAY_MS, UNKNOWN

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

YEAR_DAYS = 365.25


class HazardItems:
    """Some hazard items of a catalogue; numbers have the shape (h, 1), those of slots (e, h, 1)."""

    def __init__(self, catalogue: Catalogue, ids: Sequence[str]) -> None:
        """TypeError when one is no hazard item."""
        self.ids = tuple(ids)
        self.specs = tuple(_hazard_of(catalogue, item) for item in ids)
        self.slots = max((len(spec.features) for spec in self.specs), default=0)
        self.action_probability = self._column(lambda spec: spec.action_probability)
        self.decide_on_days = self._column(lambda spec: spec.decide_on_days)
        self.say_until_days = self._column(lambda spec: spec.say_until_days)
        self.readings_until_ready = self._column(lambda spec: spec.readings_until_ready)
        shape = (self.slots, len(ids), 1)
        self.centre, self.scale = np.zeros(shape), np.ones(shape)
        # The trend of each slot; −1 where the feature is an age, or the slot is empty.
        self.trends: Ints = np.full(shape[:2], -1)
        self.is_age: Bools = np.zeros(shape, dtype=np.bool_)
        self.is_change: Bools = np.zeros(shape, dtype=np.bool_)
        self.is_reading: Bools = np.zeros(shape, dtype=np.bool_)  # of the item itself: the weather tells nothing of it
        names = list(catalogue.trends)
        for h, spec in enumerate(self.specs):
            for e, feature in enumerate(spec.features):
                self.centre[e, h], self.scale[e, h] = feature.centre, feature.scale
                self.is_age[e, h] = feature.source == AGE_YEARS
                self.is_change[e, h] = feature.is_change
                if feature.source != AGE_YEARS:
                    self.trends[e, h] = names.index(feature.source)
                    self.is_reading[e, h] = is_of_item(catalogue, feature.source)

    def _column(self, number: Callable[[HazardSpec], float]) -> Floats:
        return np.array([number(spec) for spec in self.specs], dtype=np.float64)[:, None]


@dataclass(frozen=True, slots=True)
class HazardFeatures:
    """Features as the states know them, shape (e, h, k): ages in years, trends in their units, 0 where not seen.

    `readings`, shape (h, k): how many of the item itself there were. `since_ms`: when it was last renewed, −1 where
    nobody told; `is_known`: or the car's own birth is.
    """

    value: Floats
    is_seen: Bools
    readings: Ints
    since_ms: Ints
    is_known: Bools


def hazard_features(states: npt.NDArray[Any], items: HazardItems) -> HazardFeatures:
    """The features of `items` in cars whose states (shape (k,)) are given."""
    last_ms = states["last_ms"]
    since_ms = np.empty((len(items.ids), len(states)), dtype=np.int64)
    for h, item in enumerate(items.ids):
        since_ms[h] = states["items"][item]["set_ms"]
    born_ms = np.where(since_ms != UNKNOWN, since_ms, states["built_ms"])
    has_age = (born_ms > 0) & (last_ms != UNKNOWN)
    age_years = np.where(has_age, np.maximum(0.0, (last_ms - born_ms) / DAY_MS / YEAR_DAYS), 0.0)
    value, is_seen, readings = _readings(states, items)
    for e, is_age in enumerate(items.is_age):
        value[e] = np.where(is_age, age_years, value[e])
        is_seen[e] |= is_age & has_age
    is_known = (since_ms != UNKNOWN) | (is_seen & items.is_age).any(axis=0)
    return HazardFeatures(value, is_seen, readings, since_ms, is_known)


def hazard_readings(levels: npt.NDArray[Any], items: HazardItems) -> tuple[Floats, Bools]:
    """Value and whether it is seen of the features that are read, shape (e, h, k), by states or their levels, (k,)."""
    value, is_seen, _ = _readings(levels, items)
    return value, is_seen


def _readings(levels: npt.NDArray[Any], items: HazardItems) -> tuple[Floats, Bools, Ints]:
    """Value and whether it is seen of each slot, and how many readings there were of each item itself, (h, k)."""
    trends = levels["trends"]
    fast, slow = np.ascontiguousarray(trends["fast"].T), np.ascontiguousarray(trends["slow"].T)
    counts = np.ascontiguousarray(trends["count"].T).astype(np.int64)
    value = np.zeros((items.slots, len(items.ids), len(levels)))
    is_seen = np.zeros(value.shape, dtype=np.bool_)
    readings = np.zeros(value.shape[1:], dtype=np.int64)
    slots = zip(items.trends, items.is_change, items.is_reading, strict=True)
    for e, (columns, is_change, is_reading) in enumerate(slots):
        is_trend = (columns >= 0)[:, None]
        if is_trend.any():
            is_read = is_trend & (counts[columns] > 0)
            change = np.where(is_change, slow[columns], 0.0)
            value[e] = np.where(is_read, fast[columns] - change, 0.0)
            is_seen[e] = is_read
            readings = np.where(is_reading, np.maximum(readings, counts[columns]), readings)
    return value, is_seen, readings


def is_of_item(catalogue: Catalogue, trend: str) -> bool:
    """Whether a trend tells of the items themselves, and not of the weather or another setting they work in."""
    return catalogue.signals[catalogue.trends[trend].signals["signal"]].role != "setting"


class HazardWeights:
    """What the serving models of `items` know: the intercept (h, 1), weights (e, h, 1) and their covariance.

    `spread` has the axes (e + 1, e + 1, h, 1), the intercept first. `patterns`: of each
    item its trees, where they serve.
    """

    def __init__(self, items: HazardItems, models: Sequence[FleetModel]) -> None:
        """`models`: one per item, in the items' order; TypeError when one is no model of a hazard."""
        count = len(items.ids)
        self.intercept: Floats = np.zeros((count, 1))
        self.weight: Floats = np.zeros((items.slots, count, 1))
        self.spread: Floats = np.zeros((items.slots + 1, items.slots + 1, count, 1))
        self.patterns: tuple[RiskPatterns | None, ...] = tuple(
            model.patterns if model.patterns_serve else None for model in models
        )
        for h, model in enumerate(models):
            if model.hazard is None:
                raise TypeError(f"{model.item.id} is no hazard item")
            k = len(model.hazard.names)
            self.intercept[h] = model.hazard.weights[0]
            self.weight[: k - 1, h, 0] = model.hazard.weights[1:]
            self.spread[:k, :k, h, 0] = model.hazard.spread


def _hazard_of(catalogue: Catalogue, item: str) -> HazardSpec:
    spec = catalogue.items[item].hazard
    if spec is None:
        raise TypeError(f"{item} is no hazard item")
    return spec
