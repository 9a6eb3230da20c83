"""Labels as the stream might bring them, and as they stand in the ledger; a test changes what it is about."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from domain.judged_label import JudgedLabel, Promise
from domain.prediction import ItemKind
from domain.service_record import TrainingExample
from tests.support.moments import DAY, NOW
from tests.support.predictions import CAR, window

PADS, BATTERY = "front_brake_pads", "battery_12v"


def pads_example(**changes: Any) -> TrainingExample:
    """Pads of 12 mm that wore to 4 mm in 400 days, where 8.3 mm of wear had been predicted, 7.5 to 9.1 mm."""
    base = TrainingExample(
        label_id="visit-1:front_brake_pads",
        vehicle_id=CAR,
        item=PADS,
        known_ms=NOW,
        features={},
        target=8.0,
        predicted=8.3,
        lower=7.5,
        upper=9.1,
        coverage=0.9,
        model_version="7-abcdef01",
        measured=4.0,
        since_ms=NOW - 400 * DAY,
    )
    return replace(base, **changes)


def battery_example(**changes: Any) -> TrainingExample:
    """A battery that had failed, of which that was said with 30 %."""
    base = TrainingExample(
        label_id="visit-1:battery_12v",
        vehicle_id=CAR,
        item=BATTERY,
        known_ms=NOW,
        features={},
        target=1.0,
        predicted=0.3,
        model_version="3-abcdef02",
        measured=11.2,
    )
    return replace(base, **changes)


def pads_label(**changes: Any) -> JudgedLabel:
    """`pads_example` in the ledger: due within 11 to 15 days was promised ten days before, and due it was in 50."""
    known_ms = changes.get("known_ms", NOW)
    base = JudgedLabel(
        label_id="visit-1:front_brake_pads",
        vehicle_id=CAR,
        item=PADS,
        kind=ItemKind.WEAR,
        known_ms=known_ms,
        model_version="7-abcdef01",
        target=8.0,
        predicted=8.3,
        lower=7.5,
        upper=9.1,
        measured=4.0,
        unit="mm",
        found_ms=known_ms + 50 * DAY,
        promise=Promise(known_ms - 10 * DAY, window(13, known_ms), "7-abcdef01"),
    )
    return replace(base, **changes)


def battery_label(**changes: Any) -> JudgedLabel:
    """`battery_example` in the ledger, failed within the window that was promised a week before."""
    known_ms = changes.get("known_ms", NOW)
    base = JudgedLabel(
        label_id="visit-1:battery_12v",
        vehicle_id=CAR,
        item=BATTERY,
        kind=ItemKind.HAZARD,
        known_ms=known_ms,
        model_version="3-abcdef02",
        target=1.0,
        predicted=0.3,
        measured=11.2,
        unit="V",
        found_ms=known_ms,
        promise=Promise(known_ms - 7 * DAY, window(1, known_ms), "3-abcdef02", {30: 0.3}),
    )
    return replace(base, **changes)


def a_year_of_labels(seed: int = 7, now_ms: int = NOW) -> list[JudgedLabel]:
    """Pads of forty cars whose range holds nine times in ten, and batteries whose chances come true."""
    chance = random.Random(seed)
    labels = []
    for number in range(160):
        known_ms = now_ms - round(chance.uniform(0, 365) * DAY)
        target = chance.uniform(4.0, 9.0)
        predicted = target + chance.gauss(0.05, 0.5)
        labels.append(
            pads_label(
                label_id=f"pads-{number}",
                vehicle_id=f"car-{number % 40}",
                known_ms=known_ms,
                target=target,
                predicted=predicted,
                lower=predicted - 0.82,
                upper=predicted + 0.82,
                measured=12.0 - target,
                promise=None,
                is_drifting=False,
            )
        )
    for number in range(90):
        share = chance.betavariate(1, 5)
        has_failed = chance.random() < share
        known_ms = now_ms - round(chance.uniform(0, 365) * DAY)
        labels.append(
            battery_label(
                label_id=f"battery-{number}",
                vehicle_id=f"car-{number % 40}",
                known_ms=known_ms,
                target=float(has_failed),
                predicted=share,
                found_ms=known_ms if has_failed else None,
                promise=None,
            )
        )
    return labels
