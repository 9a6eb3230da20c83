"""Predictions as a model might make them; a test changes what it is about."""

from dataclasses import replace
from typing import Any

from domain.prediction import Contribution, DueWindow, ItemKind, Prediction, UploadRange
from tests.support.moments import DAY, NOW

CAR = "car-1"


def window(days: float | None, at_ms: int = NOW) -> DueWindow:
    """A 90 % window around `days` after `at_ms`; out of sight for None."""
    if days is None:
        return DueWindow(None, None, None, 0.9)
    expected = at_ms + round(days * DAY)
    return DueWindow(expected - 2 * DAY, expected, expected + 2 * DAY, 0.9)


def wear(days: float | None, *, event_ms: int = NOW, seq: int = 0, **changes: Any) -> Prediction:
    """Front brake pads expected to need work `days` after `event_ms`."""
    vehicle_id = changes.get("vehicle_id", CAR)
    base = Prediction(
        id=f"{vehicle_id}/boot-1/{seq}/front_brake_pads",
        vehicle_id=vehicle_id,
        item="front_brake_pads",
        kind=ItemKind.WEAR,
        event_ms=event_ms,
        odometer_m=61_000_000,
        health=0.2,
        window=window(days, event_ms),
        remaining_km=1200.0,
        probability={},
        contributions=(Contribution("brake_energy_slow", -4.5, "braking below 80 km/h"),),
        reason="About 4 mm of 12 mm are left.",
        features={"brake_energy_slow": 1800.0},
        model_version="pads-7",
        uploads=(UploadRange("boot-1", 0, seq),),
    )
    return replace(base, **changes)


def hazard(share: float, *, event_ms: int = NOW, seq: int = 0, **changes: Any) -> Prediction:
    """A 12 V battery that fails within 30 days with probability `share`."""
    vehicle_id = changes.get("vehicle_id", CAR)
    base = replace(
        wear(None, event_ms=event_ms, seq=seq, vehicle_id=vehicle_id),
        id=f"{vehicle_id}/boot-1/{seq}/battery_12v",
        item="battery_12v",
        kind=ItemKind.HAZARD,
        remaining_km=None,
        probability={7: share / 4, 30: share, 90: min(1.0, 2 * share)},
        reason="The battery is weak.",
    )
    return replace(base, **changes)
