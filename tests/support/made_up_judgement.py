"""A fleet that never was: decisions, services and predictions drawn from a seed, judged, as a report's sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from domain.judgement import ItemJudgement, Judgement, Miss
from domain.prediction import ItemKind
from models.judging.calibration_ledger import ledger_of, summarise
from models.judging.judge import Decisions, JudgedItem, judge_hazard, judge_wear
from models.judging.outcomes import time_clock
from models.judging.ranking import micro_f1
from models.judging.services import ItemServices
from models.judging.wear_scores import Windows
from tests.support.moments import DAY, NOW

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

VEHICLES, DAYS, EVERY = 120, 900, 3
BEGIN = NOW - DAYS * DAY
NAMES = [f"vehicle-{number:03d}" for number in range(VEHICLES)]
REASONS = ("rest voltage 12.1 V, falling by 0.04 V a week", "38 short trips in 30 days", "9 nights below −5 °C")


def grid() -> Decisions:
    """Every third day of every vehicle, all followed to the end."""
    days = np.arange(0, DAYS, EVERY, dtype=np.int64)
    vehicle = np.repeat(np.arange(VEHICLES, dtype=np.int64), len(days))
    return Decisions(vehicle, np.tile(BEGIN + days * DAY, VEHICLES), NOW)


def failing(rng: np.random.Generator, mean_days: float, shape: float, replaced: float) -> ItemServices:
    """Weibull lives; a share of them ended by a replacement at some moment before."""
    rows: list[tuple[int, int, str]] = []
    for vehicle in range(VEHICLES):
        day = -float(rng.uniform(0, mean_days))
        while day < DAYS:
            life = float(mean_days * rng.weibull(shape))
            is_replaced = rng.random() < replaced
            day += life * float(rng.uniform(0.4, 0.95)) if is_replaced else life
            if 0 < day < DAYS:
                rows.append((vehicle, int(BEGIN + day * DAY), "replaced" if is_replaced else "failed"))
    return ItemServices.of([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])


def battery(rng: np.random.Generator) -> JudgedItem:
    """A hazard that is seen coming more often than not."""
    decisions, services = grid(), failing(rng, 700, 2.5, 0.1)
    failures = services.only(services.is_failure)
    next_ms = failures.times(failures.after(decisions.vehicle, decisions.time_ms))
    days_left = np.where(next_ms == -1, 900.0, (next_ms - decisions.time_ms) / DAY)
    blind = rng.random(VEHICLES)[decisions.vehicle] < 0.2
    strength = np.where(blind, 0.3, 3.4) * np.exp(-days_left / 35) + rng.normal(0, 0.55, len(days_left))
    p = 1 / (1 + np.exp(5.0 - 2.1 * strength))
    p90 = 1 - (1 - p) ** 2.4
    judged = judge_hazard(
        "battery_12v", "12 V battery", decisions, services, np.stack([p, p90], axis=1), (30 * DAY, 90 * DAY),
        action_probability=0.3,
    )  # fmt: skip
    misses = tuple(
        Miss(
            vehicle_id=NAMES[int(decisions.vehicle[worst.row])],
            time_ms=int(decisions.time_ms[worst.row]),
            kind=worst.kind,
            said=f"{100 * p[worst.row]:.1f} % within 30 days",
            true="no failure within 30 days"
            if worst.truth_ms == -1
            else f"failed {days_left[worst.row]:.0f} days later",
            reasons=REASONS[: 1 + number % 3] if number % 4 else (),
        )
        for number, worst in enumerate(judged.worst)
    )
    return replace(judged, judgement=replace(judged.judgement, misses=misses))


def pads(rng: np.random.Generator) -> tuple[ItemJudgement, Windows, Decisions, ItemServices]:
    """A wear item whose window is a little too narrow in its first half-year."""
    decisions, services = grid(), failing(rng, 300, 6.0, 0.25)
    failures = services.only(services.renews)
    next_ms = failures.times(failures.after(decisions.vehicle, decisions.time_ms))
    true = np.where(next_ms == -1, 200.0, (next_ms - decisions.time_ms) / DAY)
    seen = (decisions.time_ms - BEGIN) / (DAYS * DAY)
    sd = 4 + 0.14 * true * (1.5 - seen)
    said = np.maximum(0.0, true + sd * rng.normal(0.1, 1.0, len(true)))
    half = sd * np.where(seen < 0.2, 1.1, 1.7)

    def moment(days: Floats) -> Ints:
        return decisions.time_ms + (np.maximum(0.0, days) * DAY).astype(np.int64)

    windows = Windows(moment(said - half), moment(said), moment(said + half))
    judged = judge_wear(
        "brake_pads_front", "Front brake pads", decisions, services, said, windows, time_clock("day"), unit="days",
        action_remaining=28.0,
    )  # fmt: skip
    misses = tuple(
        Miss(
            vehicle_id=NAMES[int(decisions.vehicle[worst.row])],
            time_ms=int(decisions.time_ms[worst.row]),
            kind=worst.kind,
            said=f"{said[worst.row]:.0f} days left, window of {2 * half[worst.row]:.0f} days",
            true=f"failed after {true[worst.row]:.0f} days",
            reasons=("brake energy per km 40 % above its usual, seen for 3 days only",),
        )
        for worst in judged.worst
    )
    return replace(judged.judgement, misses=misses), windows, decisions, services


def nothing_happened() -> JudgedItem:
    """A hazard without a failure in the judged span."""
    decisions = grid()
    p = np.full((len(decisions.vehicle), 1), 0.002)
    return judge_hazard(
        "dpf", "Diesel particulate filter", decisions, ItemServices.of([], [], []), p, (30 * DAY,),
        action_probability=0.4,
    )  # fmt: skip


def made_up_judgement(seed: int = 11) -> Judgement:
    """All of it: a hazard, a wear item, one item that nothing happened to, and one that is due by its date."""
    rng = np.random.default_rng(seed)
    first, (wear, windows, decisions, services), quiet = battery(rng), pads(rng), nothing_happened()
    ledger = ledger_of(
        wear.item, services, decisions.vehicle, decisions.time_ms, windows, coverage=0.9, ahead_ms=14 * DAY,
        vehicle_ids=NAMES,
    )  # fmt: skip
    inspection = ItemJudgement("inspection", "Statutory inspection", ItemKind.CALENDAR, 36_000, VEHICLES, 0, 118)
    items = (first.judgement, wear, quiet.judgement, inspection)
    return Judgement(
        name="A fleet that never was",
        from_ms=BEGIN,
        to_ms=NOW,
        vehicles=VEHICLES,
        decisions=sum(item.decisions for item in items),
        labels=sum(item.failures + item.replacements for item in items),
        model_versions=("battery_12v 214", "brake_pads_front 388"),
        items=items,
        micro_f1=micro_f1([each.at_action for each in (first, quiet) if each.at_action is not None]),
        ledger=summarise(ledger),
        notes=("Drawn from a seed to look at the page; no such fleet was driven.",),
    )
