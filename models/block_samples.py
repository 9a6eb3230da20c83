"""SampleBlock: the samples of many uploads as a few matrices, gaps and padding as NaN.

A row is as wide as its own number of samples asks for, never as its neighbours': numpy adds a row pairwise, so its sums
depend on the width to the last bit, and must not depend on what else is in the block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.catalogue import SignalSpec
from models.upload_block import SampleTable

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

FINE, COARSE = 16, 128  # widths are multiples of these, below and above COARSE samples
CELLS = 16_384  # of one matrix: what the fold's temporaries of it take stays in the processor's cache
NOTHING_USED = "it has no plausible value of any signal that is used"


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
    """Reads the signals `used` out of tables of uploads into matrices."""

    def __init__(self, used: Sequence[SignalSpec]) -> None:
        self._paths = tuple(spec.path for spec in used)
        self._low = np.array([spec.minimum for spec in used], dtype=np.float64)[:, None, None]
        self._high = np.array([spec.maximum for spec in used], dtype=np.float64)[:, None, None]

    def read(self, tables: Sequence[SampleTable], reasons: list[str]) -> Iterator[SampleBlock]:
        """The uploads in blocks of one width each; of those that can't be used the reason is set in `reasons`."""
        by_width: dict[int, list[SampleTable]] = {}
        for table in tables:
            by_width.setdefault(width_of(table.offsets_ms.shape[1]), []).append(table)
        for width, some in by_width.items():
            for parts in _pieces(some, max(1, CELLS // width)):
                block = self._read(parts, width, reasons)
                if len(block.rows):
                    yield block

    def _read(self, parts: Sequence[_Part], width: int, reasons: list[str]) -> SampleBlock:
        rows = np.concatenate([table.rows[some] for table, some in parts])
        cells, times = self._fill(parts, len(rows), width)
        with np.errstate(invalid="ignore"):
            good = (cells >= self._low) & (cells <= self._high)
        implausible = (~good & ~np.isnan(cells)).sum(axis=(0, 2))
        cells[~good] = np.nan
        has = np.asarray(good.any(axis=2))
        keep = np.asarray(has.any(axis=0))
        for i in np.flatnonzero(~keep).tolist():
            reasons[rows[i]] = NOTHING_USED
        whole = bool(keep.all())
        span_s = np.nanmax(times, axis=1) - times[:, 0]
        return SampleBlock(
            rows=rows[keep],
            times=times if whole else times[keep],
            span_s=span_s[keep],
            columns={path: cells[p] if whole else cells[p, keep] for p, path in enumerate(self._paths)},
            has={path: has[p, keep] for p, path in enumerate(self._paths)},
            implausible=implausible[keep],
        )

    def _fill(self, parts: Sequence[_Part], m: int, width: int) -> tuple[Floats, Floats]:
        """Values, shape (p, m, width), and times in seconds, (m, width); NaN where there is nothing."""
        cells = np.full((len(self._paths), m, width), np.nan)
        times = np.full((m, width), np.nan)
        start = 0
        for table, some in parts:
            n = table.offsets_ms.shape[1]
            own = slice(start, start + len(table.rows[some]))
            times[own, :n] = table.offsets_ms[some]
            for p, path in enumerate(self._paths):
                if path in table.columns:
                    cells[p, own, :n] = table.columns[path][some]
            start = own.stop
        times /= 1000.0
        return cells, times


_Part = tuple[SampleTable, slice]


def _pieces(tables: Sequence[SampleTable], size: int) -> Iterator[list[_Part]]:
    """Rows of these tables, `size` at a time."""
    parts: list[_Part] = []
    room = size
    for table in tables:
        start, rows = 0, len(table.rows)
        while start < rows:
            some = slice(start, min(start + room, rows))
            parts.append((table, some))
            room -= some.stop - start
            start = some.stop
            if not room:
                yield parts
                parts, room = [], size
    if parts:
        yield parts
