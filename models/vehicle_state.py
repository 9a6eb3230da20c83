"""VehicleState: all that is remembered of one car, as one fixed numpy record generated from the catalogue.

The value in memory is the value in the changelog is the value on disk: `to_bytes` is the record's own memory behind
nothing, and `from_bytes` refuses any other length or layout. Times are int64 ms UTC, distances metres, sums float64.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import AGE_YEARS, Catalogue, HazardFeature, ItemSpec
from domain.errors import InvalidInput
from domain.prediction import ItemKind, UploadRange
from domain.telemetry import POWERTRAINS, VehicleAttributes
from models.event_counts import COUNT_FIELDS
from models.exposures import most_per_day
from models.signal_levels import LEVEL_FIELDS

Record = np.void  # one element of an array of `StateLayout.dtype`
States = npt.NDArray[Any]  # of `StateLayout.dtype`, or of its levels, shape (k,)
Entries = npt.NDArray[Any]  # of `StateLayout.entry_dtype`, shape (m,)

LAYOUT_VERSION = 2
TELEMETRY_UPLOADS, SERVICE_RECORDS, DOMAIN_EVENTS = "telemetry-uploads", "service-records", "domain-events"
TOPICS = (TELEMETRY_UPLOADS, SERVICE_RECORDS, DOMAIN_EVENTS)
BOOTS = 3
SEQUENCES = 64  # uploads of a boot that are remembered one by one
DAYS = 31
RING = 6  # uploads that one may come behind and still be put where it belongs
KEPT_OLDER, KEPT_NEWEST = 2, 3  # past moments whose readings are kept (`models.kept_readings`)
CODES = 5  # trouble codes that are remembered at a time
NO_READING = 0xFFFF_FFFF  # of an odometer, in an entry of the ring
UNKNOWN = -1
POWERTRAIN_CODES = {name: code for code, name in enumerate(("", *POWERTRAINS))}  # 0: not known
DAY_MS = 86_400_000

# Bits of `flags` and `order_flags`: things that were noticed and that a person may want to know.
IMPLAUSIBLE_VALUE = 1
ODOMETER_JUMP = 2
ODOMETER_CORRECTED = 4
IMPLAUSIBLE_RECORD = 8
CLOCK_WRONG = 16
CODES_LOST = 32
ORDER_FLAGS = ODOMETER_JUMP | ODOMETER_CORRECTED

# What was last told of an item, by the days that people read, counted from 1970 (0: none can be said); see models.told.
TOLD: list[Any] = [
    ("verdict", "u1"),
    ("against", "u1"),
    ("against_since_day", "u2"),
    ("told_day", "u2"),
    ("earliest_day", "u2"),
    ("expected_day", "u2"),
    ("latest_day", "u2"),
    ("health", "f2"),
]


def items_by_kind(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """The items of each kind with their own rates, features or interval; kinds without any are there too.

    In the order of the catalogue. Items that are learnt from signals are not among them (`models.learnt_items`).
    """
    named = [spec for spec in catalogue.items.values() if spec.life is None and spec.risk is None]
    return {kind.value: tuple(spec.id for spec in named if spec.kind is kind) for kind in ItemKind}


def _bound(catalogue: Catalogue, name: str) -> float:
    """What the steps of an exposure follow from of which nothing is typical; 0 where that is its function alone."""
    return most_per_day(catalogue, name) if catalogue.exposures[name].function == "integral" else 0.0


def _worn_by(item: ItemSpec) -> Iterable[str]:
    """The exposures that wear an item down."""
    return item.wear.rates if item.wear is not None else item.life.exposures if item.life is not None else ()


def _features_of(item: ItemSpec) -> Iterable[HazardFeature]:
    return item.hazard.features if item.hazard is not None else ()


class StateLayout:
    """The dtype of the state of a catalogue's cars, and the way to bytes and back.

    `version` is a number from the layout's version and the fields themselves: a state of another catalogue is refused
    rather than misread.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.exposures = catalogue.summed_exposures
        self.followed, self.counted = catalogue.followed, catalogue.counted
        self.trends = tuple(catalogue.trends)
        self.sensed = tuple(catalogue.sensed)
        self.items = tuple(catalogue.items)
        # In the order of prediction rows, so that what was told is compared with them place by place.
        by_kind = items_by_kind(catalogue)
        self.told_items = tuple(item for ids in by_kind.values() for item in ids)
        # The features of hazards, by item and name, that are kept of some past moments: all but ages.
        kept = [
            (item, feature)
            for item in by_kind["hazard"]
            for feature in _features_of(catalogue.items[item])
            if feature.source != AGE_YEARS
        ]
        self.kept = tuple((item, feature.name) for item, feature in kept)
        # The exposures that each wear item has a baseline of.
        self.wear_columns = {
            item.id: tuple(self.exposures.index(name) for name in _worn_by(item) if name in self.exposures)
            for item in catalogue.items.values()
            if item.wear is not None or (item.life is not None and item.life.exposures)
        }
        self.fields = self._fields(catalogue)
        # With what the steps of the days' sums follow from.
        exposures = [
            (name, spec.function, spec.typical_per_km or _bound(catalogue, name))
            for name, spec in catalogue.exposures.items()
        ]
        steps = [(item, feature.name, feature.centre, feature.scale) for item, feature in kept]
        names = repr((LAYOUT_VERSION, self.fields, exposures, self.trends, self.items, self.wear_columns, steps))
        if self.sensed:
            names += repr(list(catalogue.sensed.items()))
        self.version = int.from_bytes(hashlib.sha256(names.encode()).digest()[:4], "big")
        self.dtype: np.dtype[Any] = np.dtype(self.fields)
        self.mark = np.uint32(self.version).tobytes()
        """The first bytes of each of its states."""

    @property
    def size(self) -> int:
        """Bytes per car."""
        return self.dtype.itemsize

    def _fields(self, catalogue: Catalogue) -> list[Any]:
        """The fields of a state; `levels` follow the order of events (`models.levels`) and stand there twice."""
        n, t = len(self.exposures), len(self.trends)
        boot = [("id", "S36"), ("first", "u4"), ("last", "u4"), ("seen", "u8"), ("end_ms", "i8")]
        # Quantised (`models.day_ring`): kept for late service records and for the pace, not for sums.
        day = [("odometer_m", "u4"), ("observed", "u2"), ("exposure", "u2", (n,))]
        trend = [("fast", "f4"), ("slow", "f4"), ("count", "u2")]
        levels: list[Any] = [
            ("last_ms", "i8"),
            ("start_ms", "i8"),  # with boot_tag and seq: where in the order of events the levels stand
            ("boot_tag", "u4"),
            ("seq", "u4"),
            ("odometer_m", "i8"),
            ("first_odometer_m", "i8"),
            ("held_odometer_m", "i8"),
            ("held_count", "u1"),
            ("order_flags", "u1"),
            ("phase", "u1"),
            ("trends", trend, (t,)),
        ]
        entry: list[Any] = [
            ("start_ms", "i8"),
            ("span_ms", "u4"),
            ("boot_tag", "u4"),
            ("seq", "u4"),
            ("first_odometer_m", "u4"),
            ("odometer_m", "u4"),
            ("observed_m", "u4"),
            ("trends", "f4", (t,)),
            ("is_running", "?"),
        ]
        if self.followed:
            levels.append(("followed", LEVEL_FIELDS, (len(self.followed),)))
            entry.append(("followed", "f4", (len(self.followed),)))
        self.level_names = tuple(name for name, *_ in levels)
        self.entry_dtype = np.dtype(entry)
        kept = [("day", "u2"), ("kept_value", "i1", (len(self.kept),))]
        items = []
        for item in catalogue.items.values():
            # set_ms: the baseline; heard_ms: the newest record of any outcome. UNKNOWN: nobody has told.
            parts: list[Any] = [("set_ms", "i8"), ("heard_ms", "i8")]
            if item.wear is not None:
                parts += [
                    ("odometer_m", "i8"),
                    ("anchor", "f4"),
                    ("anchor_sd", "f4"),
                    ("factor", "f4"),
                    ("factor_precision", "f4"),
                ]
            if item.hazard is not None:
                parts.append(("judged_day", "u2"))  # until when its kept readings have had their labels
            if item.id in self.wear_columns:
                columns = (len(self.wear_columns[item.id]),)
                parts += [("exposure", "f8", columns), ("exposure_m", "f8", columns)]
            items.append((item.id, parts))
        return [
            ("version", "u4"),
            ("flags", "u4"),
            ("offsets", "i8", (len(TOPICS),)),
            ("built_ms", "i8"),
            ("powertrain", "u1"),  # of POWERTRAIN_CODES
            ("first_ms", "i8"),
            *levels,
            ("base", levels),
            ("ring", entry, (RING,)),
            ("ring_count", "u1"),
            ("observed_m", "f8"),
            ("exposure", "f8", (n,)),
            ("exposure_m", "f8", (n,)),
            ("boots", boot, (BOOTS,)),
            ("forgotten_ms", "i8"),
            ("withdrawn_ms", "i8"),  # nothing that came until then counts: consent was withdrawn, and given again since
            ("predicted_ms", "i8"),
            ("predicted_m", "f4"),
            ("predicted_readings", "u4"),
            ("days", day, (DAYS,)),
            ("codes", [("code", "u4"), ("changed_s", "u4")], (CODES,)),
            *([("counts", COUNT_FIELDS, (len(self.counted),))] if self.counted else []),
            *([("kept", kept, (KEPT_OLDER + KEPT_NEWEST,))] if self.kept else []),
            *([("sensed", [("at_s", "u4"), ("value", "f4")], (len(self.sensed),))] if self.sensed else []),
            ("items", items),
            ("told_ms", "i8"),
            ("told", TOLD, (len(self.told_items),)),
        ]

    def empty(self, catalogue: Catalogue, attributes: VehicleAttributes) -> Record:
        """The state of a car of which nothing is known yet but its attributes."""
        state: Record = np.zeros(1, self.dtype)[0]
        state["version"] = self.version
        state["offsets"] = UNKNOWN
        state["built_ms"] = attributes.built_ms
        state["powertrain"] = POWERTRAIN_CODES.get(attributes.powertrain, 0)
        for name in ("first_ms", "forgotten_ms", "withdrawn_ms", "predicted_ms", "told_ms"):
            state[name] = UNKNOWN
        for levels in (state, state["base"]):
            for name in ("last_ms", "start_ms", "first_odometer_m", "odometer_m", "held_odometer_m"):
                levels[name] = UNKNOWN
        for item in catalogue.items.values():
            own = state["items"][item.id]
            own["set_ms"] = own["heard_ms"] = UNKNOWN
            if item.wear is not None:
                # Any state between new and worn out is as likely as any other: mean and sd of that uniform.
                own["odometer_m"] = UNKNOWN
                own["anchor"] = (item.wear.new + item.wear.limit) / 2
                own["anchor_sd"] = (item.wear.new - item.wear.limit) / 12**0.5
                own["factor"] = 1.0
                own["factor_precision"] = item.wear.car_factor_sd**-2
        return state

    def block(self, catalogue: Catalogue, kept: Sequence[bytes | None], built_ms: Sequence[int]) -> npt.NDArray[Any]:
        """The states of many cars as one array, shape (k,): from bytes, or empty where there are none.

        InvalidInput as for `from_bytes`.
        """
        new = [row for row, data in enumerate(kept) if data is None]
        fresh = self.empty(catalogue, VehicleAttributes()).tobytes() if new else b""
        memory = bytearray(b"".join([fresh if data is None else data for data in kept]))
        if len(memory) != len(kept) * self.size or any(data is not None and len(data) != self.size for data in kept):
            for data in kept:
                self._check_size(fresh if data is None else data)
        states: npt.NDArray[Any] = np.frombuffer(memory, self.dtype)
        self._check_version(states["version"])
        if new:
            states["built_ms"][new] = [built_ms[row] for row in new]
        return states

    def to_bytes(self, state: Record) -> bytes:
        """The record as it stands in the changelog; always `size` bytes."""
        return state.tobytes()

    def from_bytes(self, data: bytes) -> Record:
        """The record in `data`; InvalidInput when it is of another length or layout."""
        self._check_size(data)
        state: Record = np.frombuffer(bytearray(data), self.dtype)[0]
        self._check_version(state["version"])
        return state

    def _check_size(self, data: bytes) -> None:
        if len(data) != self.size:
            raise InvalidInput(
                f"a vehicle state has {self.size} bytes, not {len(data)}",
                field="state",
                fix="rebuild the states from the uploads",
            )

    def _check_version(self, versions: npt.ArrayLike) -> None:
        if not np.all(np.asarray(versions) == self.version):
            raise InvalidInput(
                "the vehicle state was written for another catalogue",
                field="state.version",
                fix="rebuild the states from the uploads",
            )

    def flags(self, state: Record) -> int:
        """All that was noticed of the car, as bits."""
        return int(state["flags"]) | int(state["order_flags"])

    def offset(self, state: Record, topic: str) -> int:
        """Offset of the newest record of `topic` that is in the state; −1 before the first."""
        return int(state["offsets"][TOPICS.index(topic)])

    def set_offset(self, state: Record, topic: str, offset: int) -> None:
        """Remember that the record at `offset` of `topic` is in the state."""
        state["offsets"][TOPICS.index(topic)] = offset

    def withdrawn_ms(self, data: bytes) -> int:
        """Until when nothing counts, of the state in `data`; UNKNOWN when consent was never withdrawn."""
        return int(np.frombuffer(data, self.dtype)["withdrawn_ms"][0])

    def uploads(self, state: Record) -> tuple[UploadRange, ...]:
        """The uploads of the boots that are remembered, oldest boot first."""
        boots = [boot for boot in state["boots"] if boot["id"]]
        boots.sort(key=lambda boot: int(boot["end_ms"]))
        return tuple(UploadRange(boot["id"].decode(), int(boot["first"]), int(boot["last"])) for boot in boots)
