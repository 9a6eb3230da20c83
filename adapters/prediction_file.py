"""PredictionFile: the predictions of a back-test as a parquet file, written as they are made and read item by item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from domain.catalogue import Catalogue
from models.vehicle_state import UNKNOWN
from workflow.item_predictions import ItemPredictions, StepPredictions

ROWS_AT_ONCE = 100_000
_DUES = ("due_earliest", "due_expected", "due_latest")
_MOMENT = pa.timestamp("ms", tz="UTC")


@dataclass(frozen=True, slots=True)
class ReadPredictions:
    """What was said of one item, shape (n,) in the order of time; `probability` (n, horizons); −1 where no moment."""

    vehicle: npt.NDArray[np.int64]
    time_ms: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]
    remaining: npt.NDArray[np.float64]
    dues_ms: tuple[npt.NDArray[np.int64], ...]


class PredictionFile:
    """Writes `path`; a context manager. `horizons` of the items name the columns `p_<horizon>`."""

    def __init__(self, path: Path, catalogue: Catalogue, vehicle_ids: Sequence[str]) -> None:
        self._path = path
        self._vehicle_ids = pa.array(list(vehicle_ids), pa.string())
        self._horizons = {item: tuple(spec.horizons) for item, spec in catalogue.items.items()}
        self._columns = tuple(dict.fromkeys(f"p_{h}" for horizons in self._horizons.values() for h in horizons))
        self._schema = pa.schema(
            [
                ("vehicle_id", pa.string()),
                ("item", pa.string()),
                ("time", _MOMENT),
                *((name, pa.float64()) for name in self._columns),
                ("remaining", pa.float64()),
                *((name, _MOMENT) for name in _DUES),
                ("model_version", pa.string()),
            ]
        )
        self._writer = pq.ParquetWriter(path, self._schema)
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flush()
        self._writer.close()

    def write(self, step: StepPredictions) -> None:
        """Keep what was said at a step."""
        ids = self._vehicle_ids.take(pa.array(step.vehicles))
        for said in step.items:
            self._waiting.append(self._batch(ids, step.now_ms, said))
            self._rows += len(step.vehicles)
        if self._rows >= ROWS_AT_ONCE:
            self._flush()

    def _batch(self, ids: Any, now_ms: int, said: ItemPredictions) -> Any:
        k = len(ids)
        nothing = pa.nulls(k, pa.float64())
        own = {f"p_{h}": said.probability[:, n] for n, h in enumerate(self._horizons.get(said.item, ()))}
        dues = (said.earliest_ms, said.expected_ms, said.latest_ms)
        return pa.RecordBatch.from_arrays(
            [
                ids,
                pa.array([said.item] * k, pa.string()),
                pa.array(np.full(k, now_ms, dtype="datetime64[ms]"), _MOMENT),
                *(pa.array(own[name]) if name in own else nothing for name in self._columns),
                pa.array(said.remaining, mask=np.isnan(said.remaining)),
                *(pa.array(due.astype("datetime64[ms]"), _MOMENT, mask=due == UNKNOWN) for due in dues),
                pa.array([said.model_version] * k, pa.string()),
            ],
            schema=self._schema,
        )

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
            self._waiting, self._rows = [], 0


def read_predictions(path: Path, item: str, horizons: Sequence[str], vehicle_ids: Sequence[str]) -> ReadPredictions:
    """What a prediction file says of `item`."""
    columns = ["vehicle_id", "time", *(f"p_{h}" for h in horizons), "remaining", *_DUES]
    table = pq.read_table(path, columns=columns, filters=pc.field("item") == item)
    places = pc.index_in(table["vehicle_id"], value_set=pa.array(list(vehicle_ids), pa.string()))
    return ReadPredictions(
        np.asarray(places.to_numpy(), dtype=np.int64),
        _ms(table["time"]),
        np.stack([_numbers(table[f"p_{h}"]) for h in horizons], axis=1) if horizons else np.empty((len(table), 0)),
        _numbers(table["remaining"]),
        tuple(_ms(table[name]) for name in _DUES),
    )


def _numbers(column: Any) -> npt.NDArray[np.float64]:
    return np.asarray(pc.fill_null(column, np.nan).to_numpy(), dtype=np.float64)


def _ms(column: Any) -> npt.NDArray[np.int64]:
    return np.asarray(pc.fill_null(column.cast(pa.int64()), UNKNOWN).to_numpy(), dtype=np.int64)
