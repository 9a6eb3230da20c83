"""States of cars as life may leave them: folded from uploads, then serviced, used and read in any way at all."""

from __future__ import annotations

import random

import numpy as np

from domain.catalogue import Catalogue
from models.fold import VehicleFold
from models.upload_block import UploadBlock
from models.vehicle_state import DAY_MS, POWERTRAIN_CODES, StateLayout, States
from tests.unit.models.conftest import START_MS
from tests.unit.models.test_blocks import CARS, NAMES, fleet

UNKNOWN = -1


def random_states(catalogue: Catalogue, layout: StateLayout, fold: VehicleFold, seed: int) -> States:
    """Twelve cars: three that drove, each four times over with other items, sums, readings and services."""
    sent = fleet(seed, 30)
    driven = layout.block(catalogue, [None] * 3, [0, 0, 7])
    cars = [NAMES.index(upload.id.vehicle_id) for upload in sent]
    for _ in fold.fold_block(driven, cars, UploadBlock.of(sent, [CARS[car % 2] for car in cars])):
        pass
    driven["last_ms"] = np.maximum(driven["last_ms"], START_MS)
    states = np.concatenate([driven] * 4)
    rnd = random.Random(seed)
    for state in states:
        state["powertrain"] = rnd.choice(list(POWERTRAIN_CODES.values()))
        state["built_ms"] = rnd.choice([0, START_MS - rnd.randrange(3000) * DAY_MS])
        state["offsets"] = [rnd.choice([UNKNOWN, rnd.randrange(10_000)]) for _ in range(3)]
        state["odometer_m"] = rnd.choice([UNKNOWN, int(state["odometer_m"]), rnd.randrange(300_000_000)])
        _sums(state, rnd)
        for i in range(len(layout.trends)):
            for name in ("fast", "slow"):
                state["trends"][i][name] = rnd.choice([0.0, 12.4, rnd.uniform(-30, 300)])
            state["trends"][i]["count"] = rnd.choice([0, 1, 3, 50])
        for sensor in range(len(layout.sensed)):
            read_s = int(state["last_ms"]) // 1000 - rnd.choice([0, 3_600, 30 * 86_400])
            state["sensed"][sensor] = rnd.choice([(0, 0.0), (read_s, rnd.uniform(0.0, 100.0))])
        for item, spec in catalogue.items.items():
            own = state["items"][item]
            own["set_ms"] = rnd.choice([UNKNOWN, int(state["last_ms"]) - rnd.randrange(2500) * DAY_MS])
            own["heard_ms"] = max(int(own["set_ms"]), rnd.choice([UNKNOWN, START_MS]))
            if spec.wear is not None:
                own["odometer_m"] = rnd.choice([UNKNOWN, rnd.randrange(300_000_000)])
                own["anchor"] = rnd.choice([spec.wear.new, spec.wear.limit, rnd.uniform(0, spec.wear.new)])
                own["anchor_sd"] = rnd.choice([spec.wear.measurement_sd, 0.0, 3.0])
                own["factor"], own["factor_precision"] = rnd.uniform(0.3, 3.0), rnd.uniform(4, 4000)
                for name in ("exposure", "exposure_m"):
                    own[name] = np.array([rnd.choice([0.0, rnd.uniform(0, 5e4)]) for _ in own[name]])
    return states


def _sums(state: np.void, rnd: random.Random) -> None:
    """Any driving, much of it or none."""
    if rnd.random() < 0.3:
        return
    state["observed_m"] = rnd.choice([0.0, rnd.uniform(0, 3e8)])
    for i in range(len(state["exposure"])):
        state["exposure_m"][i] = rnd.choice([0.0, 1.0]) * float(state["observed_m"]) * rnd.random()
        state["exposure"][i] = rnd.choice([0.0, rnd.uniform(0, 5e4), 1e9])
