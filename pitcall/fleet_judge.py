"""What the fleet's truth says of the predictions that were made: due dates, windows, notice, failures, costs.

The truth is read here, when the replay is over, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import ItemSpec
from domain.judgement import ItemJudgement
from models.judging.cost_curve import Costs
from models.judging.judge import Decisions, judge_wear
from models.judging.services import ItemServices
from models.judging.wear_scores import Windows
from models.vehicle_state import DAY_MS, UNKNOWN
from simulators.years.fleet_years import FleetYears
from simulators.years.schedule import fixed_schedule
from simulators.years.truth import PartLives

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

HALF_YEAR_DAYS = 182.625
SHORT_NOTICE_DAYS = 14
SOON_DAYS = 90
NEVER = np.iinfo(np.int64).max // 4  # a day that no fleet lives to see


@dataclass(frozen=True, slots=True)
class WearSaid:
    """What was said of one wear item, shape (n,): `car` and `day` of each decision, windows, km a day so far."""

    car: Ints
    day: Ints
    windows: Windows
    km_per_day: Floats


@dataclass(frozen=True, slots=True)
class WearTruth:
    """Figures of one wear item over all decisions on parts whose installation was known and whose end is.

    `error_days` of the expected date, that of a fixed schedule, and that of somebody who knows the present exactly but
    no future (`simulators.years.foresight`), in days; `peer_days`: ours and a peer's where the peer said something,
    None where it never did. `coverage` of the windows and by half-year, with their mean width.
    """

    decisions: int
    unsaid: int
    error_days: float
    schedule_days: float
    foresight_days: float
    peer_days: tuple[float, float] | None
    coverage: float
    half_years: tuple[float, ...]
    width_days: float

    @property
    def ratio(self) -> float:
        """Our error against the schedule's."""
        return self.error_days / self.schedule_days


@dataclass(frozen=True, slots=True)
class NeedTruth:
    """Needs of one wear item: how many parts reached their limit, of these with how little notice, and what was early.

    `reached` parts reached their limit in use, `short` of them with less than 14 days' notice; `raised` needs, `early`
    of which were not due within 90 days.
    """

    reached: int
    short: int
    raised: int
    early: int


def part_lives(lives: PartLives, cars: int, day: Ints, car: Ints) -> Ints:
    """Which part each decision (n,) is about, −1 for none known to the product by then; places in `lives`."""
    part = np.full(len(day), -1, dtype=np.int64)
    for one in np.unique(day).tolist():
        own = day == one
        in_use = lives.in_use(one, cars)[car[own]]
        is_known = (in_use >= 0) & (lives.known_day[in_use] >= 0) & (lives.known_day[in_use] <= one)
        part[own] = np.where(is_known, in_use, -1)
    return part


def judge_wear_truth(
    fleet: FleetYears, item: str, said: WearSaid, peer_day: Floats | None = None
) -> tuple[WearTruth, Bools]:
    """The figures, and which decisions (n,) they are of. `peer_day`: the due days of a peer, NaN where it said none."""
    lives = fleet.truth.lives[item]
    part = part_lives(lives, len(fleet.cars), said.day, said.car)
    limit = np.where(part >= 0, lives.limit_day[part], -1)
    is_judged = limit > said.day
    is_said = is_judged & (said.windows.expected_ms != UNKNOWN)
    windows = said.windows.only(is_said)
    true_day, day = limit[is_said].astype(np.float64), said.day[is_said]
    error = np.abs(windows.expected_ms / DAY_MS - true_day)
    schedule = _schedule_days(fleet, item, said, lives.installed_day[part])[is_said]
    # A day is what a limit is known to.
    is_after = (windows.earliest_ms == UNKNOWN) | (windows.earliest_ms / DAY_MS <= true_day + 1)
    is_before = (windows.latest_ms == UNKNOWN) | (windows.latest_ms / DAY_MS >= true_day)
    holds = is_after & is_before
    half = ((day - fleet.start_day) / HALF_YEAR_DAYS).astype(np.int64)
    width = windows.width_days()
    return WearTruth(
        decisions=int(is_judged.sum()),
        unsaid=int((is_judged & ~is_said).sum()),
        error_days=_mean(error),
        schedule_days=_mean(np.abs(schedule - true_day)),
        foresight_days=_mean(np.abs(fleet.foresight.due_days(item, day, said.car[is_said]) - true_day)),
        peer_days=_beside_peer(error, true_day, None if peer_day is None else peer_day[is_said]),
        coverage=_mean(holds),
        half_years=tuple(float(holds[half == n].mean()) for n in np.unique(half).tolist()),
        width_days=_mean(width[np.isfinite(width)]),
    ), is_judged


def _mean(values: npt.NDArray[Any]) -> float:
    """The mean, NaN of nothing."""
    return float(values.mean()) if len(values) else float("nan")


def _beside_peer(error: Floats, true_day: Floats, peer_day: Floats | None) -> tuple[float, float] | None:
    """Our mean error and the peer's, over what the peer said too."""
    if peer_day is None or not (said := np.isfinite(peer_day)).any():
        return None
    return float(error[said].mean()), float(np.abs(peer_day[said] - true_day[said]).mean())


