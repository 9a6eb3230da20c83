"""The history of signals in InfluxDB 2: what a cluster keeps."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from urllib3.exceptions import HTTPError

from adapters.history.line_protocol import (
    COUNT,
    MAXIMUM,
    MEASUREMENT,
    MINIMUM,
    SIMULATED_COUNT,
    TOTAL,
    VEHICLE,
    field_of,
    lines_of,
)
from domain.errors import InvalidInput, Unavailable
from domain.signal_history import SignalAggregate, SignalPoint, SpanGrid

logger = logging.getLogger(__name__)

T = TypeVar("T")

DAY_S = 86_400
TIMEOUT_MS = 10_000
MAX_LINES = 1_000
"""Lines in one request: some megabytes of a catalogue with ten signals, a few hundred kilobytes on the wire."""
READERS = 4
CLOCK_SLACK_MS = 3_600_000
"""Two clocks that differ by less are the same time."""

# As 2.7 and as earlier ones say it; of a batch everything else is stored.
_TOO_OLD = re.compile(r"partial write: (dropped \d+ points outside|points beyond) retention policy")
_BEGINNING, _END = "1970-01-01T00:00:00Z", "2262-01-01T00:00:00Z"  # of what InfluxDB can hold

# Each figure is aggregated where it lies; the windows begin at the span's beginning, whatever that is.
_SPAN = f"""
figures = from(bucket: bucket)
    |> range(start: time(v: from_ns), stop: time(v: until_ns))
    |> filter(fn: (r) => r._measurement == "{MEASUREMENT}" and r.{VEHICLE} == vehicle_id)
each = (tables=<-, fn) => tables
    |> aggregateWindow(every: duration(v: width_ns), offset: duration(v: offset_ns), fn: fn, createEmpty: false,
        timeSrc: "_start")
    |> keep(columns: ["_time", "_field", "_value"])
figures
    |> filter(fn: (r) => r._field == count or r._field == simulated)
    |> each(fn: sum)
    |> yield(name: "counts")
