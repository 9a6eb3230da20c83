"""Quix Streams and River with a message per sample."""

from __future__ import annotations

import json
import os
from typing import Any

from quixstreams import Application

from benchmarks.peers.upkeep import Gate, fold_sample, predict, trained_models

signals, items = json.loads(os.environ["BENCH_SIGNALS"]), int(os.environ["BENCH_ITEMS"])
models = trained_models(signals, items)
gate = Gate()


def work(sample: dict[str, Any], state: Any) -> dict[str, Any]:
    if not gate.is_open:
        gate.wait()
    car = state.get("car") or {}
    features = fold_sample(car, sample)
    state.set("car", car)
    return {"time_ms": sample["time_ms"], "probabilities": predict(models, features)}


app = Application(
    broker_address=os.environ["BENCH_SERVERS"],
    consumer_group="peer",
    auto_offset_reset="earliest",
    state_dir=os.environ["BENCH_DIR"],
    loglevel="WARNING",
)
samples = app.topic("samples", key_deserializer="str", value_deserializer="json")
predictions = app.topic("predictions", key_serializer="str", value_serializer="json")
frame = app.dataframe(samples)
frame = frame.apply(work, stateful=True)
frame.to_topic(predictions)

if __name__ == "__main__":
    app.run()
