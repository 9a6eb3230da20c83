"""Lesson: a label made ready for an item's models: what they would have said, how far off that was, and learning it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

from domain.catalogue import HazardSpec, ItemSpec, WearSpec
from domain.service_record import TrainingExample
from models.finite import require_finite
from models.fleet_model import FleetModel
from models.risk_patterns import pattern_row

FARTHEST_SD = 2.0  # a label further off than this pulls no harder than one that far off
LARGEST_ERROR = 4.0  # in standard deviations: an error counts as no more
USUAL_LEVERAGE = 2.0  # mean square of a hazard's features, in their scales, up to which a label has its full weight
SMALLEST_VARIANCE = 1e-9
MOST_COUNTED = 2.0  # horizons that one stands for at most, whatever an example says
SMALLEST_CHANCE = 0.0025  # an event held for less likely than this counts as if it had been given that much


class Window(NamedTuple):
    """What one label says of windows: |truth − mean| / sd, and whether the window held the truth."""

    score: float
    is_inside: bool


class Loss(NamedTuple):
    """How far off a model was on a label before it learnt it.

    `score`: minus the logarithm of the probability (density) that it gave to what came true, in nats; the lower the
    better. `error` is what drift is watched on: of wear |truth − mean| in standard deviations as stated, of a hazard
    the score. Both are bounded as the label's pull is.
    """

    score: float
    error: float


class Lesson(ABC):
    """One label for the models of one item. `share`: the part of a label that it counts for, 0 to 1.

    Making one raises InvalidInput when a number in it is not finite; after that neither asking nor teaching fails,
    but for overflow.
    """

    share: float
    is_positive: bool
    served_window: Window | None

    @abstractmethod
    def loss(self, model: FleetModel) -> Loss:
        """How far off `model` is on this label, which it must not have learnt."""

    @abstractmethod
    def window(self, model: FleetModel) -> Window | None:
        """What this label, not learnt yet, says of the windows of a model that serves nobody."""

    @abstractmethod
    def teach(self, model: FleetModel, window: Window | None) -> None:
        """Teach `model` this label, and its windows what `window` says; InvalidInput changes nothing."""


def lesson_of(example: TrainingExample, item: ItemSpec, share: float, *, calibrates: bool = True) -> Lesson | None:
    """The lesson in `example`; None when the item has no model that learns labels. `calibrates`: may move windows."""
    if item.wear is not None:
        return WearLesson(example, item.wear, share, calibrates=calibrates)
    if item.hazard is not None:
        return HazardLesson(example, share)
    return None


class WearLesson(Lesson):
    """Measured wear on the exposures behind it, with the car's own factor taken out.

    The variance of the label is that of both measurements, of the car's factor and of what was extrapolated. However
    sure a car is of its factor, the fleet isn't: it was reckoned from what the car itself had sent.
    """

    def __init__(self, example: TrainingExample, wear: WearSpec, share: float, *, calibrates: bool = True) -> None:
        self.share, self.is_positive = share, False
        features = example.features
        self._factor = max(require_finite("car_factor", features.get("car_factor", 1.0)), 0.1)
        told_sd = require_finite("car_factor_sd", features.get("car_factor_sd", wear.car_factor_sd))
        self._factor_sd = max(told_sd, wear.car_factor_sd)
        anchor_sd = require_finite("anchor_sd", features.get("anchor_sd", wear.measurement_sd))
        unseen = require_finite("unseen_worn", features.get("unseen_worn", 0.0))
        self._worn = require_finite("target", example.target) / self._factor
        self._noise = wear.measurement_sd**2 + anchor_sd**2 + (wear.unseen_sd * unseen) ** 2
        self._x = {name: require_finite(name, features.get(name, 0.0)) for name in wear.rates}
        # Of no less wear than is usual: a model that was led to expect none would take the next such label for certain.
        self._usual = sum(wear.rates[name].mean * amount for name, amount in self._x.items())
        self._calibrates = calibrates
        self.served_window = _window_served(example) if calibrates else None

    def loss(self, model: FleetModel) -> Loss:
        """Of a normal distribution with the stated mean and variance; see `Loss`."""
        expected, _, variance = self._expected(model)
        error = min(abs(self._worn - expected) / variance**0.5, LARGEST_ERROR)
        return Loss(0.5 * (error**2 + math.log(2 * math.pi * variance)), error)

    def window(self, model: FleetModel) -> Window | None:
        """Of this model's own mean and variance; None where the label may not move windows."""
        if not self._calibrates:
            return None
        expected, _, variance = self._expected(model)
        score = abs(self._worn - expected) / variance**0.5
        return Window(score, score <= model.windows.width)

    def teach(self, model: FleetModel, window: Window | None) -> None:
        """Teach the wear of this label."""
        if model.wear is None:
            return
        expected, noise, variance = self._expected(model)
        reach = FARTHEST_SD * variance**0.5
        worn = min(max(self._worn, expected - reach), expected + reach)
        model.wear.learn_one(self._x, worn, w=self.share / noise)
        _count(model, window)

    def _expected(self, model: FleetModel) -> tuple[float, float, float]:
        """The mean, the label's own variance, and that of the label about the model's mean."""
        if model.wear is None:
            raise ValueError(f"{model.item.id} does not wear")
        expected = model.wear.predict_one(self._x)
        factor = self._factor
        noise = max(
            SMALLEST_VARIANCE, self._noise / factor**2 + (self._factor_sd / factor * max(expected, self._usual)) ** 2
        )
        return expected, noise, noise + model.wear.variance_one(self._x)


