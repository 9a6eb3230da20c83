"""SampleBlock: the samples of many uploads as a few matrices, gaps and padding as NaN.

A row is as wide as its own number of samples asks for, never as its neighbours': numpy adds a row pairwise, so its sums
depend on the width to the last bit, and must not depend on what else is in the block.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import SignalSpec
from domain.telemetry import TelemetryUpload

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

FINE, COARSE = 16, 128  # widths are multiples of these, below and above COARSE samples
CELLS = 16_384  # of one matrix: what the fold's temporaries of it take stays in the processor's cache


class UnusableUpload(ValueError):
    """The upload can't be folded; `str()` is the reason, fit for the rejects topic."""


@dataclass(frozen=True, slots=True)
class SampleBlock:
    """m uploads of one width w.

    `rows`: where each stands in the whole block, shape (m,); `times`: seconds since the upload's start, (m, w);
    `span_s`: from the first to the last sample, (m,); `columns`: per path values inside the plausible range, (m, w);
    `has`: per path which uploads have any, (m,); `implausible`: values dropped as impossible, (m,).
    """

    rows: Ints
    times: Floats
    span_s: Floats
    columns: Mapping[str, Floats]
    has: Mapping[str, Bools]
    implausible: Ints


def width_of(n: int) -> int:
    """Width of the row of an upload of `n` samples."""
    step = FINE if n <= COARSE else COARSE
    return -(-n // step) * step


class SampleReader:
    """Reads the signals `used` of uploads into matrices."""

    def __init__(self, used: Sequence[SignalSpec]) -> None:
        self._paths = tuple(spec.path for spec in used)
        self._low = np.array([spec.minimum for spec in used], dtype=np.float64)[:, None, None]
        self._high = np.array([spec.maximum for spec in used], dtype=np.float64)[:, None, None]

    def read(self, uploads: Sequence[TelemetryUpload], reasons: list[str]) -> Iterator[SampleBlock]:
        """The uploads in blocks of one width each; of those that can't be used the reason is set in `reasons`."""
        by_width: dict[int, list[int]] = {}
        for row, upload in enumerate(uploads):
            if len(upload.offsets_ms):
                by_width.setdefault(width_of(len(upload.offsets_ms)), []).append(row)
            else:
                reasons[row] = "there are no samples"
        for width, rows in by_width.items():
            size = max(1, CELLS // width)
            for start in range(0, len(rows), size):
                block = self._read(uploads, rows[start : start + size], width, reasons)
                if len(block.rows):
                    yield block

    def _read(
        self, uploads: Sequence[TelemetryUpload], rows: Sequence[int], width: int, reasons: list[str]
    ) -> SampleBlock:
        cells = _Cells(len(self._paths) + 1, len(rows), width)
        table, times = cells.table[:-1], cells.table[-1]
        for i, row in enumerate(rows):
            try:
                cells.fill(len(self._paths), i, uploads[row].offsets_ms, "offsets_ms")
                self._fill_columns(cells, i, uploads[row])
            except UnusableUpload as error:
                reasons[row] = str(error)
                table[:, i] = np.nan
        times /= 1000.0
        with np.errstate(invalid="ignore"):
            good = (table >= self._low) & (table <= self._high)
            falls = np.asarray((times[:, 1:] <= times[:, :-1]).any(axis=1))
        implausible = (~good & ~np.isnan(table)).sum(axis=(0, 2))
        table[~good] = np.nan
        has = np.asarray(good.any(axis=2))
        for i in np.flatnonzero(falls | ~has.any(axis=0)).tolist():
            nothing = "it has no plausible value of any signal that is used"
            reasons[rows[i]] = reasons[rows[i]] or ("offsets_ms do not rise" if falls[i] else nothing)
        keep = np.array([not reasons[row] for row in rows])
        whole = bool(keep.all())
        return SampleBlock(
            rows=np.array(rows)[keep],
            times=times if whole else times[keep],
            span_s=(np.nanmax(times, axis=1) - times[:, 0])[keep],
            columns={path: table[p] if whole else table[p, keep] for p, path in enumerate(self._paths)},
            has={path: has[p, keep] for p, path in enumerate(self._paths)},
            implausible=implausible[keep],
        )

    def _fill_columns(self, cells: _Cells, i: int, upload: TelemetryUpload) -> None:
        n = len(upload.offsets_ms)
        for p, path in enumerate(self._paths):
            values = upload.columns.get(path)
            if values is None:
                continue
            if len(values) != n:
                raise UnusableUpload(f"{path} has {len(values)} values for {n} offsets")
            cells.fill(p, i, values, path)


class _Cells:
    """A table of rows in one piece of memory, shape (p, m, w), that numbers are written to the front of; else NaN."""

    def __init__(self, p: int, m: int, width: int) -> None:
        self.table: Floats = np.full((p, m, width), np.nan)
        self._memory = self.table.data.cast("B")
        self._m = m
        self._row_bytes = 8 * width

    def fill(self, p: int, i: int, values: Sequence[Any], name: str) -> None:
        """Write `values` to row (p, i), None as NaN; raises UnusableUpload when they are no numbers."""
        if isinstance(values, list):
            try:
                # Some five times as fast as an array of the list, and refuses what is no number, gaps among them.
                _packer(len(values)).pack_into(self._memory, (p * self._m + i) * self._row_bytes, *values)
                return
            except (struct.error, TypeError, OverflowError):
                pass
        try:
            self.table[p, i, : len(values)] = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            raise UnusableUpload(f"{name} holds something that is no number") from None


@lru_cache(maxsize=256)
def _packer(n: int) -> struct.Struct:
    return struct.Struct(f"={n}d")
