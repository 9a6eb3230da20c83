"""The odometer in the state: rises with plausible readings, holds back a jump, carries on by the speed meanwhile."""

from __future__ import annotations

from models.upload_summary import UploadSummary
from models.vehicle_state import ODOMETER_CORRECTED, ODOMETER_JUMP, UNKNOWN, Record

FASTEST_M_S = 70.0  # 250 km/h, for as long as a driver lasts
AT_A_STRETCH_S = 6 * 3600.0
FARTHEST_M_PER_DAY = 1_000_000.0  # beyond that: generous to uploads that were lost
SLACK_M = 2_000.0
BACKWARD_M = 1_000.0
AGREEING_UPLOADS = 5  # so many in a row must agree before a jump is believed after all


def farthest_m(elapsed_s: float) -> float:
    """The longest distance (m) that a car may have gone in `elapsed_s` seconds without being doubted."""
    elapsed_s = max(elapsed_s, 0.0)
    beyond_s = max(0.0, elapsed_s - AT_A_STRETCH_S)
    return FASTEST_M_S * (elapsed_s - beyond_s) + FARTHEST_M_PER_DAY * beyond_s / 86_400 + SLACK_M


def advance_odometer(state: Record, summary: UploadSummary, elapsed_s: float) -> float:
    """Take the odometer forward by an upload that is newer than the state; returns the metres it rose.

    `elapsed_s`: since the newest event before. A reading that no car could have reached is held back and flagged,
    and the distance of the upload's own speed counts instead; five held readings in a row that agree with each other
    are believed (a new instrument cluster, or a wrong first reading), and the past is moved along.
    """
    known, reading = int(state["odometer_m"]), summary.odometer_m
    if known == UNKNOWN:
        if reading != UNKNOWN:
            state["first_odometer_m"], state["odometer_m"] = summary.first_odometer_m, reading
            return float(reading - summary.first_odometer_m)
        return 0.0
    if reading == UNKNOWN:
        return _carry_on(state, summary)
    if -BACKWARD_M <= reading - known <= farthest_m(elapsed_s):
        state["held_count"] = 0
        rise = max(0, reading - known)
        state["odometer_m"] = known + rise
        return float(rise)
    return _hold_back(state, summary, elapsed_s)


def _carry_on(state: Record, summary: UploadSummary) -> float:
    rise = round(summary.observed_m)
    state["odometer_m"] = int(state["odometer_m"]) + rise
    return float(rise)


def _hold_back(state: Record, summary: UploadSummary, elapsed_s: float) -> float:
    reading, held = summary.odometer_m, int(state["held_odometer_m"])
    state["flags"] = int(state["flags"]) | ODOMETER_JUMP
    agrees = int(state["held_count"]) > 0 and 0 <= reading - held <= farthest_m(elapsed_s)
    state["held_count"] = int(state["held_count"]) + 1 if agrees else 1
    state["held_odometer_m"] = reading
    rise = _carry_on(state, summary)
    if int(state["held_count"]) >= AGREEING_UPLOADS:
        shift = reading - int(state["odometer_m"])
        state["odometer_m"] = reading
        state["first_odometer_m"] = int(state["first_odometer_m"]) + shift
        state["held_count"] = 0
        state["flags"] = int(state["flags"]) | ODOMETER_CORRECTED
    return rise