def _schedule_days(fleet: FleetYears, item: str, said: WearSaid, installed: Ints) -> Floats:
    """When a fixed schedule has the part due: after so many days, or km at the car's own pace; not in the past."""
    rules = [fixed_schedule(item, car.powertrain) for car in fleet.cars]
    days = np.array([np.inf if rule is None or rule.days is None else rule.days for rule in rules])[said.car]
    km = np.array([np.inf if rule is None or rule.km is None else rule.km for rule in rules])[said.car]
    due: Floats = installed + np.minimum(days, km / np.maximum(said.km_per_day, 1.0))
    return np.maximum(due, said.day)


@dataclass(frozen=True, slots=True)
class Calls:
    """When the rule first called for each part of an item, in the order of its `PartLives`, shape (p,).

    `day`: far in the future where it never did. `seen_from`: the first day on which anything was said of the part, as
    far where that was never.
    """

    day: Ints
    seen_from: Ints

    @property
    def followed(self) -> Bools:
        """Which parts anything was said of."""
        return self.seen_from < NEVER


def calls_of(fleet: FleetYears, item: str, said: WearSaid, is_open: Bools) -> Calls:
    """The calls of a wear item; `is_open` (n,): whether the rule has a need open at each decision, in any order."""
    lives = fleet.truth.lives[item]
    part = part_lives(lives, len(fleet.cars), said.day, said.car)
    first, seen_from = (np.full(len(lives.car), NEVER, dtype=np.int64) for _ in range(2))
    opens, known = is_open & (part >= 0), part >= 0
    np.minimum.at(first, part[opens], said.day[opens])
    np.minimum.at(seen_from, part[known], said.day[known])
    return Calls(first, seen_from)


def judge_needs(fleet: FleetYears, item: str, calls: Calls) -> NeedTruth:
    """How needs came true."""
    lives, end = fleet.truth.lives[item], fleet.start_day + fleet.days
    limit, removed = lives.limit_day, lives.removed_day
    in_use = (limit >= 0) & (limit < end) & ((removed < 0) | (removed >= limit))
    # A part must have been seen for the notice, or nobody could have given it.
    reached = in_use & (limit - calls.seen_from >= 2 * SHORT_NOTICE_DAYS)
    short = reached & (limit - calls.day < SHORT_NOTICE_DAYS)
    raised = calls.day < end
    early = raised & (limit >= 0) & (limit - calls.day > SOON_DAYS)
    return NeedTruth(int(reached.sum()), int(short.sum()), int(raised.sum()), int(early.sum()))


def true_services(fleet: FleetYears, item: str, until_day: int) -> ItemServices:
    """What really became of the parts of an item while in use, as services: failures on their day, and replacements."""
    lives = fleet.truth.lives[item]
    car: list[int] = []
    time_ms: list[int] = []
    outcome: list[str] = []
    for n in range(len(lives.car)):
        limit, removed = int(lives.limit_day[n]), int(lives.removed_day[n])
        failed = 0 <= limit < until_day and (removed < 0 or removed >= limit)
        if failed or 0 <= removed < until_day:
            car.append(int(lives.car[n]))
            time_ms.append((limit if failed else removed) * DAY_MS + DAY_MS - 1)
            outcome.append("failed" if failed else "replaced")
        if failed and limit < removed < until_day:
            car.append(int(lives.car[n]))
            time_ms.append(removed * DAY_MS + DAY_MS - 1)
            outcome.append("replaced")
    return ItemServices.of(car, time_ms, outcome)


def costs_of(spec: ItemSpec) -> Costs:
    """What the catalogue says the item costs; nothing happens before the lead that a dealer needs is over."""
    rule = spec.need_rule
    return Costs(rule.cost.on_the_road, rule.cost.planned, round(rule.lead_days * DAY_MS))


def judge_wear_lives(fleet: FleetYears, spec: ItemSpec, said: WearSaid) -> ItemJudgement:
    """The judgement for a report: by the parts that really reached their limit in use.

    Without a cost curve: it would spare a policy that waits the failures that the fleet's workshops came before.
    """
    end = fleet.start_day + fleet.days
    services = true_services(fleet, spec.id, end)
    lives_of_parts = fleet.truth.lives[spec.id]
    part = part_lives(lives_of_parts, len(fleet.cars), said.day, said.car)
    # Parts whose whole life was under observation: of others it isn't known whether the rule would have acted before.
    known = (part >= 0) & (lives_of_parts.installed_day[part] >= fleet.start_day)
    windows = said.windows.only(known)
    decisions = Decisions(said.car[known], said.day[known] * DAY_MS, end * DAY_MS)
    remaining = np.where(windows.expected_ms == UNKNOWN, np.nan, windows.expected_ms / DAY_MS - said.day[known])
    judged = judge_wear(
        spec.id, spec.text().name, decisions, services, remaining, windows,
        lambda _vehicle, time_ms: time_ms / DAY_MS, unit="day", costs=costs_of(spec),
    ).judgement  # fmt: skip
    return replace(judged, cost=None)
