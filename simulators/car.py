"""SimulatedCar: a car with a driver, an odometer and a hidden truth, which drives recorded drives."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulators.drive import Drive
from simulators.profile import DAY_MS, DriverProfile, PlannedTrip, plan_day
from simulators.trip import Trip, Upload, UploadWriter
from simulators.wear_truth import BATTERY, TripDemand, WearTruth

NO_START_V = 7.2  # SAE J537 rates a battery by the current it gives down to 7.2 V; below it no engine turns over


@dataclass(frozen=True, slots=True)
class CarIdentity:
    """What is stamped on the car. The VIN is a made-up one that no maker can have issued."""

    index: int
    vin: str
    make: str
    model: str
    model_year: int
    mass_kg: float
    built_ms: int
    powertrain: str = "petrol"


@dataclass(slots=True)
class TripUnderWay:
    """A trip that has begun, and the first of its uploads that is still to be handed out."""

    day: int
    number: int
    trip: Trip
    next_upload: int = 0


@dataclass
class SimulatedCar:
    """Deterministic for its `key`: the same key and the same times give the same trips, signals and wear.

    `demands` maps drive name to what that drive takes from this car; `planned_until_ms` is the time up to which trips
    have begun. `history` is what the owner knows of past work, as service-history records of the API.
    """

    identity: CarIdentity
    key: str
    profile: DriverProfile
    pool: Sequence[Drive]
    demands: Mapping[str, TripDemand]
    writer: UploadWriter
    truth: WearTruth
    odometer_m: float
    planned_until_ms: int
    tyre_kpa: float
    history: list[dict[str, Any]] = field(default_factory=list)
    breakdowns: list[dict[str, Any]] = field(default_factory=list)
    under_way: list[TripUnderWay] = field(default_factory=list)
    drives_begun: int = 0

    def __post_init__(self) -> None:
        self.aged_ms = self.planned_until_ms

    def drive_until(self, now_ms: int) -> list[Upload]:
        """Begin every trip planned before `now_ms`; returns the uploads whose last sample lies at or before it."""
        for planned in self._planned(self.planned_until_ms, now_ms):
            self.under_way.append(self._begin(planned))
        self.planned_until_ms = max(self.planned_until_ms, now_ms)
        ready: list[Upload] = []
        for active in self.under_way:
            for upload in self.writer.uploads(active.trip)[active.next_upload :]:
                if upload.ready_ms > now_ms:
                    break
                ready.append(upload)
                active.next_upload += 1
        self.under_way = [a for a in self.under_way if a.next_upload <= len(list(self.writer.spans(a.trip.drive)))]
        return ready

    def age_until(self, now_ms: int) -> None:
        """Let time pass over oil and battery, driving or not."""
        if now_ms > self.aged_ms:
            self.truth.rest((now_ms - self.aged_ms) / DAY_MS)
            self.aged_ms = now_ms

    def _planned(self, from_ms: int, until_ms: int) -> list[PlannedTrip]:
        days = range(from_ms // DAY_MS - 1, until_ms // DAY_MS + 1)
        trips = [trip for day in days for trip in plan_day(self.profile, self.pool, self.key, day)]
        return [trip for trip in trips if from_ms <= trip.start_ms < until_ms]

    def _begin(self, planned: PlannedTrip) -> TripUnderWay:
        demand = self.demands[planned.drive.name]
        self.age_until(planned.start_ms)
        if self.truth.crank_v(demand.ambient_c) < NO_START_V:
            self._break_down(planned.start_ms)
        trip = Trip(
            boot_id=boot_id(self.key, planned.day, planned.number),
            drive=planned.drive,
            start_ms=planned.start_ms,
            odometer_m=self.odometer_m,
            rest_v=self.truth.rest_v,
            crank_v=self.truth.crank_v(demand.ambient_c),
            tyre_kpa=self.tyre_kpa,
        )
        self.odometer_m += demand.distance_m
        self.truth.drive(demand)
        self.drives_begun += 1
        return TripUnderWay(planned.day, planned.number, trip)

    def _break_down(self, now_ms: int) -> None:
        """The starter no longer turns: roadside assistance fits a new battery, and the owner gets to enter it."""
        record = {"item": BATTERY, "outcome": "failed", "performed_ms": now_ms, "odometer_m": int(self.odometer_m)}
        self.breakdowns.append(record)
        self.truth.renew(BATTERY, now_ms)

    def state(self) -> dict[str, Any]:
        """What must be kept to go on later, as plain JSON values."""
        return {
            "truth": self.truth.state(),
            "odometer_m": self.odometer_m,
            "planned_until_ms": self.planned_until_ms,
            "aged_ms": self.aged_ms,
            "breakdowns": self.breakdowns,
            "drives_begun": self.drives_begun,
            "under_way": [
                {
                    "day": active.day,
                    "number": active.number,
                    "next_upload": active.next_upload,
                    "odometer_m": active.trip.odometer_m,
                    "rest_v": active.trip.rest_v,
                    "crank_v": active.trip.crank_v,
                }
                for active in self.under_way
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave; trips under way are found again in the plan."""
        self.truth = WearTruth.restored(state["truth"])
        self.odometer_m = state["odometer_m"]
        self.planned_until_ms = state["planned_until_ms"]
        self.aged_ms = state["aged_ms"]
        self.breakdowns = list(state["breakdowns"])
        self.drives_begun = state["drives_begun"]
        self.under_way = []
        for kept in state["under_way"]:
            planned = plan_day(self.profile, self.pool, self.key, kept["day"])[kept["number"]]
            boot = boot_id(self.key, kept["day"], kept["number"])
            volts = (kept["rest_v"], kept["crank_v"], self.tyre_kpa)
            trip = Trip(boot, planned.drive, planned.start_ms, kept["odometer_m"], *volts)
            self.under_way.append(TripUnderWay(kept["day"], kept["number"], trip, kept["next_upload"]))


def boot_id(key: str, day: int, number: int) -> str:
    """The id of a trip's boot, the same whenever the trip is driven anew; 20 hexadecimal digits."""
    return hashlib.sha256(f"{key}/{day}/{number}".encode()).hexdigest()[:20]
