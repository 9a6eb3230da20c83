"""Aggregates in InfluxDB's line protocol.

One line per upload: measurement `uploads`, the vehicle as its only tag, and for each signal the fields
`<signal>#count`, `#total`, `#min`, `#max` and `#simulated`, so that a bucket holds one series per car and not one per
car and signal: InfluxDB's index grows with series. Totals instead of means: sums over a span need no weights.
https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.signal_history import SignalAggregate
from domain.telemetry import SIMULATED

MEASUREMENT = "uploads"
VEHICLE = "vehicle"
COUNT, TOTAL, MINIMUM, MAXIMUM, SIMULATED_COUNT = "count", "total", "min", "max", "simulated"

_ESCAPES = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ "})


def field_of(signal: str, figure: str) -> str:
    """The field that holds a figure of a signal."""
    return f"{signal}#{figure}"


def lines_of(points: Sequence[SignalAggregate]) -> list[str]:
    """A line for each vehicle and start, in the order of their first points; of two equal points the later counts."""
    lines: dict[tuple[str, int], dict[str, SignalAggregate]] = {}
    for point in points:
        lines.setdefault((point.vehicle_id, point.start_ms), {})[point.signal] = point
    return [
        f"{MEASUREMENT},{VEHICLE}={vehicle_id.translate(_ESCAPES)} "
        f"{','.join(_fields(point) for point in by_signal.values())} {start_ms}"
        for (vehicle_id, start_ms), by_signal in lines.items()
    ]


def _fields(point: SignalAggregate) -> str:
    name = f"{point.signal.translate(_ESCAPES)}#"
    simulated = point.count if point.origin == SIMULATED else 0
    return (
        f"{name}{COUNT}={point.count}i,{name}{TOTAL}={point.mean * point.count!r},{name}{MINIMUM}={point.minimum!r},"
        f"{name}{MAXIMUM}={point.maximum!r},{name}{SIMULATED_COUNT}={simulated}i"
    )
