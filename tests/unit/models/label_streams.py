"""Streams of made-up labels whose truth is known, and may change on the way."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from domain.catalogue import Catalogue
from domain.service_record import TrainingExample
from models.learner import Learner
from tests.unit.models.conftest import KEY
from tests.unit.models.service_steps import BATTERY
from tests.unit.models.test_wear import PADS

MM_PER_BRAKE_ENERGY = 0.0033  # what the catalogue believes


def pads(count: int, seed: int, *, times: float = 1.0, first: int = 0) -> list[TrainingExample]:
    """Pads of `count` cars that wear `times` as fast as the catalogue believes, each car by a factor of its own."""
    rng = np.random.default_rng([seed, first])
    energy = rng.uniform(300, 2500, count)
    worn = times * MM_PER_BRAKE_ENERGY * energy * rng.normal(1, 0.2, count) + rng.normal(0, 0.33, count)
    return [
        TrainingExample(
            label_id=f"pads-{first + i}",
            vehicle_id=f"car-{first + i}",
            item=PADS,
            known_ms=1_760_000_000_000 + first + i,
            features={
                "brake_energy_slow": 0.7 * float(energy[i]),
                "brake_energy_fast": 0.3 * float(energy[i]),
                "anchor_sd": 0.15,
                "car_factor_sd": 0.2,
            },
            target=float(worn[i]),
        )
        for i in range(count)
    ]


def batteries(
    catalogue: Catalogue, count: int, seed: int, *, log_odds: float = -2.5, times: float = 1.0, first: int = 0
) -> list[TrainingExample]:
    """Batteries of `count` cars; `times` says how much features count beside what the catalogue believes."""
    spec = catalogue.items[BATTERY].hazard
    assert spec is not None
    rng = np.random.default_rng([seed, first])
    examples = []
    for i in range(first, first + count):
        z = rng.normal(0, 1, len(spec.features))
        odds = log_odds + times * sum(f.prior.mean * own for f, own in zip(spec.features, z, strict=True))
        known = {f.name: f.centre + f.scale * own for f, own in zip(spec.features, z.tolist(), strict=True)}
        failed = float(rng.random() < 1 / (1 + math.exp(-odds)))
        examples.append(TrainingExample(f"battery-{i}", f"car-{i}", BATTERY, 1_760_000_000_000 + i, known, failed))
    return examples


def learnt(catalogue: Catalogue, *streams: Iterable[TrainingExample]) -> Learner:
    """A learner that has learnt every label of the streams."""
    learner = Learner(catalogue, KEY)
    for stream in streams:
        for example in stream:
            assert learner.learn(example)
    return learner
