"""Attack trial: what one lying car costs the others, from uploads over fold and learner to their predictions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from domain.service_record import TrainingExample
from domain.telemetry import VehicleAttributes
from models.fold import VehicleFold
from models.learner import Learner
from models.predictor import Predictor
from models.vehicle_state import StateLayout
from simulators.honest_cars import BATTERY, DAY_MS, PADS, HonestCar, honest_fleet
from simulators.liar import LIAR, Liar
from workflow.signal_names import SignalNames
from workflow.upload_reading import Arrival, read_uploads

START_MS = 1_760_000_000_000 // DAY_MS * DAY_MS
KEY = b"of a trial, which seals nothing."
States = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Scores:
    """How well the honest cars were predicted, label by label before it was learnt; percent.

    `wear` is 100 · (1 − mean error / mean wear) of the pads, `covered` how often their window held, `width` how wide it
    was against the mean wear; `hazard` is 100 · (1 − Brier's score) of the battery. `labels` were learnt, lies too.
    """

    wear: float
    covered: float
    width: float
    hazard: float
    labels: int


@dataclass(frozen=True, slots=True)
class Attack:
    """What one car does: which lies, how many per honest label, and whether it gets round the edge and the fold."""

    style: str = "worn"
    lies_per_label: int = 20
    is_inside: bool = False


def attack_trial(catalogue: Catalogue, cars: int, seed: int, attacks: Iterable[Attack]) -> tuple[Scores, list[Scores]]:
    """The scores of `cars` honest cars without a liar, and with one for each of `attacks`; the same for one seed."""
    fleet = _Fleet(catalogue, honest_fleet(cars, seed, START_MS))
    return fleet.run(None, seed), [fleet.run(attack, seed) for attack in attacks]


class _Fleet:
    """Honest cars whose drives are folded once, and taught from as often as asked."""

    def __init__(self, catalogue: Catalogue, cars: list[HonestCar]) -> None:
        self._catalogue, self._cars = catalogue, cars
        self._layout = StateLayout(catalogue)
        self._fold, self._names = VehicleFold(catalogue, self._layout), SignalNames(catalogue)
        self._states = self._layout.block(catalogue, [None] * len(cars), [0] * len(cars))
        prior = Predictor(catalogue, KEY)
        for car, state in zip(cars, self._states, strict=True):
            self._fold.apply_service(state, car.fitted(), prior)
        self._drive(self._states, [(n, car.vehicle_id, body) for n, car in enumerate(cars) for body in car.uploads()])

    def _drive(self, states: States, bodies: list[tuple[int, str, dict[str, Any]]]) -> None:
        """Read uploads as the edge passes them on, and fold them."""
        arrivals = [
            Arrival(vehicle_id, json.dumps(body).encode(), body["start_ms"] + DAY_MS // 24, VehicleAttributes())
            for _, vehicle_id, body in bodies
        ]
        reading = read_uploads(arrivals, self._names)
        for _ in self._fold.fold_block(states, [bodies[place][0] for place in reading.places], reading.block):
            pass

    def run(self, attack: Attack | None, seed: int) -> Scores:
        """Each car's findings in turn, with the liar's in between."""
        predictor, learner = Predictor(self._catalogue, KEY), Learner(self._catalogue, KEY)
        states = self._states.copy()
        liar = None if attack is None else _LyingCar(Liar(attack.style, seed, START_MS), attack, self._lying_state())
        judged: list[TrainingExample] = []
        for car, state in zip(self._cars, states, strict=True):
            if liar is not None:
                self._lie(liar, predictor, learner)
            records = car.found()
            found = [one for record in records if (one := self._fold.apply_service(state, record, predictor))]
            judged += found
            _learn(learner, found)
            _install(learner, predictor)
        return _scores(judged, sum(learner.versions().values()))

    def _lying_state(self) -> States:
        return self._layout.block(self._catalogue, [None], [0])

    def _lie(self, liar: _LyingCar, predictor: Predictor, learner: Learner) -> None:
        for _ in range(liar.attack.lies_per_label):
            if liar.attack.is_inside:
                _learn(learner, liar.liar.examples())
                continue
            self._drive(liar.state, [(0, LIAR, liar.liar.upload())])
            for record in liar.liar.records():
                _learn(learner, self._fold.serve(liar.state[0], record, predictor))
        _install(learner, predictor)


@dataclass(slots=True)
class _LyingCar:
    liar: Liar
    attack: Attack
    state: States


def _learn(learner: Learner, examples: Iterable[TrainingExample]) -> None:
    for example in examples:
        learner.learn(example)


def _install(learner: Learner, predictor: Predictor) -> None:
    for item in (PADS, BATTERY):
        predictor.install(item, learner.snapshot(item, 0))


def _scores(judged: list[TrainingExample], labels: int) -> Scores:
    pads = [e for e in judged if e.item == PADS and e.predicted is not None]
    batteries = [e for e in judged if e.item == BATTERY and e.predicted is not None]
    worn = np.array([e.target for e in pads])
    said = np.array([[e.predicted or 0.0, e.lower or 0.0, e.upper or 0.0] for e in pads])
    is_held = (said[:, 1] <= worn) & (worn <= said[:, 2])
    missed = [(e.target - (e.predicted or 0.0)) ** 2 for e in batteries]
    return Scores(
        wear=100 * (1 - float(np.abs(said[:, 0] - worn).mean() / worn.mean())),
        covered=100 * float(is_held.mean()),
        width=100 * float((said[:, 2] - said[:, 1]).mean() / worn.mean()),
        hazard=100 * (1 - float(np.mean(missed))),
        labels=labels,
    )