class HazardLesson(Lesson):
    """A failure (1), or that none came (0), with the features known before."""

    def __init__(self, example: TrainingExample, share: float) -> None:
        self.share = share
        self.is_positive = require_finite("target", example.target) >= 0.5
        self._known = {name: require_finite(name, value) for name, value in example.features.items()}
        self._at_ms = example.known_ms if example.made_ms is None else example.made_ms
        self.served_window = None

    @property
    def weight(self) -> float:
        """How many labels it is learnt as."""
        return self.share

    def loss(self, model: FleetModel) -> Loss:
        """Log loss of what the model serves with; see `Loss`."""
        share = model.hazard_probability(self._known, self._at_ms)
        given = share if self.is_positive else 1.0 - share
        score = -math.log(max(given, SMALLEST_CHANCE))
        return Loss(score, score)

    def window(self, model: FleetModel) -> Window | None:
        """None: a hazard states no window."""
        return None

    def teach(self, model: FleetModel, window: Window | None) -> None:
        """Teach whether it failed."""
        if model.hazard is None:
            return
        row = model.hazard_row(self._known)
        # Readings far from all others would decide a weight alone: their label counts by as much less.
        leverage = sum(z * z for z in row.values()) / max(1, len(row))
        share = self.weight * min(1.0, USUAL_LEVERAGE / max(leverage, 1e-9))
        model.hazard.learn_one(row, self.is_positive, w=share)
        _count(model, window)


class HorizonLesson(HazardLesson):
    """What became of a horizon, with what was known when it began, also as a row of the item's patterns.

    `counts_for`: how many horizons it stands for. InvalidInput when a number is not finite.
    """

    def __init__(self, example: TrainingExample, hazard: HazardSpec, car: bytes) -> None:
        self.counts_for = min(max(require_finite("counts_for", example.counts_for), 0.0), MOST_COUNTED)
        super().__init__(example, min(1.0, self.counts_for))
        self.car, self.label_id = car, example.label_id
        self.row = pattern_row(hazard, self._known, self._at_ms)

    @property
    def weight(self) -> float:
        """How many labels it is learnt as."""
        return self.counts_for

    def log_odds(self, model: FleetModel) -> tuple[float, float | None]:
        """What the model's sum, and its trees if it has any, say of the row."""
        if model.hazard is None:
            raise ValueError(f"{model.item.id} is no hazard")
        trees = None if model.patterns is None else model.patterns.log_odds(self.row)
        return model.hazard.log_odds_one(model.hazard_row(self._known)), trees


def _count(model: FleetModel, window: Window | None) -> None:
    if window is not None:
        model.windows.learn(window.score, is_inside=window.is_inside)
    model.labels += 1
    model.memory += 1.0


def _window_served(example: TrainingExample) -> Window | None:
    """Score of the prediction that was served, and whether its window held; None without a complete one."""
    sd = example.features.get("predicted_sd")
    if example.predicted is None or example.lower is None or example.upper is None or not sd:
        return None
    predicted = require_finite("predicted", example.predicted)
    lower, upper = require_finite("lower", example.lower), require_finite("upper", example.upper)
    return Window(
        abs(example.target - predicted) / require_finite("predicted_sd", sd), lower <= example.target <= upper
    )
