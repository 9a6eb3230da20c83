"""The odometer in the state: rises with plausible readings, holds back a jump, carries on by the speed meanwhile."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.vehicle_state import ODOMETER_CORRECTED, ODOMETER_JUMP, UNKNOWN

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


def advance_odometers(
    states: npt.NDArray[Any], cars: Ints, first_reading: Ints, reading: Ints, observed_m: Floats, elapsed_s: Floats
) -> Floats:
    """Take odometers forward by uploads that are newer than their car's state; returns the metres each rose.

    `cars`: rows of `states`, each once; `elapsed_s`: since the newest event before. A reading that no car could have
    reached is held back and flagged, and the distance of the upload's own speed counts instead; five held readings in
    a row that agree with each other are believed (a new instrument cluster, or a wrong first reading), and the past is
    moved along.
    """
    known = states["odometer_m"][cars]
    is_new = (known == UNKNOWN) & (reading != UNKNOWN)
    begun = np.flatnonzero(is_new)
    states["first_odometer_m"][cars[begun]] = first_reading[begun]
    ahead, farthest = reading - known, farthest_many_m(elapsed_s)
    is_read = (known != UNKNOWN) & (reading != UNKNOWN)
    is_believed = is_read & (ahead >= -BACKWARD_M) & (ahead <= farthest)
    states["held_count"][cars[is_believed]] = 0
    # np.rint, as Python's round, goes to the even of two.
    carried = np.where(known != UNKNOWN, np.rint(observed_m), 0.0)
    rise = np.where(is_believed, np.maximum(0, ahead), carried)
    rise = np.where(is_new, reading - first_reading, rise)
    states["odometer_m"][cars] = np.where(is_new, reading, known + rise.astype(np.int64))
    held = np.flatnonzero(is_read & ~is_believed)
    if len(held):
        _hold_back(states, cars[held], reading[held], farthest[held])
    return rise


def _hold_back(states: npt.NDArray[Any], cars: Ints, reading: Ints, farthest: Floats) -> None:
    """Remember readings that were not believed, and believe them once enough agree."""
    since, count = reading - states["held_odometer_m"][cars], states["held_count"][cars]
    count = np.where((count > 0) & (since >= 0) & (since <= farthest), count + 1, 1)
    is_enough = count >= AGREEING_UPLOADS
    odometer_m, first_m = states["odometer_m"][cars], states["first_odometer_m"][cars]
    states["odometer_m"][cars] = np.where(is_enough, reading, odometer_m)
    states["first_odometer_m"][cars] = np.where(is_enough, first_m + (reading - odometer_m), first_m)
    states["held_odometer_m"][cars] = reading
    states["held_count"][cars] = np.where(is_enough, 0, count)
    corrected = np.where(is_enough, ODOMETER_CORRECTED, 0).astype(np.uint32)
    states["flags"][cars] |= np.uint32(ODOMETER_JUMP) | corrected
