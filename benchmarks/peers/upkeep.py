"""What all peers share: decoding an upload, the figures of a car, and trained River models. No product code."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from river import compose, linear_model, preprocessing

SPEED = "Vehicle.Speed"
LABELS = 200
GATE_POLL_S = 0.005

_json = msgspec.json.Decoder()
_UINT32 = 2


class Gate:
    """Holds a worker back in front of its first message until the topic is filled, as ours are held back."""

    def __init__(self) -> None:
        self._path = Path(os.environ["BENCH_GATE"])
        self.is_open = False

    def look(self) -> bool:
        """Whether work may begin."""
        self.is_open = self.is_open or self._path.exists()
        return self.is_open

    def wait(self) -> None:
        """Block until it may."""
        while not self.look():
            time.sleep(GATE_POLL_S)


def decode(value: bytes) -> dict[str, Any]:
    """An upload in either encoding, its columns as arrays."""
    if value[:1] == b"{":
        upload = _json.decode(value)
        columns = {path: np.array(column, dtype=np.float64) for path, column in upload["signals"].items()}
    else:
        upload = msgspec.msgpack.decode(value)
        columns = {
            path: np.frombuffer(column.data, "<u4" if column.code == _UINT32 else "<f4").astype(np.float64)
            for path, column in upload["signals"].items()
        }
    upload["signals"] = columns
    return upload


def upload_features(columns: dict[str, Any]) -> dict[str, float]:
    """Mean and spread of each signal, and the energy that went into the brakes."""
    features: dict[str, float] = {}
    for path, column in columns.items():
        features[path + ".mean"] = float(column.mean())
        features[path + ".std"] = float(column.std())
    speed = columns[SPEED] / 3.6
    features["brake_energy"] = float(np.maximum(speed[:-1] ** 2 - speed[1:] ** 2, 0.0).sum() * 700.0)
    return features


def fold_upload(car: dict[str, Any], upload: dict[str, Any], features: dict[str, float]) -> bool:
    """Add an upload to what is known of a car; false when it was there already."""
    if car.get("boot") == upload["boot_id"] and upload["seq"] <= car["seq"]:
        return False
    car["boot"], car["seq"] = upload["boot_id"], upload["seq"]
    car["uploads"] = car.get("uploads", 0) + 1
    for name, value in features.items():
        if name == "brake_energy":
            car[name] = car.get(name, 0.0) + value
        else:
            car[name] = car[name] + 0.3 * (value - car[name]) if name in car else value
    return True


def fold_sample(car: dict[str, Any], sample: dict[str, Any]) -> dict[str, float]:
    """Add one sample to what is known of a car, and return the features."""
    speed = sample["signals"][SPEED] / 3.6
    before = car.get("speed", speed)
    car["speed"] = speed
    car["brake_energy"] = car.get("brake_energy", 0.0) + max(before**2 - speed**2, 0.0) * 700.0
    features = {"brake_energy": car["brake_energy"]}
    for path, value in sample["signals"].items():
        mean = car[path + ".mean"] = car.get(path + ".mean", value) + 0.01 * (value - car.get(path + ".mean", value))
        var = car[path + ".var"] = 0.99 * car.get(path + ".var", 0.0) + 0.01 * (value - mean) ** 2
        features[path + ".mean"], features[path + ".std"] = mean, var**0.5
    return features


def trained_models(signals: list[str], items: int) -> list[Any]:
    """A model per item, taught 200 labels."""
    chance = random.Random(7)  # noqa: S311
    names = [f"{path}.{kind}" for path in signals for kind in ("mean", "std")] + ["brake_energy"]
    models = []
    for _ in range(items):
        model = compose.Pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression())
        for _ in range(LABELS):
            model.learn_one({name: chance.gauss(0, 1) for name in names}, chance.random() < 0.2)
        models.append(model)
    return models


def predict(models: list[Any], features: dict[str, float]) -> list[float]:
    """How likely each item is to need something."""
    return [model.predict_proba_one(features).get(True, 0.0) for model in models]
