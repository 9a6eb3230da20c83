"""Models that have learnt, as a fleet's have: the benches predict with these, not with the catalogue's priors."""

from __future__ import annotations

import numpy as np

from domain.catalogue import Catalogue, ItemSpec
from domain.service_record import TrainingExample
from models.learner import Learner

LABELS = 200


def taught_snapshots(catalogue: Catalogue, key: bytes) -> dict[str, bytes]:
    """A snapshot per item that learns, after 200 made-up labels; the same bytes at every call with the same key."""
    learner = Learner(catalogue, key)
    snapshots = {}
    for number, (item, spec) in enumerate(catalogue.items.items()):
        chance = np.random.default_rng([7, number])
        learnt = [learner.learn(_example(spec, n, chance)) for n in range(LABELS)]
        if any(learnt):
            snapshots[item] = learner.snapshot(item, LABELS - 1)
    return snapshots


def _example(spec: ItemSpec, n: int, chance: np.random.Generator) -> TrainingExample:
    features: dict[str, float] = {}
    target = 0.0
    if spec.wear is not None:
        features = {name: float(chance.uniform(0.0, 1000.0)) for name in spec.wear.rates}
        target = sum(spec.wear.rates[name].mean * amount for name, amount in features.items())
    elif spec.hazard is not None:
        features = {f.name: f.centre + f.scale * float(chance.normal()) for f in spec.hazard.features}
        target = float(chance.random() < 0.2)
    return TrainingExample(
        label_id=f"bench-{spec.id}-{n}",
        vehicle_id=f"bench-car-{n}",
        item=spec.id,
        known_ms=1_700_000_000_000 + n,
        features=features,
        target=target,
    )
