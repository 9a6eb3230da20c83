"""LightGBM beside ours: refit every month on all labels known, on the same feature rows, after a search of settings.

It is no part of the product: `pip install lightgbm` (its wheel needs the system's libgomp1).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from domain.errors import Unavailable
from domain.service_record import ServiceOutcome, TrainingExample
from models.judging.ranking import average_precision
from models.learnt_features import LearntFeatures
from models.usage import usage_of
from models.vehicle_state import DAY_MS, UNKNOWN
from models.wear_items import WearItems
from models.wear_sensors import sensed_levels
from simulators.years.car import Car
from workflow.case_history import CaseService

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.float32]

SETTINGS = 50
SEARCH_AFTER_DAYS = 365
REFIT_STEPS = 4  # weeks
LEAST_LABELS = 40
LEAST_FAILURES = 3
HORIZON_DAYS = 30
LEAST_DAYS = 30.0  # of wear behind a label, or its rate is noise
LEAST_PACE = 1e-6  # of an item's range, per day
_KINDS = ("petrol", "diesel", "hybrid", "electric")


def load_lightgbm() -> Any:
    """The library; Unavailable with how to get it."""
    try:
        return importlib.import_module("lightgbm")
    except (ImportError, OSError) as error:
        raise Unavailable(
            f"LightGBM can't be loaded ({error}): pip install lightgbm, and libgomp1 of the system"
        ) from error


def settings_drawn(seed: int) -> list[dict[str, Any]]:
    """Fifty settings, the library's own first."""
    rng = np.random.default_rng(seed)
    drawn: list[dict[str, Any]] = [{}]
    while len(drawn) < SETTINGS:
        drawn.append(
            {
                "n_estimators": int(rng.integers(30, 400)),
                "learning_rate": float(10 ** rng.uniform(-2, -0.5)),
                "num_leaves": int(rng.integers(4, 64)),
                "min_child_samples": int(rng.integers(3, 100)),
                "reg_lambda": float(10 ** rng.uniform(-3, 1.5)),
                "colsample_bytree": float(rng.uniform(0.4, 1.0)),
                "subsample": float(rng.uniform(0.5, 1.0)),
                "subsample_freq": 1,
            }
        )
    return drawn


class WearPeer:
    """Wear per day regressed on exposures per day and all that is known of the car, for one wear item.

    A rate, since trees can't reckon further than they have seen: it gives what was lost since the anchor by the use
    until now, and the pace ahead by the use to come. Where the car reads the part by a sensor, that is what is left.
    """

    def __init__(self, library: Any, catalogue: Catalogue, item: str, cars: Sequence[Car], seed: int) -> None:
        spec = catalogue.items[item].wear
        if spec is None:
            raise TypeError(f"{item} is no wear item")
        self._library, self._spec, self._catalogue = library, spec, catalogue
        self.item = item
        self._own = WearItems(catalogue, [item])
        summed = catalogue.summed_exposures
        self._columns = [summed.index(name) if name in summed else -1 for name in spec.rates]
        self._car = np.array([[car.mass_kg, _KINDS.index(car.powertrain), car.built_day] for car in cars])
        self._x: list[list[float]] = []
        self._y: list[float] = []
        self._days: list[float] = []
        self._settings: dict[str, Any] | None = None
        self._seed = seed
        self._model: Any = None
        self.due_day: list[Floats] = []

    def heard(self, example: TrainingExample) -> None:
        """A label of the item."""
        if example.since_ms is None or example.known_ms - example.since_ms < LEAST_DAYS * DAY_MS:
            return
        day, days = example.known_ms / DAY_MS, (example.known_ms - example.since_ms) / DAY_MS
        exposures = [example.features.get(name, 0.0) / days for name in self._spec.rates]
        mass, kind, built = self._car[int(example.vehicle_id)].tolist()
        self._x.append([*exposures, mass, kind, day - built, example.features.get("car_factor", 1.0)])
        self._y.append(example.target / days)
        self._days.append(days)

    def refit(self, elapsed_days: float) -> None:
        """On all labels so far; the settings are searched once, after a year."""
        if len(self._y) < LEAST_LABELS:
            return
        x, y, days = np.array(self._x), np.array(self._y), np.array(self._days)
        if self._settings is None and elapsed_days >= SEARCH_AFTER_DAYS:
            cut = int(0.7 * len(y))
            drawn = settings_drawn(self._seed)
            errors = [
                float(np.average(np.abs(model.predict(x[cut:]) - y[cut:]), weights=days[cut:]))
                for model in (self._fit(x[:cut], y[:cut], days[:cut], one) for one in drawn)
            ]
            self._settings = drawn[int(np.argmin(errors))]
        self._model = self._fit(x, y, days, self._settings or {})

    def say(self, now_day: int, cars: Ints, own: npt.NDArray[Any], states: npt.NDArray[Any]) -> None:
        """Say the due days of these cars, from the item's rows of our own prediction: NaN before there is a model."""
        if self._model is None:
            self.due_day.append(np.full(len(cars), np.nan))
            return
        per_day = usage_of(states, self._catalogue).per_day
        ahead = np.stack([per_day[column] if column >= 0 else np.ones(len(cars)) for column in self._columns], axis=1)
        days = np.where(own["since_ms"] == UNKNOWN, 0.0, now_day - own["since_ms"] / DAY_MS)
        so_far = (own["seen"] + own["unseen"])[:, : len(self._columns)] / np.maximum(days, 1.0)[:, None]
        car = self._car[cars].copy()
        car[:, 2] = now_day - car[:, 2]
        least = LEAST_PACE * (self._spec.new - self._spec.limit)
        rate, pace = (
            np.maximum(self._model.predict(np.column_stack([x, car, own["factor"]])), least) for x in (so_far, ahead)
        )
        sensed = sensed_levels(states, self._own, np.full(len(cars), now_day * DAY_MS))
        is_left = np.where(sensed.is_read[0], sensed.level[0], own["raised_anchor"] - rate * days)
        left = np.maximum(0.0, is_left - self._spec.limit)
        self.due_day.append(np.minimum(now_day + left / pace, now_day + self._spec.say_until_days))

    def _fit(self, x: Floats, y: Floats, days: Floats, settings: dict[str, Any]) -> Any:
        model = self._library.LGBMRegressor(**settings, n_jobs=2, verbose=-1, random_state=1)
        return model.fit(x, y, sample_weight=days)


