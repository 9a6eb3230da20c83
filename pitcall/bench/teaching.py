"""Models that have learnt, as a fleet's have: the benches predict with these, not with the catalogue's priors."""

from __future__ import annotations

import numpy as np

from domain.catalogue import Catalogue, ItemSpec
from domain.service_record import TrainingExample
from models.learner import Learner

LABELS = 200
HORIZONS = 1_500  # of a hazard: enough for trees to serve


def taught_snapshots(catalogue: Catalogue, key: bytes) -> dict[str, bytes]:
    """A snapshot per item that learns, after made-up labels; the same bytes at every call with the same key.

    Hazards fail when two readings are bad at once, so that their trees serve.
    """
    learner = Learner(catalogue, key)
    snapshots = {}
    for number, (item, spec) in enumerate(catalogue.items.items()):
        chance = np.random.default_rng([7, number])
        count = LABELS if spec.hazard is None else HORIZONS
        learnt = [learner.learn(_example(spec, n, chance)) for n in range(count)]
        if any(learnt):
            snapshots[item] = learner.snapshot(item, count - 1)
    return snapshots


def _example(spec: ItemSpec, n: int, chance: np.random.Generator) -> TrainingExample:
    features: dict[str, float] = {}
    target = 0.0
    if spec.wear is not None:
        features = {name: float(chance.uniform(0.0, 1000.0)) for name in spec.wear.rates}
        target = sum(spec.wear.rates[name].mean * amount for name, amount in features.items())
    elif spec.hazard is not None:
        z = chance.normal(size=len(spec.hazard.features))
        features = {f.name: f.centre + f.scale * own for f, own in zip(spec.hazard.features, z.tolist(), strict=True)}
        target = float(chance.random() < (0.6 if (z[:2] > 0.3).all() else 0.02))
    return TrainingExample(
        label_id=f"bench-{spec.id}-{n}",
        vehicle_id=f"bench-car-{n}",
        item=spec.id,
        known_ms=1_700_000_000_000 + n,
        features=features,
        target=target,
        made_ms=1_700_000_000_000 + n if spec.hazard is not None else None,
    )
