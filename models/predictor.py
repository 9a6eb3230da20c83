"""Predictor: holds the newest model of each item and predicts for cars; models change under it while it runs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from domain.catalogue import Catalogue, ItemSpec
from domain.errors import DamagedSnapshot, NotFound
from domain.prediction import Prediction, UploadRange
from models.calendar_forecast import forecast_calendar
from models.fleet_model import FleetModel
from models.forecast import Forecast
from models.hazard_forecast import forecast_hazard
from models.snapshot import unpack_snapshot
from models.usage import Usage, usage_of
from models.vehicle_state import SERVICE_RECORDS, UNKNOWN, Record, StateLayout
from models.wear_forecast import forecast_wear


class Predictor:
    """Predicts every item of the catalogue. `key` is the one the snapshots are sealed with."""

    def __init__(self, catalogue: Catalogue, layout: StateLayout, key: bytes) -> None:
        self.catalogue = catalogue
        self._layout = layout
        self._key = key
        self._models = {item.id: FleetModel(item) for item in catalogue.items.values()}

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

    def predict(
        self,
        states: Sequence[Record],
        vehicle_ids: Sequence[str],
        causes: Sequence[str] | None = None,
        items: Sequence[str] | None = None,
    ) -> list[Prediction]:
        """Predictions for a block of cars, for `items` (default all), car by car in the order of the catalogue.

        `causes` tells per car what made us predict, e.g. `str(upload.id)`: with the item it gives the prediction's id,
        so that a replay repeats the id. By default it is the newest upload
        and service record in the state. States of cars that never sent anything give nothing.
        """
        chosen = [spec for spec in self.catalogue.items.values() if items is None or spec.id in items]
        predictions = []
        for i, (state, vehicle_id) in enumerate(zip(states, vehicle_ids, strict=True)):
            if int(state["last_ms"]) == UNKNOWN:
                continue
            usage, uploads = usage_of(state, self.catalogue), self._layout.uploads(state)
            cause = causes[i] if causes is not None else self._newest_cause(state, vehicle_id, uploads)
            for spec in chosen:
                forecast = self._forecast(state, spec, usage)
                predictions.append(
                    Prediction(
                        id=prediction_id(cause, spec.id),
                        vehicle_id=vehicle_id,
                        item=spec.id,
                        kind=spec.kind,
                        event_ms=int(state["last_ms"]),
                        odometer_m=max(0, int(state["odometer_m"])),
                        health=forecast.health,
                        window=forecast.window,
                        remaining_km=forecast.remaining_km,
                        probability=forecast.probability,
                        contributions=forecast.contributions,
                        reason=forecast.reason,
                        features=forecast.features,
                        model_version=self._models[spec.id].name,
                        uploads=uploads,
                        is_ready=forecast.is_ready,
                        served_ms=max(0, int(state["items"][spec.id]["heard_ms"])),
                    )
                )
        return predictions

    def _newest_cause(self, state: Record, vehicle_id: str, uploads: Sequence[UploadRange]) -> str:
        newest = f"{vehicle_id}/{uploads[-1].boot_id}/{uploads[-1].last_seq}"
        record = self._layout.offset(state, SERVICE_RECORDS)
        return newest if record < 0 else f"{newest}/{SERVICE_RECORDS}-{record}"

    def _forecast(self, state: Record, spec: ItemSpec, usage: Usage) -> Forecast:
        model = self._models[spec.id]
        if spec.wear is not None:
            return forecast_wear(state, self.catalogue, spec, spec.wear, model, usage)
        if spec.hazard is not None:
            return forecast_hazard(state, self.catalogue, spec, spec.hazard, model, usage)
        if spec.calendar is not None:
            return forecast_calendar(state, spec, spec.calendar)
        raise TypeError(f"{spec.id} is of no known kind")


def prediction_id(cause: str, item: str) -> str:
    """The id that the same cause and item give again and again: 32 hex digits of a SHA-256."""
    return hashlib.sha256(f"{cause}/{item}".encode()).hexdigest()[:32]
