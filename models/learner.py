"""Learner: the one writer of each item's fleet model; learns labels once and publishes snapshots."""

from __future__ import annotations

import hashlib
from typing import Any

from domain.catalogue import Catalogue, HazardSpec, WearSpec
from domain.errors import DamagedSnapshot, NotFound
from domain.service_record import TrainingExample
from models.finite import require_finite
from models.fleet_model import FleetModel
from models.snapshot import pack_snapshot, unpack_snapshot

HASH_BYTES = 8
LABELS = 8_192  # newest labels remembered, so that none teaches twice
CARS = 8_192  # cars whose labels are counted
FARTHEST_SD = 2.0  # a label further off than this pulls no harder than one that far off
USUAL_LEVERAGE = 2.0  # mean square of a hazard's features, in their scales, up to which a label has its full weight
SMALLEST_VARIANCE = 1e-9


class _Item:
    """An item's model with what must be remembered to teach it fairly."""

    def __init__(self, model: FleetModel) -> None:
        self.model = model
        self.source_offset = -1
        self.labels: dict[bytes, None] = {}
        self.cars: dict[bytes, int] = {}


class Learner:
    """Learns training examples. `key` seals the snapshots.

    The influence of one car is bounded: all its labels count as less than two (`_share`), none pulls further than two
    standard deviations of what was expected, readings far from all others count by as much less, and a car moves the
    windows no more often than the others do. `pitcall.attack_trial` measures what is left.
    """

    def __init__(self, catalogue: Catalogue, key: bytes) -> None:
        self._catalogue = catalogue
        self._key = key
        self._items = {item.id: _Item(FleetModel(item)) for item in catalogue.items.values()}

    def learn(self, example: TrainingExample) -> bool:
        """Learn `example`; False when its label was learnt already or its item has no model to teach.

        Raises InvalidInput when a number in it is not finite or a feature is missing that the item needs; nothing has
        changed then.
        """
        own = self._item(example.item)
        label, car = _short(example.label_id), _short(example.vehicle_id)
        if label in own.labels:
            return False
        share = _share(own.cars.get(car, 0) + 1)
        spec = own.model.item
        if spec.wear is not None:
            _learn_wear(own.model, spec.wear, example, share, calibrates=_may_calibrate(own, car))
        elif spec.hazard is not None:
            _learn_hazard(own.model, spec.hazard, example, share)
        else:
            return False
        _remember(own.labels, label, None, LABELS)
        _remember(own.cars, car, own.cars.pop(car, 0) + 1, CARS)
        own.model.version += 1
        own.model.seal()
        return True

    def snapshot(self, item: str, source_offset: int) -> bytes:
        """The sealed model of `item` together with the labels learnt, as of `source_offset` of its source."""
        own = self._item(item)
        own.source_offset = max(own.source_offset, source_offset)
        content: dict[str, Any] = {
            "model": own.model.content(),
            "source_offset": own.source_offset,
            "labels": b"".join(own.labels),
            "cars": b"".join(own.cars),
            "counts": list(own.cars.values()),
        }
        return pack_snapshot(content, self._key)

    def restore(self, item: str, data: bytes) -> bool:
        """Go on from a snapshot of `item`; False, and nothing changed, when it is no newer than what is known here.

        Raises DamagedSnapshot and changes nothing when it is not sound.
        """
        content = unpack_snapshot(data, self._key)
        try:
            version = int(content["model"]["version"])
            labels, cars = _split(content["labels"]), _split(content["cars"])
            counts = [int(count) for count in content["counts"]]
            offset = int(content["source_offset"])
            if len(counts) != len(cars):
                raise ValueError("it is incomplete")
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedSnapshot(f"the snapshot can't be learnt on: {error}") from error
        if version <= self._item(item).model.version:
            return False
        fresh = _Item(FleetModel(self._catalogue.items[item]))
        fresh.model.restore(content["model"])
        fresh.source_offset = offset
        fresh.labels = dict.fromkeys(labels)
        fresh.cars = dict(zip(cars, counts, strict=True))
        self._items[item] = fresh
        return True

    def source_offset(self, item: str) -> int:
        """Offset of the last example that is inside the model of `item`, −1 before the first."""
        return self._item(item).source_offset

    def model(self, item: str) -> FleetModel:
        """The model being taught; its `name` is that of the next snapshot."""
        return self._item(item).model

    def versions(self) -> dict[str, int]:
        """Number of the newest version per item: how many labels it has learnt."""
        return {item: own.model.version for item, own in self._items.items()}

    def version_name(self, item: str) -> str:
        """Name of the newest version of `item`, as predictions will carry it."""
        return self._item(item).model.name

    def digest(self) -> str:
        """SHA-256 over everything learnt; equal to the predictors' once they have the newest snapshots."""
        return hashlib.sha256("".join(own.model.digest for own in self._items.values()).encode()).hexdigest()

    def _item(self, item: str) -> _Item:
        if item not in self._items:
            raise NotFound(f"the catalogue has no item {item}")
        return self._items[item]


