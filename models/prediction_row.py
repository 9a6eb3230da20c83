"""PredictionLayout: all that is predicted for one car from one cause, as one fixed numpy record from the catalogue.

A row is what the topic `predictions` carries: the numbers of every item, from which `models.words` makes the full
`Prediction` of those that somebody wants to read. Times are int64 ms UTC, −1 where none can be said; amounts are
float32, which is finer than anybody reads them, and what rules decide by is float64 or int64.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from domain.errors import InvalidInput
from models.vehicle_state import BOOTS, items_by_kind

LAYOUT_VERSION = 1
Row = np.void  # one element of an array of `PredictionLayout.dtype`
Rows = npt.NDArray[Any]

# Bits of an item's `flags`.
IS_READY = 1
IS_KNOWN = 2  # when the item was last renewed
IS_DATED = 4  # the car uses the item, so that a date can be reckoned
IS_TOLD = 8  # moved materially, or may change a need (models.told)
IS_SENSED = 32  # what the car's own sensor reads of the item is in it
IS_ABSENT = 16  # cars of this power train have no such item: nothing is said of it

_ITEM: list[Any] = [
    ("served_ms", "i8"),
    ("since_ms", "i8"),
    ("earliest_ms", "i8"),
    ("expected_ms", "i8"),
    ("latest_ms", "i8"),
    ("health", "f4"),
    ("model_version", "u4"),
    ("model_digest", "u4"),  # its first 8 hex digits
    ("flags", "u1"),
]


class PredictionLayout:
    """The dtype of the rows of a catalogue, and the way to bytes and back.

    Items stand by kind: those of `wear` in the field of that name, and so on; `items` has them all in that order.
    `version` is a number from the layout's version and the fields: a row of another catalogue is refused.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.by_kind = items_by_kind(catalogue)
        self.items = tuple(item for ids in self.by_kind.values() for item in ids)
        # Field and place of each item.
        self.places = {item: (kind, n) for kind, ids in self.by_kind.items() for n, item in enumerate(ids)}
        inputs = {item: _inputs(catalogue, item) for item in self.items}
        slots = {kind: max((len(inputs[item]) for item in ids), default=0) for kind, ids in self.by_kind.items()}
        fields = self._fields(slots["wear"], slots["hazard"])
        names = repr((LAYOUT_VERSION, fields, inputs))
        self.version = int.from_bytes(hashlib.sha256(names.encode()).digest()[:4], "big")
        self.dtype: np.dtype[Any] = np.dtype(fields)

    @property
    def size(self) -> int:
        """Bytes per row."""
        return self.dtype.itemsize

    def _fields(self, exposures: int, features: int) -> list[Any]:
        amounts = ("anchor", "anchor_sd", "factor", "factor_sd", "raised_anchor", "per_day", "unseen_worn", "relief")
        wear = [
            *_ITEM,
            ("since_odometer_m", "i8"),
            *((name, "f4") for name in (*amounts, "unseen_km", "distance_km", "remaining_km")),
            *((name, "f4", (exposures,)) for name in ("seen", "unseen", "part", "reckoned")),
        ]
        hazard = [
            *_ITEM,
            ("probability", "f8"),
            ("log_odds", "f4"),
            ("usual", "f4"),
            ("is_seen", "u1", (features,)),
            ("value", "f4", (features,)),
            ("contribution", "f4", (features,)),
        ]
        return [
            ("version", "u4"),
            ("event_ms", "i8"),
            ("odometer_m", "i8"),
            ("observed_km", "f4"),
            ("km_per_day", "f4"),
            ("cause", [("boot", "S36"), ("seq", "u4"), ("record", "i8")]),
            ("boots", [("id", "S36"), ("first", "u4"), ("last", "u4")], (BOOTS,)),
            ("wear", wear, (len(self.by_kind["wear"]),)),
            ("hazard", hazard, (len(self.by_kind["hazard"]),)),
            ("calendar", _ITEM, (len(self.by_kind["calendar"]),)),
        ]

    def empty(self, count: int) -> Rows:
        """So many rows of zeros, shape (count,), that bear the version."""
        rows = np.zeros(count, self.dtype)
        rows["version"] = self.version
        return rows

    def column(self, rows: Rows, field: str) -> npt.NDArray[Any]:
        """A field that all items have, in the order of `items`: shape (k, items)."""
        return np.concatenate([rows[kind][field] for kind, ids in self.by_kind.items() if ids], axis=1)

    def is_absent(self, row: Row, item: str) -> bool:
        """Whether the car of the row has no such item."""
        kind, place = self.places[item]
        return bool(int(row[kind][place]["flags"]) & IS_ABSENT)

    def to_bytes(self, rows: Rows) -> list[bytes]:
        """Each row as it stands on the topic; always `size` bytes."""
        data, size = rows.tobytes(), self.size
        return [data[start : start + size] for start in range(0, len(data), size)]

    def from_bytes(self, messages: Sequence[bytes]) -> Rows:
        """The rows in `messages`; InvalidInput when one is of another length or layout."""
        for data in messages:
            if len(data) != self.size:
                raise InvalidInput(
                    f"a prediction has {self.size} bytes, not {len(data)}",
                    field="prediction",
                    fix="let all workers have the same catalogue and release",
                )
        rows = np.frombuffer(bytearray(b"".join(messages)), self.dtype)
        if not (rows["version"] == self.version).all():
            raise InvalidInput(
                "the prediction was made with another catalogue",
                field="prediction.version",
                fix="let all workers have the same catalogue and release",
            )
        return rows


def _inputs(catalogue: Catalogue, item: str) -> tuple[str, ...]:
    """What the item's prediction is made of, in the order of its slots."""
    spec = catalogue.items[item]
    if spec.wear is not None:
        return tuple(spec.wear.rates)
    return tuple(feature.name for feature in spec.hazard.features) if spec.hazard is not None else ()
