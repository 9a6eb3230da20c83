"""`pitcall evaluate fleet`: the models on a simulated fleet whose truth is known, beside a schedule and LightGBM.

Seeds are drawn when it runs and printed, so that nothing can have been made to fit them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue, ItemSpec, RiskSpec
from domain.judgement import ItemJudgement, Judgement
from models.call_times import CallTimes
from models.judging.judge import Aims, Decisions, judge_hazard
from models.judging.wear_scores import Windows
from models.vehicle_state import DAY_MS, UNKNOWN
from pitcall.fleet_costs import LongRun, long_run
from pitcall.fleet_history import FleetHistory
from pitcall.fleet_judge import (
    NeedTruth,
    WearSaid,
    WearTruth,
    calls_of,
    costs_of,
    judge_needs,
    judge_wear_lives,
    judge_wear_truth,
    true_services,
)
from pitcall.fleet_peers import FleetPeers, load_lightgbm
from pitcall.progress import Progress
from simulators.years.fleet_years import FleetYears
from simulators.years.powertrain import POWER_TRAINS
from workflow.backtest import Backtest
from workflow.case_attributes import attribute_numbers
from workflow.item_predictions import StepPredictions

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CARS, DAYS, SEEDS = 2_000, 1_095, 3
START_DAY = 19_000  # January 2022
# So far beyond the end parts are followed, so that few lives end unseen: those would be the long ones.
BEYOND_DAYS = 2_500
HORIZON = "P30D"
LEARNT = " learnt from signals"  # what the twin of a hazard item is called that is learnt instead of reckoned
BY_PEER = " by LightGBM"
NOTE = "Failures are those that really happened in use, reported or not; windows are judged by them alone here."
HAZARD_ALERTS = Aims(alerts_per_failure=2.0)


@dataclass(slots=True)
class _Said:
    """What was said of one item, step by step."""

    day: list[Ints] = field(default_factory=list)
    car: list[Ints] = field(default_factory=list)
    dues: list[tuple[Ints, ...]] = field(default_factory=list)
    probability: list[Floats] = field(default_factory=list)
    km_per_day: list[Floats] = field(default_factory=list)


class FleetSink:
    """Keeps what was said of each item, how far each car drives, and what peers say at the same moments."""

    def __init__(self, fleet: FleetYears, catalogue: Catalogue, seed: int, *, with_peers: bool) -> None:
        history = FleetHistory(fleet, catalogue)
        names, self._attributes = attribute_numbers(history.attributes, len(fleet.cars))
        self.items: dict[str, _Said] = {item: _Said() for item in catalogue.items}
        self._has = {item: _cars_with(fleet, _plain(item)) for item in catalogue.items}
        self.peers = FleetPeers(catalogue, fleet.cars, names, seed) if with_peers else None
        self.backtest = Backtest(history, self)
        if self.peers is not None:
            self.backtest.named.heard = self.peers.heard
        self._begin_day = fleet.start_day

    def write(self, step: StepPredictions) -> None:
        """Keep what was said at a step."""
        states, day = self.backtest.machines.states[step.vehicles], int(step.now_ms // DAY_MS)
        days = np.maximum(1.0, (states["last_ms"] - states["first_ms"]) / DAY_MS)
        km = (states["odometer_m"] - states["first_odometer_m"]) / 1000 / days
        for said in step.items:
            own, has = self.items[said.item], self._has[said.item][step.vehicles]
            own.day.append(np.full(int(has.sum()), day))
            own.car.append(step.vehicles[has])
            # What is not ready the product gives no date for, and calls for no work.
            dues = (said.earliest_ms, said.expected_ms, said.latest_ms)
            own.dues.append(tuple(np.where(said.is_ready, due, UNKNOWN)[has] for due in dues))
            own.probability.append(said.probability[has])
            own.km_per_day.append(km[has])
        if self.peers is not None:
            self._ask_peers(self.peers, day, step.vehicles, states)

    def _ask_peers(self, peers: FleetPeers, day: int, cars: Ints, states: npt.NDArray[Any]) -> None:
        named = self.backtest.named
        for item, wear in peers.wear.items():
            has = self._has[item][cars]
            kind, place = named.places[item]
            wear.say(day, cars[has], named.rows[kind][:, place][has], states[has])
        for item, hazard in peers.hazards.items():
            has = self._has[item][cars]
            hazard.say(day, cars[has], states[has], self._attributes[cars[has]])
        peers.passed(day, float(day - self._begin_day), self.backtest.services)

    def wear(self, item: str) -> WearSaid:
        """All that was said of a wear item."""
        own = self.items[item]
        dues = (np.concatenate([due[n] for due in own.dues]) for n in range(3))
        day, car = np.concatenate(own.day), np.concatenate(own.car)
        return WearSaid(car, day, Windows(*dues), np.concatenate(own.km_per_day))

    def hazard(self, item: str) -> tuple[Ints, Ints, Floats]:
        """Cars, days and probabilities (n, horizons)."""
        own = self.items[item]
        return np.concatenate(own.car), np.concatenate(own.day), np.concatenate(own.probability)


@dataclass(frozen=True, slots=True)
class HazardTruth:
    """How the probability of failing within 30 days came true; None where there was nothing to judge by."""

    decisions: int
    failures: int
    base_rate: float | None
    average_precision: float | None
    caught: int
    catchable: int
    calibration_error: float | None


@dataclass(frozen=True, slots=True)
class FleetFigures:
    """Of one seed: per item what the truth says, and the judgement that a report is made of."""

    seed: int
    wear: Mapping[str, WearTruth]
    needs: Mapping[str, NeedTruth]
    costs: Mapping[str, LongRun]
    hazards: Mapping[str, HazardTruth]
    judgement: Judgement


def with_learnt_hazards(catalogue: Catalogue) -> Catalogue:
    """The catalogue with a twin of each hazard item, learnt from the levels of the trends that it names."""
    twins: dict[str, ItemSpec] = {}
    for item, spec in catalogue.items.items():
        if spec.hazard is not None:
            trends = tuple(dict.fromkeys(f.source for f in spec.hazard.features if f.source in catalogue.trends))
            risk = RiskSpec((30 * DAY_MS,), spec.hazard.action_probability, horizons=(HORIZON,), signals=trends)
            twins[item + LEARNT] = replace(spec, id=item + LEARNT, hazard=None, risk=risk)
    return replace(catalogue, items={**catalogue.items, **twins})


def evaluate_fleet(
    catalogue: Catalogue, *, seeds: Sequence[int] = (), cars: int = CARS, days: int = DAYS, with_peers: bool = False
) -> Iterator[FleetFigures]:
    """Replay a fleet for each seed (default: three drawn now) and judge what was said by the truth, one after another.

    Raises Unavailable when peers are asked for and LightGBM is not there.
    """
    if with_peers:
        load_lightgbm()
    drawn = seeds or [secrets.randbelow(1_000_000) for _ in range(SEEDS)]
    for seed in drawn:
        yield _of_seed(with_learnt_hazards(catalogue), seed, cars, days, with_peers=with_peers)


def _of_seed(catalogue: Catalogue, seed: int, cars: int, days: int, *, with_peers: bool) -> FleetFigures:
    fleet = FleetYears(seed, cars, days, START_DAY, beyond_days=BEYOND_DAYS)
    sink = FleetSink(fleet, catalogue, seed, with_peers=with_peers)
    begin_ms = START_DAY * DAY_MS
    with Progress(f"fleet of {cars} cars, seed {seed}", float(days)) as progress:
        result = sink.backtest.run(lambda now_ms: progress.reached((now_ms - begin_ms) / DAY_MS))
    wear, needs, costs, hazards = {}, {}, {}, {}
    judged: list[ItemJudgement] = []
    for item, spec in catalogue.items.items():
        if spec.wear is not None:
            said = sink.wear(item)
            peer = np.concatenate(sink.peers.wear[item].due_day) if sink.peers is not None else None
            wear[item], _ = judge_wear_truth(fleet, item, said, peer)
            calls = calls_of(fleet, item, said, _days_ahead(spec, said) <= 0.0)
            needs[item] = judge_needs(fleet, item, calls)
            costs[item] = long_run(fleet, item, calls, costs_of(spec))
            judged.append(judge_wear_lives(fleet, spec, said))
        elif spec.hazard is not None or spec.risk is not None:
            car, day, p = sink.hazard(item)
            own = p[:, list(spec.horizons).index(HORIZON)]
            hazards[item], of_item = _judge_hazard(fleet, item, spec, car, day, own)
            judged.append(of_item)
            if sink.peers is not None and item in sink.peers.hazards:
                peer = np.concatenate(sink.peers.hazards[item].probability)
                hazards[_plain(item) + BY_PEER], _ = _judge_hazard(fleet, item, spec, car, day, peer)
    judgement = Judgement(
        name=f"fleet of {cars} cars, seed {seed}",
        from_ms=begin_ms,
        to_ms=(START_DAY + days) * DAY_MS,
        vehicles=cars,
        decisions=result.decisions,
        labels=result.labels,
        model_versions=(),
        items=tuple(judged),
        notes=(NOTE,),
    )
    return FleetFigures(seed, wear, needs, costs, hazards, judgement)


def _days_ahead(spec: ItemSpec, said: WearSaid) -> Floats:
    """How far ahead the item's call lies at each decision (`domain.call`), negative once it has come."""
    dues = (said.windows.earliest_ms[:, None], said.windows.expected_ms[:, None])
    return CallTimes([spec.need_rule]).days_ahead(said.day * DAY_MS, *dues)[:, 0]


