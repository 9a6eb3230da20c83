"""One's own car: what its drives say through the live fold, on what each prediction rests, and what it does not say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from adapters.catalogue_file import load_catalogue
from domain.car_log import Basis, CarLog, GivenCar, GivenService, ItemFinding, LogFile
from domain.telemetry import TelemetryUpload, UploadId
from models.causes import Causes
from models.fold import VehicleFold
from models.predictor import Predictor
from models.vehicle_state import StateLayout
from models.words import words
from workflow.own_car import VEHICLE, DriveSource, DriveUpload, read_own_car

CATALOGUE = load_catalogue(Path(__file__).parents[3] / "pitcall" / "data" / "car.yaml")
SPEED, ODOMETER = "Vehicle.Speed", "Vehicle.TraveledDistance"
RPM = "Vehicle.Powertrain.CombustionEngine.Speed"
COOLANT = "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature"
AIR = "Vehicle.Powertrain.CombustionEngine.MAF"
VOLTAGE = "Vehicle.LowVoltageBattery.CurrentVoltage"
DAY_MS = 86_400_000
START_MS = 1_700_006_400_000  # a midnight
SECONDS = 301


@dataclass
class MadeUpDrives(DriveSource):
    """Drives of a day each, of twelve uploads of 300 s; `without` leaves signals out."""

    days: int = 5
    parts: int = 12
    without: Sequence[str] = ()
    odometer_m: float | None = None
    codes: Sequence[str] = ()
    broken_from_s: int | None = None
    made: list[DriveUpload] = field(default_factory=list)

    @property
    def signals(self) -> Sequence[str]:
        return [path for path in self._columns(0, 0) if path not in self.without]

    @property
    def has_codes(self) -> bool:
        return bool(self.codes)

    @property
    def files(self) -> tuple[LogFile, ...]:
        return ()

    def called(self, signal: str) -> str:
        return signal.rsplit(".", 1)[1]

    def uploads(self) -> Iterator[DriveUpload]:
        for day in range(self.days):
            for part in range(self.parts):
                columns = self._columns(day, part)
                own = {path: column for path, column in columns.items() if path not in self.without}
                start_ms = START_MS + day * DAY_MS + part * 300_000
                offsets = np.arange(SECONDS, dtype=np.uint32) * 1000
                if self.broken_from_s is not None:
                    offsets[self.broken_from_s :] += 10_000
                codes = tuple(self.codes) if part == 0 else ()
                self.made.append(DriveUpload(day, part, start_ms, offsets, own, codes))
                yield self.made[-1]

    def _columns(self, day: int, part: int) -> dict[str, np.ndarray]:
        second = np.arange(SECONDS)
        speed = np.minimum(60.0, 3.0 * (second % 50))
        rpm, volts = np.full(SECONDS, 1500.0), np.full(SECONDS, 14.2)
        if part == 0:
            speed[:20], rpm[:10], volts[:10], rpm[10], volts[10] = 0.0, 0.0, 12.5, 700.0, 10.4
        columns = {SPEED: speed, RPM: rpm, VOLTAGE: volts, AIR: 3 + speed / 4, COOLANT: np.full(SECONDS, 90.0)}
        if self.odometer_m is not None:
            columns[ODOMETER] = self.odometer_m + (day * self.parts + part) * 3_000 + second * 10.0
        return columns


def told(car: GivenCar | None = None, **drives: object) -> CarLog:
    return read_own_car(CATALOGUE, car or GivenCar(), MadeUpDrives(**drives))  # type: ignore[arg-type]


def item(log: CarLog, name: str) -> ItemFinding:
    (found,) = [one for one in log.items if one.item == name]
    return found


def missing(log: CarLog, name: str) -> str:
    return "; ".join(f"{one.what} → {one.fix}" for one in item(log, name).missing)


@pytest.fixture(scope="module")
def plain() -> CarLog:
    """Five days of driving of a car of which nothing else is known."""
    return told()


def test_the_predictions_are_those_of_the_live_stream_for_the_same_uploads() -> None:
    car = GivenCar(mass_kg=1500, built_ms=START_MS - 900 * DAY_MS)
    source = MadeUpDrives()
    log = read_own_car(CATALOGUE, car, source)
    layout = StateLayout(CATALOGUE)
    state, predictor = layout.empty(CATALOGUE, car.attributes), Predictor(CATALOGUE, b"any key of the stream's own....")
    live = [
        TelemetryUpload(
            UploadId(VEHICLE, f"drive-{one.number}", one.place), one.start_ms, one.offsets_ms.tolist(),
            {path: column.tolist() for path, column in one.columns.items()}, one.end_ms + 1000,
        )
        for one in source.made
    ]  # fmt: skip
    assert all(outcome.is_folded for outcome in VehicleFold(CATALOGUE, layout).fold(state, live, car.attributes))
    states = np.array([state], dtype=layout.dtype)
    row = predictor.predict_many(states, Causes.newest(states))[0]
    for found in log.items:
        if found.prediction is not None:
            assert found.prediction == words(CATALOGUE, predictor.rows, row, VEHICLE, found.item)
    assert sum(found.prediction is not None for found in log.items) >= 3


def test_what_was_driven_is_added_up_without_losing_what_lies_between_uploads(plain: CarLog) -> None:
    driving = plain.driving
    speed = np.concatenate([one.columns[SPEED] for one in _made()])
    pairs = speed.reshape(-1, SECONDS)
    assert driving.km == pytest.approx(((pairs[:, 1:] + pairs[:, :-1]) / 7200).sum())
    assert (driving.drives, driving.uploads, driving.samples) == (5, 60, 5 * (12 * 300 + 1))
    assert driving.minutes == pytest.approx(5 * 60)
    assert (driving.gaps, driving.gap_km) == (0, 0)


def _made() -> list[DriveUpload]:
    source = MadeUpDrives()
    return list(source.uploads())


def test_gaps_are_counted_apart_with_the_distance_that_they_may_hide() -> None:
    log = told(days=1, parts=1, broken_from_s=100)
    assert (log.driving.gaps, log.driving.gap_minutes) == (1, pytest.approx(11 / 60))
    speed = _made()[0].columns[SPEED]
    assert log.driving.gap_km == pytest.approx((speed[99] + speed[100]) / 2 / 3.6 * 11 / 1000)
    whole = told(days=1, parts=1).driving.km
    assert log.driving.km == pytest.approx(whole - (speed[99] + speed[100]) / 7200)
    assert told(days=1, parts=1, broken_from_s=100, without=[SPEED]).driving.gap_km is None


def test_exposures_stand_beside_the_typical_cars(plain: CarLog) -> None:
    fuel = {one.name: one for one in plain.exposures}["fuel"]
    assert fuel.typical_per_km == CATALOGUE.exposures["fuel"].typical_per_km
    assert fuel.per_km == pytest.approx(fuel.amount / fuel.over_km)
    assert fuel.over_km == pytest.approx(plain.driving.km)


def test_an_item_of_which_the_log_says_nothing_gets_no_prediction_and_is_told_what_would_help(plain: CarLog) -> None:
    log = told(without=[VOLTAGE])
    battery = item(log, "battery_12v")
    assert (battery.basis, battery.prediction, battery.rests_on) == (Basis.NOTHING, None, ())
    assert "voltage at rest: the log has no CurrentVoltage → let the app record CurrentVoltage" in missing(
        log, "battery_12v"
    )
    fluid = item(plain, "brake_fluid")
    assert (fluid.basis, fluid.prediction) == (Basis.NOTHING, None)
    assert "give --service brake_fluid=" in missing(plain, "brake_fluid")


def test_a_battery_that_was_read_is_told_of_by_its_readings(plain: CarLog) -> None:
    rest, dip = plain.trends[0], plain.trends[1]
    assert (rest.name, rest.value, rest.count) == ("rest_voltage", 12.5, 5)
    assert (dip.name, dip.count) == ("crank_dip", 5) and dip.value == pytest.approx(10.4)
    battery = item(plain, "battery_12v")
    assert battery.basis is Basis.KNOWN and battery.rests_on[0] == "voltage at rest, read 5 times"


def test_a_few_readings_make_no_more_than_a_guess() -> None:
    log = told(days=1)
    assert item(log, "battery_12v").basis is Basis.GUESS
    assert "1 reading is little to go by → log 3 starts or more" in missing(log, "battery_12v")


def test_an_engine_that_ran_from_the_first_row_tells_nothing_of_the_battery() -> None:
    source = MadeUpDrives()
    source._columns = lambda day, part: MadeUpDrives._columns(source, day, 1)  # type: ignore[method-assign]
    log = read_own_car(CATALOGUE, GivenCar(), source)
    assert item(log, "battery_12v").basis is Basis.NOTHING
    assert "no row before the engine started, 60 minutes or more after the last drive" in missing(log, "battery_12v")
    assert "start the recording before the engine" in missing(log, "battery_12v")


def test_wear_without_a_service_is_a_guess_and_with_one_is_known(plain: CarLog) -> None:
    assert item(plain, "engine_oil").basis is Basis.GUESS
    assert "nobody told when it was last renewed → give --service engine_oil=" in missing(plain, "engine_oil")
    service = GivenService("engine_oil", START_MS - 100 * DAY_MS, 46_000_000)
    log = told(GivenCar(odometer_m=52_000_000, services=(service,)))
    oil = item(log, "engine_oil")
    assert oil.basis is Basis.KNOWN and oil.rests_on[0] == "the service you told"
    assert oil.missing == ()
    assert (
        oil.rests_on[-1] == f"{6000 - log.driving.km:,.0f} km since then that no log saw, taken to be driven likewise"
    )
    assert oil.prediction is not None and "46,000 km" in oil.prediction.reason


def test_the_odometer_that_is_given_stands_at_the_end_of_the_log() -> None:
    assert told().odometer_m == -1
    assert "no odometer: what was driven since the service is a guess → give --odometer-km" in missing(
        told(), "engine_oil"
    )
    assert told(GivenCar(odometer_m=52_000_000)).odometer_m == 52_000_000


def test_an_odometer_in_the_log_counts_before_the_one_that_is_given() -> None:
    log = told(GivenCar(odometer_m=99_000_000), odometer_m=10_000_000.0)
    assert log.odometer_m == 10_000_000 + 59 * 3000 + 3000
    assert any("odometer of its own" in one.what for one in log.remarks)


def test_a_service_that_does_not_go_with_the_logs_odometer_is_said() -> None:
    service = GivenService("engine_oil", START_MS - 100 * DAY_MS, 46_000_000)
    log = told(GivenCar(services=(service,)), odometer_m=10_000_000.0)
    assert any("odometer of a service does not go with the log's" in one.what for one in log.remarks)


def test_a_service_between_two_drives_counts_only_what_came_after() -> None:
    service = GivenService("front_brake_pads", START_MS + 3 * DAY_MS - 3_600_000)
    log = told(GivenCar(services=(service,)))
    said = item(log, "front_brake_pads").prediction
    energy = {one.name: one for one in log.exposures}["brake_energy_slow"]
    assert said is not None
    assert said.features["brake_energy_slow"] == pytest.approx(energy.amount * 2 / 5, rel=1e-6)


def test_a_service_after_the_newest_log_is_taken_too() -> None:
    later = GivenService("brake_fluid", START_MS + 30 * DAY_MS)
    said = item(told(GivenCar(services=(later,))), "brake_fluid").prediction
    assert said is not None and said.window.expected_ms == later.performed_ms + 730 * DAY_MS


def test_a_young_cars_calendar_counts_from_when_it_was_built() -> None:
    young, old = GivenCar(built_ms=START_MS - 100 * DAY_MS), GivenCar(built_ms=START_MS - 3000 * DAY_MS)
    fluid = item(told(young), "brake_fluid")
    assert fluid.basis is Basis.KNOWN and fluid.rests_on == ("when the car was built",)
    assert item(told(old), "brake_fluid").basis is Basis.NOTHING


def test_a_single_moment_makes_no_prediction_but_is_no_error() -> None:
    source = MadeUpDrives(days=1, parts=1)
    whole = next(source.uploads())
    first = replace(
        whole, offsets_ms=whole.offsets_ms[:1], columns={path: own[:1] for path, own in whole.columns.items()}
    )
    source.uploads = lambda: iter([first])  # type: ignore[method-assign]
    log = read_own_car(CATALOGUE, GivenCar(), source)
    assert (log.driving.km, log.driving.samples) == (0, 1)
    assert {one.item: one.basis for one in log.items}["front_brake_pads"] is Basis.NOTHING
    assert "nothing was driven while it could be" in missing(log, "front_brake_pads")


def test_days_alone_are_a_guess_of_what_ages_and_nothing_of_what_does_not() -> None:
    services = tuple(GivenService(name, START_MS - 300 * DAY_MS) for name in ("engine_oil", "front_brake_pads"))
    log = told(GivenCar(services=services), without=[SPEED, AIR, COOLANT])
    assert item(log, "engine_oil").basis is Basis.GUESS
    assert "the typical car's driving in place of yours" in item(log, "engine_oil").rests_on[1]
    assert item(log, "front_brake_pads").basis is Basis.NOTHING


def test_uploads_that_the_fold_cannot_use_are_counted() -> None:
    log = told(without=[SPEED, AIR, COOLANT, RPM, VOLTAGE])
    assert log.driving.refused == (("it has no plausible value of any signal that is used", 60),)
    assert all(one.basis is Basis.NOTHING for one in log.items)


def test_trouble_codes_are_those_stored_at_the_end(plain: CarLog) -> None:
    assert (plain.has_codes, plain.codes) == (False, ())
    assert told(codes=["P0420", "P0171"]).codes == ("P0171", "P0420")


def test_what_was_not_told_is_said_with_the_option_that_tells_it(plain: CarLog) -> None:
    fixes = [one.fix for one in plain.remarks]
    assert [fix.split()[1] for fix in fixes] == ["--powertrain", "--mass-kg", "--odometer-km", "--built"]
    car = GivenCar(1500, "diesel", START_MS - 900 * DAY_MS, 52_000_000)
    assert told(car).remarks == ()