def _share(label: int) -> float:
    """Weight of a car's n-th label: n of one car count as 2n / (n + 1), and never as two.

    That is the effective size of a sample of one car when half of what varies is the car's own (L. Kish, *Survey
    Sampling*, 1965, ch. 5): the rest would teach the fleet what is only that car, or its lies.
    """
    return 2.0 / (label * (label + 1))


def _may_calibrate(own: _Item, car: bytes) -> bool:
    """Whether a car's next label may move the windows: its first, and more while it has sent fewer than others do."""
    mine = own.cars.get(car, 0)
    others = len(own.cars) - (car in own.cars)
    return mine == 0 or mine * others < sum(own.cars.values()) - mine


def _learn_wear(model: FleetModel, wear: WearSpec, example: TrainingExample, share: float, *, calibrates: bool) -> None:
    """Teach measured wear on the exposures behind it, with the car's own factor taken out.

    The variance of the label is that of both measurements, of the car's factor and of what was extrapolated. However
    sure a car is of its factor, the fleet isn't: it was reckoned from what the car itself had sent.
    """
    estimator = model.wear
    if estimator is None:
        return
    features = example.features
    factor = max(require_finite("car_factor", features.get("car_factor", 1.0)), 0.1)
    told_sd = require_finite("car_factor_sd", features.get("car_factor_sd", wear.car_factor_sd))
    factor_sd = max(told_sd, wear.car_factor_sd)
    anchor_sd = require_finite("anchor_sd", features.get("anchor_sd", wear.measurement_sd))
    unseen = require_finite("unseen_worn", features.get("unseen_worn", 0.0))
    worn = require_finite("target", example.target) / factor
    x = {name: features.get(name, 0.0) for name in estimator.names}
    expected = estimator.predict_one(x)
    noise = wear.measurement_sd**2 + anchor_sd**2 + (wear.unseen_sd * unseen) ** 2
    # Of no less wear than is usual: a model that was led to expect none would take the next such label for certain.
    usual = max(expected, sum(wear.rates[name].mean * amount for name, amount in x.items()))
    variance = max(SMALLEST_VARIANCE, noise / factor**2 + (factor_sd / factor * usual) ** 2)
    reach = FARTHEST_SD * (variance + estimator.variance_one(x)) ** 0.5
    window = _window_result(example)
    estimator.learn_one(x, min(max(worn, expected - reach), expected + reach), w=share / variance)
    if window is not None and calibrates:
        model.windows.learn(window[0], is_inside=window[1])


def _window_result(example: TrainingExample) -> tuple[float, bool] | None:
    """Score of the prediction that was served, and whether its window held; None without a complete one."""
    sd = example.features.get("predicted_sd")
    if example.predicted is None or example.lower is None or example.upper is None or not sd:
        return None
    predicted = require_finite("predicted", example.predicted)
    lower, upper = require_finite("lower", example.lower), require_finite("upper", example.upper)
    return abs(example.target - predicted) / require_finite("predicted_sd", sd), lower <= example.target <= upper


def _learn_hazard(model: FleetModel, hazard: HazardSpec, example: TrainingExample, share: float) -> None:
    if model.hazard is None:
        return
    target = require_finite("target", example.target)
    known = {name: require_finite(name, value) for name, value in example.features.items()}
    row = model.hazard_row(known)
    # Readings far from all others would decide a weight alone: their label counts by as much less.
    leverage = sum(z * z for z in row.values()) / max(1, len(row))
    model.hazard.learn_one(row, target >= 0.5, w=share * min(1.0, USUAL_LEVERAGE / max(leverage, 1e-9)))


def _short(identity: str) -> bytes:
    return hashlib.sha256(identity.encode()).digest()[:HASH_BYTES]


def _split(data: bytes) -> list[bytes]:
    return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]


def _remember(memory: dict[bytes, Any], key: bytes, value: Any, most: int) -> None:
    """Put `key` last; forget the oldest beyond `most`."""
    memory[key] = value
    while len(memory) > most:
        memory.pop(next(iter(memory)))