def _judge_hazard(
    fleet: FleetYears, item: str, spec: ItemSpec, car: Ints, day: Ints, probability: Floats
) -> tuple[HazardTruth, ItemJudgement]:
    """By what really became of the parts, reported or not, within 30 days of each decision."""
    end = fleet.start_day + fleet.days
    decisions = Decisions(car, day * DAY_MS, end * DAY_MS)
    name = spec.text().name + (", learnt from signals" if spec.risk is not None else "")
    judgement = judge_hazard(
        item, name, decisions, true_services(fleet, _plain(item), end), probability[:, None],
        (30 * DAY_MS,), action_probability=spec.action_probability, aims=HAZARD_ALERTS, costs=costs_of(spec),
    ).judgement  # fmt: skip
    judged = judgement.hazards[0]
    catches = judged.catches
    truth = HazardTruth(
        decisions=judged.rows,
        failures=judged.failures,
        base_rate=judged.base_rate,
        average_precision=judged.average_precision,
        caught=catches.caught if catches else 0,
        catchable=catches.failures if catches else 0,
        calibration_error=judged.calibration_error,
    )
    return truth, judgement


def _plain(item: str) -> str:
    return item.removesuffix(LEARNT)


def _cars_with(fleet: FleetYears, item: str) -> npt.NDArray[np.bool_]:
    """Which cars have such an item at all."""
    kinds = {kind.name: kind for kind in POWER_TRAINS}
    return np.array([kinds[car.powertrain].has(item) for car in fleet.cars])
