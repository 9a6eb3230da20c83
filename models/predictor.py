"""Predictor: holds the newest model of each item and predicts for cars; models change under it while it runs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from domain.errors import DamagedSnapshot, NotFound
from domain.prediction import Prediction
from models.calendar_forecast import CalendarItems, forecast_calendar
from models.causes import Causes, newest_boots
from models.fleet_model import FleetModel
from models.hazard_forecast import forecast_hazard
from models.hazard_items import HazardItems, HazardWeights
from models.prediction_row import IS_ABSENT, PredictionLayout, Rows
from models.snapshot import unpack_snapshot
from models.usage import Usage, usage_of
from models.vehicle_state import POWERTRAIN_CODES, UNKNOWN, Record
from models.wear_forecast import forecast_wear
from models.wear_items import WearItems, WearRates
from models.words import words

Matrix = npt.NDArray[Any]


class Predictor:
    """Predicts every item of the catalogue. `key` is the one the snapshots are sealed with."""

    def __init__(self, catalogue: Catalogue, key: bytes) -> None:
        self.catalogue = catalogue
        self.rows = PredictionLayout(catalogue)
        self._key = key
        self._models = {item.id: FleetModel(item) for item in catalogue.items.values()}
        kinds = self.rows.by_kind
        self._wear = WearItems(catalogue, kinds["wear"])
        self._hazard = HazardItems(catalogue, kinds["hazard"])
        self._calendar = CalendarItems(catalogue, kinds["calendar"])
        # Per kind which items the cars of each power train lack, shape (codes, items).
        self._lacks = {
            kind: np.array([[not catalogue.items[item].is_in(name) for item in ids] for name in POWERTRAIN_CODES])
            for kind, ids in kinds.items()
        }
        self._serve()

    def install(self, item: str, data: bytes) -> bool:
        """Serve the model in snapshot `data` from now on; False when it is not newer than the one that serves.

        Raises DamagedSnapshot when it is not what was sealed, or of another item; the former goes on serving then.
        """
        content = unpack_snapshot(data, self._key)
        learnt = content.get("model")
        if not isinstance(learnt, dict) or not isinstance(learnt.get("version"), int):
            raise DamagedSnapshot("the snapshot holds no model")
        if learnt["version"] <= self.model(item).version:
            return False
        fresh = FleetModel(self.catalogue.items[item])
        fresh.restore(learnt)
        self._models[item] = fresh
        self._serve()
        return True

    def model(self, item: str) -> FleetModel:
        """The model that serves `item`; NotFound when the catalogue has no such item."""
        if item not in self._models:
            raise NotFound(f"the catalogue has no item {item}")
        return self._models[item]

    def version(self, item: str) -> int:
        """Number of the version that serves `item`: how many labels it has learnt."""
        return self.model(item).version

    def versions(self) -> dict[str, str]:
        """Name of the serving model per item."""
        return {item: model.name for item, model in self._models.items()}

    def digest(self) -> str:
        """SHA-256 over everything the serving models have learnt."""
        return hashlib.sha256("".join(model.digest for model in self._models.values()).encode()).hexdigest()

    def predict_many(self, states: Matrix, causes: Causes) -> Rows:
        """The numbers of all items for a block of cars that have sent something: a row each, shape (k,).

        `states`: shape (k,), of the state's dtype. A row is the same to the bit whatever else is in the block; no item
        of it is told yet (`models.told` decides).
        """
        rows = self.rows.empty(len(states))
        usage = usage_of(states, self.catalogue)
        self._fill_head(rows, states, causes, usage)
        if self._wear.ids:
            forecast_wear(rows, states, self._wear, self._rates, usage)
        if self._hazard.ids:
            forecast_hazard(rows, states, self._hazard, self._weights)
        if self._calendar.ids:
            forecast_calendar(rows, states, self._calendar)
        for kind, ids in self.rows.by_kind.items():
            own = rows[kind]
            own["model_version"], own["model_digest"] = self._versions[kind], self._digests[kind]
            if self._lacks[kind].any():
                own["flags"] = np.where(self._lacks[kind][states["powertrain"]], IS_ABSENT, own["flags"])
            for place, item in enumerate(ids):
                own["served_ms"][:, place] = np.maximum(0, states["items"][item]["heard_ms"])
        return rows

    def predict(
        self,
        states: Sequence[Record],
        vehicle_ids: Sequence[str],
        causes: Causes | None = None,
        items: Sequence[str] | None = None,
    ) -> list[Prediction]:
        """Full predictions for cars, for `items` (default all that a car has), car by car in the catalogue's order.

        By default the cause is the newest upload and service record in the state. States of cars that never sent
        anything give nothing.
        """
        if not states:
            return []
        block = np.array(list(states), dtype=states[0].dtype)
        rows = self.predict_many(block, causes or Causes.newest(block))
        return [
            words(self.catalogue, self.rows, row, vehicle_id, item)
            for row, vehicle_id in zip(rows, vehicle_ids, strict=True)
            if int(row["event_ms"]) != UNKNOWN
            for item in self.catalogue.items
            if (items is None or item in items) and not self.rows.is_absent(row, item)
        ]

    def _fill_head(self, rows: Rows, states: Matrix, causes: Causes, usage: Usage) -> None:
        rows["event_ms"], rows["odometer_m"] = states["last_ms"], states["odometer_m"]
        rows["observed_km"], rows["km_per_day"] = usage.observed_km, usage.km_per_day
        cause = rows["cause"]
        cause["boot"], cause["seq"], cause["record"] = causes.boots, causes.seqs, causes.records
        order = newest_boots(states["boots"])
        for name in ("id", "first", "last"):
            rows["boots"][name] = np.take_along_axis(states["boots"][name], order, axis=1)

    def _serve(self) -> None:
        """Lay the models' numbers out for blocks, after any of them has changed."""
        of_kind = {kind: [self._models[item] for item in ids] for kind, ids in self.rows.by_kind.items()}
        self._rates = WearRates(self._wear, of_kind["wear"])
        self._weights = HazardWeights(self._hazard, of_kind["hazard"])
        self._versions = {kind: np.array([m.version for m in own], dtype=np.uint32) for kind, own in of_kind.items()}
        self._digests = {
            kind: np.array([int(m.digest[:8], 16) for m in own], dtype=np.uint32) for kind, own in of_kind.items()
        }
