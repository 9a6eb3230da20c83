"""ServiceFold: what a workshop found, into the car's state and into a label for the fleet."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import AtFloor, HazardSpec, ItemSpec, WearSpec
from domain.service_record import ServiceOutcome, ServiceRecord, TrainingExample
from models.day_ring import day_quanta
from models.hazard_items import HazardFeatures, HazardItems, hazard_features, is_of_item
from models.horizon_examples import outcome_of
from models.predictor import Predictor
from models.service_position import Position, position_at
from models.told import forget_told
from models.usage import usage_of
from models.vehicle_state import DAY_MS, IMPLAUSIBLE_RECORD, UNKNOWN, Record, StateLayout
from models.wear_bound import bound_wear
from models.wear_history import estimate_wear, wear_history
from models.wear_items import WearItems, WearRates
from models.wear_promise import LEAST_AHEAD_DAYS, promised_at_anchor
from models.wear_sensors import HEARD_WITHIN_DAYS, heed, level_sd, sensed_levels

States = npt.NDArray[Any]

LATE_DAYS = 14  # a hazard's features as of now are not those of a record older than this
FACTOR_RANGE = (0.3, 3.0)
LEAST_LEFT = 0.4  # of an item's range: with less a workshop will soon look for itself
SAME_VISIT_DAYS = HEARD_WITHIN_DAYS  # measured again within so many, by sensor and by gauge: it tells nothing of wear
GROWTH_SD = 3.0  # a part that seems to have grown by more than this was not the part we thought


class ServiceFold:
    """Applies service records with the models that serve at that moment."""

    def __init__(self, predictor: Predictor, layout: StateLayout) -> None:
        self._predictor = predictor
        self._catalogue = predictor.catalogue
        self._layout = layout
        self._quanta = day_quanta(self._catalogue)

    def apply(self, state: Record, record: ServiceRecord) -> TrainingExample | None:
        """Set the item's baseline, learn the car's own factor, and return the label if there is one to teach.

        A record older than the item's baseline, or of an unknown item, changes nothing. `record.teaches` False keeps
        the label here; the car's own state follows it all the same.
        """
        item = self._catalogue.items.get(record.item)
        if item is None:
            return None
        own = state["items"][item.id]
        if record.performed_ms > int(own["heard_ms"]):
            own["heard_ms"] = record.performed_ms
            forget_told(state, self._layout, item.id)
        if record.performed_ms <= int(own["set_ms"]):
            return None
        if item.wear is not None:
            example = self._apply_wear(state, record, item, item.wear)
        elif item.hazard is not None:
            example = self._apply_hazard(state, record, item, item.hazard)
        else:
            example = None
            if record.outcome.renews:
                own["set_ms"] = record.performed_ms
                if item.id in self._layout.wear_columns:
                    self._begin(
                        state, item.id, position_at(state, self._quanta, record.performed_ms, record.odometer_m)
                    )
        return example if record.teaches else None

    def read_sensors(self, state: Record, record: ServiceRecord) -> list[TrainingExample]:
        """Measure the wear items that the car has sensors of by these, and return the labels; before `apply`.

        Driving since the last measurement, against what is left by the sensor: the car's own factor learns of it, and
        with a record that may teach, so do cars without the sensor. A workshop has the car then; in between, readings
        count for the car's forecasts alone. Of the item that the record is of the workshop's own word counts, and of
        one near its end it will: that is left to it.
        """
        examples = []
        for place, item in enumerate(self._layout.sensed):
            spec = self._catalogue.items[item]
            own_ms = int(state["sensed"][place]["at_s"]) * 1000
            known_ms = int(state["items"][item]["set_ms"])
            is_new = own_ms - known_ms >= LEAST_AHEAD_DAYS * DAY_MS
            if item == record.item or spec.wear is None or spec.wear.sensor is None or not is_new:
                continue
            at = position_at(state, self._quanta, own_ms, UNKNOWN)
            value = self._sensed_value(state, item, at, record.performed_ms)
            if value is None or value - spec.wear.limit < LEAST_LEFT * (spec.wear.new - spec.wear.limit):
                continue
            read = ServiceRecord(
                record_id=f"{record.record_id}/{item}/sensor",
                vehicle_id=record.vehicle_id,
                item=item,
                outcome=ServiceOutcome.MEASURED,
                performed_ms=own_ms,
                odometer_m=UNKNOWN,
                value=value,
                unit=spec.wear.unit,
            )
            wear = replace(spec.wear, measurement_sd=level_sd(spec.wear, spec.wear.sensor))
            example = self._apply_wear(state, read, spec, wear)
            if example is not None:
                examples.append(example)
        return examples if record.teaches else []

    def _sensed_value(self, state: Record, item: str, at: Position, at_ms: int) -> float | None:
        """What is left by the sensor, if it is fresh at `at_ms` and nothing speaks against it."""
        items, states = WearItems(self._catalogue, [item]), _block(state)
        history = wear_history(states, items, usage_of(states, self._catalogue), at.as_block())
        rates = WearRates(items, [self._predictor.model(item)])
        sensed = sensed_levels(states, items, np.array([at_ms]))
        heeded = heed(history, estimate_wear(history, items, rates), sensed, items)
        return float(sensed.level[0, 0]) if heeded.is_heeded[0, 0] else None

    def _apply_wear(
        self, state: Record, record: ServiceRecord, item: ItemSpec, wear: WearSpec
    ) -> TrainingExample | None:
        at = position_at(state, self._quanta, record.performed_ms, record.odometer_m)
        value = _plausible_value(state, record, _least_value(wear), wear.new * 1.05)
        if value is not None and wear.floor is not None:
            value = max(value, wear.floor)
        found = value
        if record.value is None and record.outcome is ServiceOutcome.FAILED:
            found = wear.limit  # it came to its end, whether or not anybody measured
        example = self._wear_label(state, record, item, wear, at, found) if found is not None else None
        own = state["items"][item.id]
        if record.outcome.renews:
            own["anchor"], own["anchor_sd"] = wear.new, wear.measurement_sd / 2
        elif value is not None:
            own["anchor"], own["anchor_sd"] = value, wear.measurement_sd
        else:
            return example  # looked at and found in order: says nothing of how much is left
        own["set_ms"], own["odometer_m"] = record.performed_ms, at.odometer_m
        self._begin(state, item.id, at)
        return example

    def _begin(self, state: Record, item: str, at: Position) -> None:
        """What the item goes through counts from there on."""
        own, columns = state["items"][item], self._layout.wear_columns[item]
        if columns:
            own["exposure"] = [at.exposure[column] for column in columns]
            own["exposure_m"] = [at.exposure_m[column] for column in columns]

    def _wear_label(
        self, state: Record, record: ServiceRecord, item: ItemSpec, wear: WearSpec, at: Position, value: float
    ) -> TrainingExample | None:
        """The wear since the anchor as target, if that anchor and enough of the car's driving are known."""
        own = state["items"][item.id]
        is_seen = int(state["first_ms"]) != UNKNOWN and record.performed_ms >= int(state["first_ms"])
        is_ready = float(state["observed_m"]) / 1000 >= wear.km_until_ready
        is_anew = record.performed_ms - int(own["set_ms"]) < SAME_VISIT_DAYS * DAY_MS
        if int(own["set_ms"]) == UNKNOWN or not is_seen or not is_ready or is_anew:
            return None
        model, items, states = self._predictor.model(item.id), WearItems(self._catalogue, [item.id]), _block(state)
        history = wear_history(states, items, usage_of(states, self._catalogue), at.as_block())
        rates = WearRates(items, [model])
        estimate = estimate_wear(history, items, rates)
        bounded = bound_wear(history, estimate, items)
        anchor, anchor_sd, predicted = (float(n[0, 0]) for n in (history.anchor, history.anchor_sd, bounded.worn))
        target = anchor - value
        if value == wear.floor and float(estimate.worn[0, 0]) >= target:
            return None  # "none left" tells no more than that at least so much is gone, and that we had said
        sd = (float(bounded.variance[0, 0]) + wear.measurement_sd**2) ** 0.5
        if target < -GROWTH_SD * (wear.measurement_sd + anchor_sd):
            state["flags"] = int(state["flags"]) | IMPLAUSIBLE_RECORD
            return None
        columns = self._layout.wear_columns[item.id]
        promise = promised_at_anchor(self._catalogue, item, state, columns, rates, at.time_ms)
        if promise is not None:
            predicted = min(promise.worn, anchor - (wear.floor if wear.floor is not None else -math.inf))
            sd = (promise.variance + anchor_sd**2 + wear.measurement_sd**2) ** 0.5
        half = model.windows.width * sd
        example = TrainingExample(
            label_id=record.record_id,
            vehicle_id=record.vehicle_id,
            item=item.id,
            known_ms=record.performed_ms,
            features={
                **dict(zip(wear.rates, (history.seen + history.unseen)[:, 0, 0].tolist(), strict=True)),
                "anchor_sd": anchor_sd,
                "car_factor": float(own["factor"]),
                "car_factor_sd": float(own["factor_precision"]) ** -0.5,
                "unseen_worn": float(estimate.unseen_worn[0, 0]),
                "predicted_sd": sd,
            },
            target=target,
            predicted=predicted,
            lower=predicted - half,
            upper=predicted + half,
            coverage=model.windows.coverage,
            model_version=model.name,
            measured=value,
            since_ms=int(own["set_ms"]),
        )
        self._learn_factor(state, item, wear, example, float(estimate.fleet_worn[0, 0]))
        return example

    def _learn_factor(
        self, state: Record, item: ItemSpec, wear: WearSpec, example: TrainingExample, fleet_worn: float
    ) -> None:
        """Normal posterior of the car's factor f from target = f·m + noise, m being the fleet's estimate.

        The uncertainty of m itself counts as noise, so that while the fleet knows little, little is blamed on the car.
        """
        own = state["items"][item.id]
        model = self._predictor.model(item.id)
        factor, precision = float(own["factor"]), float(own["factor_precision"])
        noise = (
            wear.measurement_sd**2
            + example.features["anchor_sd"] ** 2
            + (wear.unseen_sd * example.features["unseen_worn"]) ** 2
            + (factor**2 * model.wear.variance_one(example.features) if model.wear else 0.0)
        )
        gained = fleet_worn**2 / noise
        updated = (precision * factor + fleet_worn * example.target / noise) / (precision + gained)
        own["factor"] = min(max(updated, FACTOR_RANGE[0]), FACTOR_RANGE[1])
        own["factor_precision"] = precision + gained

    def _apply_hazard(
        self, state: Record, record: ServiceRecord, item: ItemSpec, hazard: HazardSpec
    ) -> TrainingExample | None:
        example = self._hazard_label(state, record, item, hazard)
        if record.outcome.renews:
            state["items"][item.id]["set_ms"] = record.performed_ms
            if record.performed_ms >= int(state["last_ms"]) - LATE_DAYS * DAY_MS:
                self._forget_readings(state, hazard)
        return example

    def _hazard_label(
        self, state: Record, record: ServiceRecord, item: ItemSpec, hazard: HazardSpec
    ) -> TrainingExample | None:
        """Whether it failed, by what was known when it was found; None where nobody can tell."""
        target, value = outcome_of(record, hazard), _plausible_value(state, record, 0.0, math.inf)
        age_ms = int(state["last_ms"]) - record.performed_ms
        is_current = int(state["last_ms"]) != UNKNOWN and age_ms <= LATE_DAYS * DAY_MS
        is_seen = is_current and record.performed_ms >= int(state["first_ms"])
        known = hazard_features(_block(state), HazardItems(self._catalogue, [item.id]))
        if target is None or not is_seen or int(known.readings[0, 0]) < hazard.readings_until_ready:
            return None
        features = _seen_features(hazard, known)
        model = self._predictor.model(item.id)
        predicted = model.hazard_probability(features, int(state["last_ms"]))
        return TrainingExample(
            label_id=record.record_id,
            vehicle_id=record.vehicle_id,
            item=item.id,
            known_ms=record.performed_ms,
            features=features,
            target=target,
            predicted=predicted,
            model_version=model.name,
            measured=value,
        )

    def _forget_readings(self, state: Record, hazard: HazardSpec) -> None:
        """The readings were of the part that is gone; the weather stays."""
        for i, name in enumerate(self._catalogue.trends):
            if is_of_item(self._catalogue, name) and any(feature.source == name for feature in hazard.features):
                trend = state["trends"][i]
                trend["fast"] = trend["slow"] = 0.0
                trend["count"] = 0


def _block(state: Record) -> States:
    """The state as a block of one car."""
    return np.array([state], dtype=state.dtype)


def _seen_features(hazard: HazardSpec, known: HazardFeatures) -> dict[str, float]:
    """The features of the one item and car, by name; what was never seen is left out."""
    values, is_seen = known.value[:, 0, 0].tolist(), known.is_seen[:, 0, 0].tolist()
    return {feature.name: values[e] for e, feature in enumerate(hazard.features) if is_seen[e]}


def _least_value(wear: WearSpec) -> float:
    """The least a workshop can have read: the floor of what nothing drives without, else a whole life overdue."""
    if wear.floor is not None and wear.at_floor is AtFloor.UNDRIVABLE:
        return wear.floor
    return wear.limit - (wear.new - wear.limit)


def _plausible_value(state: Record, record: ServiceRecord, low: float, high: float) -> float | None:
    """The measured value, or None when there is none or no such part could have it (flagged)."""
    if record.value is None:
        return None
    if math.isfinite(record.value) and low <= record.value <= high:
        return float(record.value)
    state["flags"] = int(state["flags"]) | IMPLAUSIBLE_RECORD
    return None
