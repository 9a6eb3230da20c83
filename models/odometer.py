"""The odometer in the levels: rises with plausible readings, holds back a jump, carries on by the speed meanwhile."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.vehicle_state import NO_READING, ODOMETER_CORRECTED, ODOMETER_JUMP, UNKNOWN, Entries, States

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FASTEST_M_S = 70.0  # 250 km/h, for as long as a driver lasts
AT_A_STRETCH_S = 6 * 3600.0
FARTHEST_M_PER_DAY = 1_000_000.0  # beyond that: generous to uploads that were lost
SLACK_M = 2_000.0
BACKWARD_M = 1_000.0
AGREEING_UPLOADS = 5  # so many in a row must agree before a jump is believed after all


def farthest_m(elapsed_s: float) -> float:
    """The longest distance (m) that a car may have gone in `elapsed_s` seconds without being doubted."""
    return float(farthest_many_m(np.array([elapsed_s]))[0])


def farthest_many_m(elapsed_s: Floats) -> Floats:
    """`farthest_m` of many."""
    elapsed_s = np.maximum(elapsed_s, 0.0)
    beyond_s = np.maximum(0.0, elapsed_s - AT_A_STRETCH_S)
    return FASTEST_M_S * (elapsed_s - beyond_s) + FARTHEST_M_PER_DAY * beyond_s / 86_400 + SLACK_M


def advance_odometers(levels: States, cars: Ints, entries: Entries, elapsed_s: Floats) -> Ints:
    """Take odometers forward by an upload each, in the order of events; returns the metres each rose.

    `cars`: rows of `levels`, each once; `elapsed_s`: since the newest event before. A reading that no car could have
    reached is held back and flagged, and the distance of the upload's own speed counts instead; five held readings in
    a row that agree with each other are believed (a new instrument cluster, or a wrong first reading), and the past is
    moved along.
    """
    first_reading, reading = _reading(entries, "first_odometer_m"), _reading(entries, "odometer_m")
    known = levels["odometer_m"][cars]
    is_new = (known == UNKNOWN) & (reading != UNKNOWN)
    begun = np.flatnonzero(is_new)
    levels["first_odometer_m"][cars[begun]] = first_reading[begun]
    ahead, farthest = reading - known, farthest_many_m(elapsed_s)
    is_read = (known != UNKNOWN) & (reading != UNKNOWN)
    is_believed = is_read & (ahead >= -BACKWARD_M) & (ahead <= farthest)
    levels["held_count"][cars[is_believed]] = 0
    carried = np.where(known != UNKNOWN, entries["observed_m"].astype(np.int64), 0)
    rise: Ints = np.where(is_believed, np.maximum(0, ahead), carried)
    rise = np.where(is_new, np.maximum(0, reading - first_reading), rise)
    levels["odometer_m"][cars] = np.where(is_new, reading, known + rise)
    held = np.flatnonzero(is_read & ~is_believed)
    if len(held):
        _hold_back(levels, cars[held], reading[held], farthest[held])
    return rise


def _reading(entries: Entries, name: str) -> Ints:
    metres = entries[name].astype(np.int64)
    return np.where(metres == NO_READING, UNKNOWN, metres)


def _hold_back(levels: States, cars: Ints, reading: Ints, farthest: Floats) -> None:
    """Remember readings that were not believed, and believe them once enough agree."""
    since, count = reading - levels["held_odometer_m"][cars], levels["held_count"][cars].astype(np.int64)
    count = np.where((count > 0) & (since >= 0) & (since <= farthest), count + 1, 1)
    is_enough = count >= AGREEING_UPLOADS
    odometer_m, first_m = levels["odometer_m"][cars], levels["first_odometer_m"][cars]
    levels["odometer_m"][cars] = np.where(is_enough, reading, odometer_m)
    levels["first_odometer_m"][cars] = np.where(is_enough, first_m + (reading - odometer_m), first_m)
    levels["held_odometer_m"][cars] = reading
    levels["held_count"][cars] = np.where(is_enough, 0, count)
    corrected = np.where(is_enough, ODOMETER_CORRECTED, 0).astype(np.uint8)
    levels["order_flags"][cars] |= np.uint8(ODOMETER_JUMP) | corrected
