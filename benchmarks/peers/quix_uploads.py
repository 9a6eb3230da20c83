"""Quix Streams and River on whole uploads, the strongest peer we know of."""

from __future__ import annotations

import json
import os
from typing import Any

from quixstreams import Application

from benchmarks.peers.upkeep import Gate, decode, fold_upload, predict, trained_models, upload_features

signals, items = json.loads(os.environ["BENCH_SIGNALS"]), int(os.environ["BENCH_ITEMS"])
models = trained_models(signals, items)
gate = Gate()


def work(value: bytes, state: Any) -> dict[str, Any] | None:
    if not gate.is_open:
        gate.wait()
    upload = decode(value)
    features = upload_features(upload["signals"])
    car = state.get("car") or {}
    if not fold_upload(car, upload, features):
        return None
    state.set("car", car)
    return {"boot": upload["boot_id"], "seq": upload["seq"], "probabilities": predict(models, features)}


app = Application(
    broker_address=os.environ["BENCH_SERVERS"],
    consumer_group="peer",
    auto_offset_reset="earliest",
    state_dir=os.environ["BENCH_DIR"],
    loglevel="WARNING",
)
uploads = app.topic("telemetry-uploads", key_deserializer="str", value_deserializer="bytes")
predictions = app.topic("predictions", key_serializer="str", value_serializer="json")
frame = app.dataframe(uploads)
frame = frame.apply(work, stateful=True)
frame.to_topic(predictions)

if __name__ == "__main__":
    app.run()
