"""`pitcall bench predict`: what a prediction of one item costs in blocks, beside River's logistic in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from river import linear_model, preprocessing

from adapters.catalogue_file import load_catalogue
from domain.catalogue import Catalogue
from domain.service_record import ServiceOutcome, ServiceRecord
from models.causes import Causes
from models.fold import VehicleFold
from models.predictor import Predictor
from models.told import Telling
from models.upload_block import UploadBlock
from models.vehicle_state import DAY_MS, StateLayout
from models.words import words
from pitcall.bench.load import ATTRIBUTES, BINARY, UploadLoad
from pitcall.bench.teaching import taught_snapshots
from pitcall.bench.worker import KEY
from workflow.signal_names import SignalNames
from workflow.upload_codec import decode_upload

FIRST_MS = 1_760_000_000_000
FEATURES = 20
TAUGHT = 500
UPLOADS = 40
"""Of each car, a minute apart."""
REPEATS = 41
WARM_UP = 3

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class PredictBench:
    """What to run: cars in a block, of which catalogue."""

    catalogue: Path
    block: int = 256


def bench_predict(options: PredictBench) -> dict[str, Any]:
    """Run the bench; its figures are medians in µs per item and car."""
    catalogue = load_catalogue(options.catalogue)
    predictor = Predictor(catalogue, KEY)
    for item, snapshot in taught_snapshots(catalogue, KEY).items():
        predictor.install(item, snapshot)
    states = _driven(catalogue, predictor, options.block)
    telling, layout, cars = Telling(catalogue, predictor.rows), predictor.rows, np.arange(len(states))
    causes = Causes.newest(states)
    rows = predictor.predict_many(states, causes)

    def to_messages() -> None:
        layout.to_bytes(rows)

    count = len(states) * len(layout.items)
    numbers = _median_us(lambda: predictor.predict_many(states, causes)) / count
    told = _median_us(lambda: telling.tell(states, cars, rows)) / count
    sent = _median_us(to_messages) / count
    said = _median_us(lambda: [words(catalogue, layout, rows[0], "car-0", item) for item in layout.items])
    river = _river_us(options.block)
    return {
        "cars": len(states),
        "items": len(layout.items),
        "row_bytes": layout.size,
        "numbers_us": round(numbers, 3),
        "told_us": round(told, 3),
        "message_us": round(sent, 3),
        "predicted_us": round(numbers + told + sent, 3),
        "words_us": round(said / len(layout.items), 1),
        "river_logistic_us": round(river, 2),
        "times_faster": round(river / (numbers + told + sent), 1),
    }


def _driven(catalogue: Catalogue, predictor: Predictor, count: int) -> Array:
    """States of cars that have driven and been serviced, half of each item."""
    layout = StateLayout(catalogue)
    fold = VehicleFold(catalogue, layout)
    load = UploadLoad(catalogue, count, BINARY, FIRST_MS)
    states = layout.block(catalogue, [None] * count, [ATTRIBUTES.built_ms] * count)
    for car in range(count):
        for n, spec in enumerate(catalogue.items.values()):
            if (car + n) % 2:
                performed_ms = FIRST_MS - (10 + 7 * n) * DAY_MS
                record = ServiceRecord(
                    f"r{n}", load.key(car).decode(), spec.id, ServiceOutcome.REPLACED, performed_ms, 9_000_000
                )
                fold.apply_service(states[car], record, predictor)
    for seq in range(UPLOADS):
        uploads = [
            decode_upload(
                load.body(seq * count + car),
                vehicle_id=load.key(car).decode(),
                received_ms=FIRST_MS + 30 * DAY_MS,
                names=SignalNames(catalogue),
            )
            for car in range(count)
        ]
        for _ in fold.fold_block(states, list(range(count)), UploadBlock.of(uploads, [ATTRIBUTES] * count)):
            pass
    return states


def _river_us(rows: int) -> float:
    """µs per prediction of River's scaled logistic regression with 20 features, one row after the other."""
    chance = np.random.default_rng(7)
    names = [f"x{i}" for i in range(FEATURES)]
    data = [dict(zip(names, row.tolist(), strict=True)) for row in chance.normal(size=(TAUGHT, FEATURES))]
    model = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    for row in data:
        model.learn_one(row, chance.random() < 0.2)
    some = data[:rows] if rows <= len(data) else [data[n % len(data)] for n in range(rows)]

    def predict() -> None:
        for row in some:
            model.predict_proba_one(row)

    return _median_us(predict) / len(some)


def _median_us(work: Callable[[], object]) -> float:
    times = []
    for _ in range(WARM_UP + REPEATS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[WARM_UP:]) * 1e6