figures |> filter(fn: (r) => r._field == total) |> each(fn: sum) |> yield(name: "totals")
figures |> filter(fn: (r) => r._field == minimum) |> each(fn: min) |> yield(name: "minima")
figures |> filter(fn: (r) => r._field == maximum) |> each(fn: max) |> yield(name: "maxima")
"""


class InfluxHistory:
    """`SignalHistory` in a bucket of InfluxDB 2, which is made or brought to its retention at the first call.

    `url` is the server's, `token` may read and write the organisation's buckets. Nothing is connected yet.
    """

    def __init__(self, url: str, *, token: str, org: str, bucket: str, retention_days: int) -> None:
        self._url = url
        self._org = org
        self._bucket = bucket
        self._retention_s = retention_days * DAY_S
        # Any: the client's own annotations are partial.
        self._client: Any = InfluxDBClient(url=url, token=token, org=org, timeout=TIMEOUT_MS, enable_gzip=True)
        self._write_api: Any = self._client.write_api(write_options=SYNCHRONOUS)
        self._write_thread = ThreadPoolExecutor(1, "history-writer")
        self._read_threads = ThreadPoolExecutor(READERS, "history-reader")
        self._is_bucket_ready = False
        self._is_closed = False

    async def append(self, points: Sequence[SignalAggregate]) -> None:
        """Store these; InfluxDB has them in its write-ahead log on return.

        What is past the retention already is left out by InfluxDB, which is as good as stored and expired.
        """
        if points:
            await self._in(self._write_thread, lambda: self._append(points))

    def _append(self, points: Sequence[SignalAggregate]) -> None:
        self._make_bucket_ready()
        lines = lines_of(points)
        for start in range(0, len(lines), MAX_LINES):
            try:
                self._write_api.write(
                    self._bucket, record="\n".join(lines[start : start + MAX_LINES]), write_precision=WritePrecision.MS
                )
            except InfluxDBError as error:
                if not _is_only_too_old(error):
                    raise
                logger.info("InfluxDB left out what is past its retention: %s", _reason(error))

    async def span(self, vehicle_id: str, signal: str, from_ms: int, until_ms: int, points: int) -> list[SignalPoint]:
        """One car's signal, downsampled by InfluxDB."""
        grid = SpanGrid(from_ms, until_ms, points)
        parameters = {
            "bucket": self._bucket,
            "vehicle_id": vehicle_id,
            "from_ns": from_ms * 1_000_000,
            "until_ns": until_ms * 1_000_000,
            "width_ns": grid.width_ms * 1_000_000,
            "offset_ns": from_ms % grid.width_ms * 1_000_000,
            "count": field_of(signal, COUNT),
            "simulated": field_of(signal, SIMULATED_COUNT),
            "total": field_of(signal, TOTAL),
            "minimum": field_of(signal, MINIMUM),
            "maximum": field_of(signal, MAXIMUM),
        }
        parts = await self._in(self._read_threads, lambda: self._figures(parameters, grid))
        return [
            grid.point(
                part,
                count=figures[COUNT],
                total=figures[TOTAL],
                minimum=figures[MINIMUM],
                maximum=figures[MAXIMUM],
                simulated=figures[SIMULATED_COUNT],
            )
            for part, figures in sorted(parts.items())
        ]

    def _figures(self, parameters: dict[str, Any], grid: SpanGrid) -> dict[int, dict[str, Any]]:
        """Figures by part of the grid and name."""
        self._make_bucket_ready()
        parts: dict[int, dict[str, Any]] = {}
        for table in self._client.query_api().query(_SPAN, params=parameters):
            for row in table.records:
                began_ms = round(row.get_time().timestamp() * 1000)
                figure = row.get_field().rpartition("#")[2]
                parts.setdefault((began_ms - grid.from_ms) // grid.width_ms, {})[figure] = row.get_value()
        return parts

    async def forget(self, vehicle_id: str) -> None:
        """Delete a car's series."""
        quoted = vehicle_id.replace("\\", "\\\\").replace('"', '\\"')
        await self._in(
            self._write_thread, lambda: self._delete(_END, f'_measurement="{MEASUREMENT}" AND {VEHICLE}="{quoted}"')
        )

    async def expire(self, now_ms: int) -> None:
        """Nothing by InfluxDB's own clock, since the bucket ends by it whole shards; delete by a clock ahead of it."""
        if now_ms <= time.time() * 1000 + CLOCK_SLACK_MS:
            return
        horizon_ms = now_ms - self._retention_s * 1000
        # Between two milliseconds, so that it's no matter whether the end itself is meant.
        before = datetime.fromtimestamp((horizon_ms - 0.5) / 1000, UTC).isoformat().replace("+00:00", "Z")
        await self._in(self._write_thread, lambda: self._delete(before, f'_measurement="{MEASUREMENT}"'))

    def _delete(self, before: str, predicate: str) -> None:
        self._make_bucket_ready()
        self._client.delete_api().delete(_BEGINNING, before, predicate, bucket=self._bucket)

    async def ping(self) -> str:
        """InfluxDB's version; Unavailable too when it refuses the token."""
        return await self._in(self._read_threads, self._ping)

    def _ping(self) -> str:
        self._find_bucket()
        return f"InfluxDB {self._client.version().removeprefix('v')}"

    async def close(self) -> None:
        """Finish what was begun and disconnect; may be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        await asyncio.to_thread(self._write_thread.shutdown)
        await asyncio.to_thread(self._read_threads.shutdown)
        self._write_api.close()
        self._client.close()

    def _make_bucket_ready(self) -> None:
        if self._is_bucket_ready:
            return
        rule = {"type": "expire", "everySeconds": self._retention_s}
        found = self._find_bucket()
        if found is None:
            self._client.buckets_api().create_bucket(bucket_name=self._bucket, retention_rules=[rule])
        elif [known.every_seconds for known in found.retention_rules] != [self._retention_s]:
            found.retention_rules = [rule]
            self._client.buckets_api().update_bucket(found)
        self._is_bucket_ready = True

    def _find_bucket(self) -> Any:
        """The bucket or None; of our organisation, since a token may see others' buckets of the same name."""
        try:
            found = self._client.buckets_api().find_buckets(name=self._bucket, org=self._org).buckets
        except InfluxDBError as error:
            # The same status says that there is no such organisation.
            if error.response is not None and error.response.status == 404 and _reason(error).startswith("bucket "):
                return None
            raise
        return found[0] if found else None

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        if self._is_closed:
            raise Unavailable(f"the history at {self._url} is closed")
        with self._said_plainly():
            return await asyncio.get_running_loop().run_in_executor(threads, work)

    @contextmanager
    def _said_plainly(self) -> Iterator[None]:
        try:
            yield
        except HTTPError as error:
            raise Unavailable(f"InfluxDB at {self._url} does not answer: {type(error).__name__}") from error
        except InfluxDBError as error:
            reason = _reason(error)
            status = error.response.status if error.response is not None else 0
            if status in (400, 413, 422):
                raise InvalidInput(
                    f"InfluxDB refuses this: {reason}", field="history", fix="this is a defect; please report it"
                ) from error
            self._is_bucket_ready = False  # somebody may have deleted it
            raise Unavailable(f"InfluxDB at {self._url} does not serve the history: {reason}") from error


def _reason(error: InfluxDBError) -> str:
    """What InfluxDB says of it, without the headers that the client's own text is full of."""
    return str(error.message or getattr(error, "reason", "") or "it gives no reason").splitlines()[0]


def _is_only_too_old(error: InfluxDBError) -> bool:
    """Whether a write stored all but what is past the bucket's retention."""
    if error.response is None or error.response.status != 422:
        return False
    return _TOO_OLD.search(_reason(error)) is not None
