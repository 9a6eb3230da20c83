"""Findings: what the state that a log left behind says, what it does not, and how to get what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from domain.car_log import Basis, ExposureReading, GivenCar, ItemFinding, Missing, TrendReading
from domain.catalogue import ELAPSED_DAYS, Catalogue, HazardSpec, ItemSpec, TrendSpec, WearSpec
from domain.prediction import Prediction
from models.fleet_model import AGE_YEARS
from models.prediction_row import PredictionLayout, Row
from models.vehicle_state import UNKNOWN, Record
from models.words import words

LEAST_KM = 0.1  # below it no rate per km is worth reading


class Findings:
    """Reads one car's `state` and the `row` of predictions made of it; `logged` are the signals its logs have."""

    def __init__(
        self,
        catalogue: Catalogue,
        car: GivenCar,
        logged: frozenset[str],
        state: Record,
        row: Row,
        layout: PredictionLayout,
    ) -> None:
        self._catalogue, self._car, self._logged = catalogue, car, logged
        self._state, self._row, self._layout = state, row, layout
        self._exposures = {one.name: one for one in self.exposures()}
        self._trends = {one.name: one for one in self.trends()}

    def assumed(self) -> tuple[Missing, ...]:
        """What stands in for what the owner did not tell."""
        used, found = self._car.attributes, []
        if self._car.powertrain is None:
            found.append(Missing(f"the power train: {used.powertrain} was assumed", "give --powertrain"))
        if self._car.mass_kg is None:
            found.append(Missing(f"the car's mass: {used.mass_kg:,.0f} kg was assumed", "give --mass-kg"))
        if self._odometer_m == UNKNOWN:
            found.append(Missing("an odometer: neither a log nor you told it", ODOMETER))
        if self._car.built_ms is None:
            found.append(Missing("when the car was built", "give --built 2019-05-01"))
        return tuple(found)

    def exposures(self) -> tuple[ExposureReading, ...]:
        """What was gathered of each exposure that is summed from signals."""
        readings = []
        for column, name in enumerate(self._catalogue.summed_exposures):
            spec = self._catalogue.exposures[name]
            amount = float(self._state["exposure"][column])
            km = float(self._state["exposure_m"][column]) / 1000
            signals = tuple(spec.signals.values())
            readings.append(
                ExposureReading(
                    name, spec.texts["en"], spec.unit, amount, km, amount / km if km >= LEAST_KM else None,
                    spec.typical_per_km, signals, self._not_logged(signals),
                )
            )  # fmt: skip
        return tuple(readings)

    def trends(self) -> tuple[TrendReading, ...]:
        """The levels that the state follows, or why one was not seen."""
        readings = []
        for place, (name, spec) in enumerate(self._catalogue.trends.items()):
            own = self._state["trends"][place]
            count = int(own["count"])
            missing = self._not_logged(tuple(spec.signals.values()))
            value = float(own["fast"]) if count else None
            why = "" if count else _why_no_trend(spec, missing)
            is_own = spec.function != "mean"  # the same rule by which a hazard counts its readings
            readings.append(TrendReading(name, spec.texts["en"], spec.unit, value, count, why, missing, is_own))
        return tuple(readings)

    def items(self, vehicle_id: str) -> tuple[ItemFinding, ...]:
        """Every item that is predicted for the car."""
        return tuple(self._item(self._catalogue.items[item], vehicle_id) for item in self._layout.items)

    @property
    def _odometer_m(self) -> int:
        return int(self._state["odometer_m"])

    def _not_logged(self, signals: Sequence[str]) -> tuple[str, ...]:
        return tuple(path for path in signals if path not in self._logged)

    def _item(self, item: ItemSpec, vehicle_id: str) -> ItemFinding:
        prediction = words(self._catalogue, self._layout, self._row, vehicle_id, item.id)
        is_served = int(self._state["items"][item.id]["set_ms"]) != UNKNOWN
        rests_on, missing = self._grounds(item, is_served)
        basis = self._basis(item, prediction, is_served, bool(rests_on))
        if is_served:
            rests_on = ("the service you told", *rests_on)
        else:
            missing = (_service_missing(item), *missing)
        return ItemFinding(
            item.id, item.text().name, basis, None if basis is Basis.NOTHING else prediction, rests_on, missing,
            item.text().advice,
        )  # fmt: skip

    def _basis(self, item: ItemSpec, prediction: Prediction, is_served: bool, is_seen: bool) -> Basis:
        if item.calendar is not None:
            return Basis.NOTHING if prediction.window.expected_ms is None else Basis.KNOWN
        if item.hazard is not None:
            return Basis.KNOWN if is_seen else Basis.NOTHING
        if is_seen:
            return Basis.KNOWN if is_served else Basis.GUESS
        # With a service that is known, days alone may say something of what ages by itself.
        ages = item.wear is not None and any(self._is_age(name) for name in item.wear.rates)
        return Basis.GUESS if is_served and ages else Basis.NOTHING

    def _is_age(self, exposure: str) -> bool:
        return self._catalogue.exposures[exposure].function == ELAPSED_DAYS

    def _grounds(self, item: ItemSpec, is_served: bool) -> tuple[tuple[str, ...], tuple[Missing, ...]]:
        if item.wear is not None:
            return self._wear_grounds(item.wear)
        if item.hazard is not None:
            return self._hazard_grounds(item.hazard, is_served)
        return (("when the car was built",) if not is_served and self._is_born else ()), ()

    def _wear_grounds(self, wear: WearSpec) -> tuple[tuple[str, ...], tuple[Missing, ...]]:
        seen, missing = [], []
        for name in wear.rates:
            one = self._exposures.get(name)
            if one is None:
                continue  # the days, which no log has to tell
            if one.per_km is not None:
                seen.append(f"{one.text}, over {one.over_km:,.1f} km of the log")
            elif one.missing:
                missing.append(Missing(f"{one.text}: the log has no {' and no '.join(one.missing)}", RECORD))
            else:
                missing.append(Missing(f"{one.text}: no distance was driven while it could be seen", "log a drive"))
        if self._odometer_m == UNKNOWN:
            missing.append(Missing("no odometer: what was driven since the service is a guess", ODOMETER))
        km = float(self._state["observed_m"]) / 1000
        if seen and km < wear.km_until_ready:
            missing.append(
                Missing(f"{km:,.1f} km is little to tell a habit by", f"log {wear.km_until_ready:g} km or more")
            )
        return tuple(seen), tuple(missing)

    def _hazard_grounds(self, hazard: HazardSpec, is_served: bool) -> tuple[tuple[str, ...], tuple[Missing, ...]]:
        seen, missing, most = [], [], 0
        for feature in hazard.features:
            trend = self._trends.get(feature.name)
            if trend is None:
                if feature.name == AGE_YEARS and not (is_served or self._is_born):
                    missing.append(Missing("its age", "give --built, or --service with the day it was renewed"))
            elif trend.value is None:
                fix = RECORD if trend.missing else START_EARLY
                missing.append(Missing(f"{trend.text}: {trend.why_not}", fix))
            elif trend.is_own:
                most = max(most, trend.count)
                seen.append(f"{trend.text}, read {trend.count} time{'s' if trend.count > 1 else ''}")
        if seen and most < hazard.readings_until_ready:
            enough = f"log {hazard.readings_until_ready} starts or more, each an hour after the last drive"
            missing.append(Missing(f"{most} reading{'s are' if most > 1 else ' is'} little to go by", enough))
        return tuple(seen), tuple(missing)

    @property
    def _is_born(self) -> bool:
        return self._car.built_ms is not None


ODOMETER = "give --odometer-km"
RECORD = "let the app record it"
START_EARLY = "start the recording before the engine"


def _why_no_trend(spec: TrendSpec, missing: Sequence[str]) -> str:
    if missing:
        return f"the log has no {' and no '.join(missing)}"
    if spec.function == "mean":
        return "no value was there"
    at = "before the engine started" if spec.function == "level_at_rest" else "at the start of the engine"
    minutes = spec.parameters.get("standstill_minutes", 60.0)
    return f"no row {at}, {minutes:g} minutes or more after the last drive, has a value"


def _service_missing(item: ItemSpec) -> Missing:
    return Missing("nobody told when it was last renewed", f"give --service {item.id}=2024-05-31@61000")
