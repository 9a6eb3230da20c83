"""DriverProfile: which of the recorded drives someone takes, and how many a day."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulators.drive import Drive

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# Hours at which people set out; a trip begins within the three quarters of an hour that follow.
DEPARTURES = (7, 12, 16, 19)
PAUSE_MS = 10 * 60_000


@dataclass(frozen=True, slots=True)
class DriverProfile:
    """`takes` tells which drives belong to it; `weekday` and `weekend` are the likely numbers of trips, drawn from."""

    name: str
    takes: Callable[[Drive], bool]
    weekday: tuple[int, ...]
    weekend: tuple[int, ...]

    def pool(self, drives: Sequence[Drive]) -> list[Drive]:
        """The drives this profile chooses from; all of them if none fits (a file of somebody's own)."""
        return [drive for drive in drives if self.takes(drive)] or list(drives)


def _route(drive: Drive) -> str:
    """`KA_RT` of `2017-07-06_Seat_Leon_KA_RT_Normal`: from and to, as the data set names its files."""
    parts = drive.name.split("_")
    return "_".join(parts[3:5]) if len(parts) > 4 else ""


COMMUTER = DriverProfile("commuter", lambda d: _route(d) in ("RT_S", "S_RT"), (2, 2, 2, 1), (0, 0, 1))
CITY = DriverProfile("city", lambda d: _route(d) == "KA_KA", (3, 3, 4, 2), (2, 1, 0))
MOTORWAY = DriverProfile("motorway", lambda d: _route(d) not in ("RT_S", "S_RT", "KA_KA"), (1, 1, 2), (0, 0, 1))
MIXED = DriverProfile("mixed", lambda d: True, (1, 1, 2), (0, 1, 1))
PROFILES = (COMMUTER, CITY, MOTORWAY, MIXED)


@dataclass(frozen=True, slots=True)
class PlannedTrip:
    """A drive and the moment it starts (int64 ms, UTC); `number` counts within the day, from 0."""

    drive: Drive
    start_ms: int
    day: int
    number: int


def plan_day(profile: DriverProfile, pool: Sequence[Drive], key: str, day: int) -> list[PlannedTrip]:
    """The trips of one day since the epoch, the same for the same key, one after another and never overlapping."""
    dice = random.Random(f"{key}/{day}")
    is_weekend = (day + 3) % 7 >= 5  # day 0 was a Thursday
    count = dice.choice(profile.weekend if is_weekend else profile.weekday)
    hours = sorted(dice.sample(DEPARTURES, count))
    trips: list[PlannedTrip] = []
    free_from = 0
    for number, hour in enumerate(hours):
        start = max(day * DAY_MS + hour * HOUR_MS + dice.randrange(45 * 60) * 1000, free_from)
        drive = dice.choice(pool)
        trips.append(PlannedTrip(drive, start, day, number))
        free_from = start + drive.duration_ms + PAUSE_MS
    return trips
