"""Faust and River with a message per sample: an agent, a table, models, as the tutorial has it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import faust

from benchmarks.peers.upkeep import GATE_POLL_S, Gate, fold_sample, predict, trained_models

signals, items = json.loads(os.environ["BENCH_SIGNALS"]), int(os.environ["BENCH_ITEMS"])
models = trained_models(signals, items)
gate = Gate()

app = faust.App(
    "peer",
    broker=f"kafka://{os.environ['BENCH_SERVERS']}",
    datadir=os.environ["BENCH_DIR"],
    topic_partitions=int(os.environ["BENCH_PARTITIONS"]),
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    web_enabled=False,
)
samples = app.topic("samples", key_type=str, value_type=None)
predictions = app.topic("predictions", key_type=str, value_type=None)
cars = app.Table("cars", default=dict)


@app.agent(samples)
async def work(stream: Any) -> None:
    async for key, sample in stream.items():
        while not gate.look():  # noqa: ASYNC110  # it is another process that opens it
            await asyncio.sleep(GATE_POLL_S)
        car = cars[key]
        features = fold_sample(car, sample)
        cars[key] = car
        await predictions.send(
            key=key, value={"time_ms": sample["time_ms"], "probabilities": predict(models, features)}
        )


if __name__ == "__main__":
    sys.argv = ["faust", "worker", "-l", "warn", "--without-web"]
    app.main()
