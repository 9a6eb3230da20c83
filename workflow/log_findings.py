"""Findings: what the state that a log left behind says, what it does not, and how to get what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.car_log import Basis, ExposureReading, GivenCar, ItemFinding, Missing, TrendReading
from domain.catalogue import AGE_YEARS, ELAPSED_DAYS, Catalogue, HazardSpec, ItemSpec, TrendSpec, WearSpec
from domain.prediction import ItemKind, Prediction
from models.odometer import SLACK_M
from models.prediction_row import PredictionLayout, Row
from models.vehicle_state import IMPLAUSIBLE_RECORD, ODOMETER_JUMP, UNKNOWN, Record
from models.words import words

LEAST_KM = 0.1  # below it no rate per km is worth reading
ODOMETER = "give --odometer-km"
START_EARLY = "start the recording before the engine"

_Grounds = tuple[tuple[str, ...], tuple[Missing, ...]]


@dataclass(frozen=True, slots=True)
class Logged:
    """The `signals` that the logs have values of, and what a person who records logs calls one."""

    signals: frozenset[str]
    called: Callable[[str], str]

    def missing(self, signals: Sequence[str]) -> tuple[str, ...]:
        """Those of some signals that no log has."""
        return tuple(path for path in signals if path not in self.signals)

    def lack(self, missing: Sequence[str]) -> str:
        """That there are none of them, in words."""
        return f"the log has no {' and no '.join(map(self.called, missing))}"


class Findings:
    """Reads one car's `state` and the `row` of predictions made of it."""

    def __init__(
        self,
        catalogue: Catalogue,
        car: GivenCar,
        logged: Logged,
        state: Record,
        row: Row,
        layout: PredictionLayout,
    ) -> None:
        self._catalogue, self._car, self._logged = catalogue, car, logged
        self._state, self._row, self._layout = state, row, layout
        self._exposures = {one.name: one for one in self.exposures()}
        self._trends = {one.name: one for one in self.trends()}

    def remarks(self) -> tuple[Missing, ...]:
        """What stands in for what the owner did not tell, and what does not fit together."""
        used, found = self._car.attributes, []
        if self._car.powertrain is None:
            found.append(Missing(f"the power train: {used.powertrain} was assumed", "give --powertrain"))
        if self._car.mass_kg is None:
            found.append(Missing(f"the car's mass: {used.mass_kg:,.0f} kg was assumed", "give --mass-kg"))
        if not self._has_odometer:
            found.append(Missing("an odometer: neither a log nor you told it", ODOMETER))
        elif self._car.odometer_m is not None and self._catalogue.roles.get("odometer") in self._logged.signals:
            found.append(Missing("the log has an odometer of its own, which counts", "leave --odometer-km out"))
        if self._car.built_ms is None:
            found.append(Missing("when the car was built", "give --built 2019-05-01"))
        flags = int(self._state["flags"]) | int(self._state["order_flags"])
        if flags & IMPLAUSIBLE_RECORD or self._is_service_ahead():
            found.append(Missing("the odometer of a service does not go with the log's", "correct its --service"))
        if flags & ODOMETER_JUMP:
            found.append(Missing("the log's odometer jumps", "leave out logs of other cars"))
        return tuple(found)

    def _is_service_ahead(self) -> bool:
        """Whether a service from before the log has a later odometer: its record came when there was no other yet."""
        first_ms, first_m = int(self._state["first_ms"]), int(self._state["first_odometer_m"])
        return first_m != UNKNOWN and any(
            service.performed_ms < first_ms and service.odometer_m > first_m + SLACK_M for service in self._car.services
        )

    def exposures(self) -> tuple[ExposureReading, ...]:
        """What was gathered of each exposure that is summed from signals and wears an item of this car."""
        readings = []
        wearing = {name for item in self._own_items() if item.wear is not None for name in item.wear.rates}
        for column, name in enumerate(self._catalogue.summed_exposures):
            if name not in wearing:
                continue
            spec = self._catalogue.exposures[name]
            amount = float(self._state["exposure"][column])
            km = float(self._state["exposure_m"][column]) / 1000
            signals = tuple(spec.signals.values())
            missing = self._logged.missing(signals)
            is_seen = km >= LEAST_KM
            why = self._logged.lack(missing) if missing else "" if is_seen else "nothing was driven while it could be"
            readings.append(
                ExposureReading(
                    name=name,
                    text=spec.texts["en"],
                    unit=spec.unit,
                    amount=amount,
                    over_km=km,
                    per_km=amount / km if is_seen else None,
                    typical_per_km=spec.typical_per_km,
                    signals=signals,
                    missing=missing,
                    why_not=why,
                )
            )
        return tuple(readings)

    def trends(self) -> tuple[TrendReading, ...]:
        """The levels that tell of an item of this car, or why one was not seen."""
        readings = []
        telling = {f.source for item in self._own_items() if item.hazard is not None for f in item.hazard.features}
        for place, (name, spec) in enumerate(self._catalogue.trends.items()):
            if name not in telling:
                continue
            own = self._state["trends"][place]
            count = int(own["count"])
            missing = self._logged.missing(tuple(spec.signals.values()))
            why = "" if count else self._logged.lack(missing) if missing else _why_no_trend(spec)
            is_own = spec.function != "mean"  # the same rule by which a hazard counts its readings
            value = float(own["fast"]) if count else None
            readings.append(TrendReading(name, spec.texts["en"], spec.unit, value, count, why, missing, is_own))
        return tuple(readings)

    def items(self, vehicle_id: str) -> tuple[ItemFinding, ...]:
        """Every item that is predicted for the car: those that cars of its power train have."""
        return tuple(self._item(item, vehicle_id) for item in self._own_items())

    def _own_items(self) -> tuple[ItemSpec, ...]:
        own = self._catalogue.items_of(self._car.attributes.powertrain)
        return tuple(self._catalogue.items[item] for item in own if item in self._layout.items)

    @property
    def _has_odometer(self) -> bool:
        return int(self._state["odometer_m"]) != UNKNOWN

    @property
    def _is_born(self) -> bool:
        return self._car.built_ms is not None

    def _item(self, item: ItemSpec, vehicle_id: str) -> ItemFinding:
        prediction = words(self._catalogue, self._layout, self._row, vehicle_id, item.id)
        is_served = int(self._state["items"][item.id]["set_ms"]) != UNKNOWN
        rests_on, missing = self._grounds(item, is_served)
        basis = self._basis(item, prediction, is_served, bool(rests_on))
        if is_served:
            if item.kind is ItemKind.WEAR and not rests_on:
                rests_on = ("the days since, and the typical car's driving in place of yours",)
            rests_on = ("the service you told", *rests_on, *_unseen(prediction))
        else:
            fix = f"give --service {item.id}=2024-05-31@61000"
            missing = (Missing("nobody told when it was last renewed", fix), *missing)
        is_nothing = basis is Basis.NOTHING
        return ItemFinding(
            item=item.id,
            name=item.text().name,
            basis=basis,
            prediction=None if is_nothing else prediction,
            rests_on=() if is_nothing else rests_on,
            missing=missing,
            advice=item.text().advice,
        )

    def _basis(self, item: ItemSpec, prediction: Prediction, is_served: bool, is_seen: bool) -> Basis:
        """What the prediction rests on; `is_seen`: the log has something of what the item's model asks for."""
        if item.kind is ItemKind.CALENDAR:
            return Basis.NOTHING if prediction.window.expected_ms is None else Basis.KNOWN
        ages = item.wear is not None and any(
            self._catalogue.exposures[name].function == ELAPSED_DAYS for name in item.wear.rates
        )
        if not is_seen:
            # With a service that is known, days alone may say something of what ages by itself.
            return Basis.GUESS if is_served and ages else Basis.NOTHING
        is_anchored = is_served or item.kind is ItemKind.HAZARD
        return Basis.KNOWN if is_anchored and prediction.is_ready else Basis.GUESS

    def _grounds(self, item: ItemSpec, is_served: bool) -> _Grounds:
        """What of the log the item's prediction rests on, and what is missing."""
        if item.wear is not None:
            return self._wear_grounds(item.wear)
        if item.hazard is not None:
            return self._hazard_grounds(item.hazard, is_served)
        return (("when the car was built",) if self._is_born and not is_served else ()), ()

    def _wear_grounds(self, wear: WearSpec) -> _Grounds:
        seen, missing = [], []
        for name in wear.rates:
            one = self._exposures.get(name)
            if one is None:
                continue  # the days, which no log has to tell
            if one.per_km is not None:
                seen.append(f"{one.text}, over {one.over_km:,.1f} km of the log")
            else:
                fix = self._record(one.missing) if one.missing else "log a drive"
                missing.append(Missing(f"{one.text}: {one.why_not}", fix))
        if not self._has_odometer:
            missing.append(Missing("no odometer: what was driven since the service is a guess", ODOMETER))
        km = float(self._state["observed_m"]) / 1000
        if seen and km < wear.km_until_ready:
            enough = f"log {wear.km_until_ready:g} km or more"
            missing.append(Missing(f"{km:,.1f} km is little to tell a habit by", enough))
        return tuple(seen), tuple(missing)

    def _hazard_grounds(self, hazard: HazardSpec, is_served: bool) -> _Grounds:
        seen, missing, most = [], [], 0
        for feature in hazard.features:
            trend = self._trends.get(feature.source)
            if trend is None:
                if feature.name == AGE_YEARS and not (is_served or self._is_born):
                    missing.append(Missing("its age", "give --built, or --service with the day it was renewed"))
            elif trend.value is None:
                fix = self._record(trend.missing) if trend.missing else START_EARLY
                missing.append(Missing(f"{trend.text}: {trend.why_not}", fix))
            elif trend.is_own:
                most = max(most, trend.count)
                seen.append(f"{trend.text}, read {'once' if trend.count == 1 else f'{trend.count} times'}")
        if seen and most < hazard.readings_until_ready:
            enough = f"log {hazard.readings_until_ready} starts or more, each an hour after the last drive"
            missing.append(Missing(f"{most} reading{'s are' if most > 1 else ' is'} little to go by", enough))
        return tuple(seen), tuple(missing)

    def _record(self, missing: Sequence[str]) -> str:
        return f"let the app record {' and '.join(map(self._logged.called, missing))}"


def _unseen(prediction: Prediction) -> tuple[str, ...]:
    """How far the car went since its service without a log."""
    km = prediction.features.get("unseen_km", 0.0)
    return (f"{km:,.0f} km since then that no log saw, taken to be driven likewise",) if km >= 1 else ()


def _why_no_trend(spec: TrendSpec) -> str:
    if spec.function == "mean":
        return "no value was there"
    is_at_rest = spec.function in ("level_at_rest", "gas_at_rest")
    at = "before the engine started" if is_at_rest else "from the start of the engine"
    minutes = spec.parameters.get("standstill_minutes", 60.0)
    return f"no row {at}, {minutes:g} minutes or more after the last drive, has a value"