class HazardPeer:
    """Failing within 30 days, classified on the feature rows that our own learnt item has."""

    def __init__(self, library: Any, catalogue: Catalogue, item: str, names: Sequence[str], seed: int) -> None:
        risk = catalogue.items[item].risk
        if risk is None:
            raise TypeError(f"{item} is not learnt from signals")
        self._library, self.item, self._seed = library, item, seed
        self._features = LearntFeatures(catalogue, names)
        self._columns = self._features.columns(item, risk)
        self._rows: list[Rows] = []
        self._car: list[Ints] = []
        self._day: list[int] = []
        self._settings: dict[str, Any] | None = None
        self._model: Any = None
        self._rate = 0.0
        self.probability: list[Floats] = []

    def say(self, now_day: int, cars: Ints, states: npt.NDArray[Any], attributes: Floats) -> None:
        """Say the probabilities of these cars, and keep their rows for the labels to come."""
        moments = np.full(len(cars), now_day * DAY_MS)
        rows = self._features.rows(states, moments, attributes)[:, self._columns]
        self.probability.append(
            np.full(len(cars), self._rate) if self._model is None else self._model.predict_proba(rows)[:, 1]
        )
        self._rows.append(rows)
        self._car.append(cars)
        self._day.append(now_day)

    def refit(self, now_day: int, elapsed_days: float, services: Sequence[CaseService]) -> None:
        """On all decisions whose horizon has passed, by the failures that are known now."""
        known = sum(day + HORIZON_DAYS <= now_day for day in self._day)
        if not known:
            return
        x = np.concatenate(self._rows[:known])
        failures: dict[int, list[int]] = {}
        for service in services:
            if service.item == self.item and service.outcome is ServiceOutcome.FAILED:
                failures.setdefault(service.vehicle, []).append(service.time_ms)
        y = np.concatenate([self._labels(n, failures) for n in range(known)])
        self._rate = float(y.mean())
        if int(y.sum()) < LEAST_FAILURES:
            return
        if self._settings is None and elapsed_days >= SEARCH_AFTER_DAYS:
            cut = int(0.7 * len(y))
            if y[:cut].sum() > 0 and y[cut:].sum() > 0:
                drawn = settings_drawn(self._seed)
                scores = [
                    average_precision(
                        y[cut:].astype(np.float64), self._fit(x[:cut], y[:cut], one).predict_proba(x[cut:])[:, 1]
                    )
                    or 0.0
                    for one in drawn
                ]
                self._settings = drawn[int(np.argmax(scores))]
        self._model = self._fit(x, y, self._settings or {})

    def _labels(self, n: int, failures: Mapping[int, Sequence[int]]) -> npt.NDArray[np.bool_]:
        """Of each decision of step `n`: whether one of the car's `failures` (ms) came within the horizon."""
        begin, end = self._day[n] * DAY_MS, (self._day[n] + HORIZON_DAYS) * DAY_MS
        failed = [car for car, times in failures.items() if any(begin < time_ms <= end for time_ms in times)]
        return np.isin(self._car[n], failed)

    def _fit(self, x: Rows, y: npt.NDArray[np.bool_], settings: dict[str, Any]) -> Any:
        return self._library.LGBMClassifier(**settings, n_jobs=2, verbose=-1, random_state=1).fit(x, y)


class FleetPeers:
    """A peer for each wear item and for each hazard item that is learnt from signals."""

    def __init__(self, catalogue: Catalogue, cars: Sequence[Car], names: Sequence[str], seed: int) -> None:
        """`names`: of the cars' attributes, as `HazardPeer.say` gets them. Raises Unavailable without the library."""
        library = load_lightgbm()
        self.wear = {
            item: WearPeer(library, catalogue, item, cars, seed)
            for item, spec in catalogue.items.items()
            if spec.wear is not None
        }
        self.hazards = {
            item: HazardPeer(library, catalogue, item, names, seed)
            for item, spec in catalogue.items.items()
            if spec.risk is not None
        }
        self._steps = 0

    def heard(self, example: TrainingExample) -> None:
        """A label that a workshop made."""
        self.wear[example.item].heard(example)

    def passed(self, now_day: int, elapsed_days: float, services: Sequence[CaseService]) -> None:
        """A step is over: every month all are refit."""
        self._steps += 1
        if self._steps % REFIT_STEPS:
            return
        for wear in self.wear.values():
            wear.refit(elapsed_days)
        for hazard in self.hazards.values():
            hazard.refit(now_day, elapsed_days, services)
