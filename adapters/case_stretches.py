"""Rows of a history sorted by time without holding it: staged as they come, then cut into stretches of time.

Files may be sorted by vehicle, so that each batch touches all of the time there is. One pass stages the rows in a
temporary file and counts them by time; the next deals them to one file per stretch; each of those is sorted by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

_FINEST_MS = 1_000
_BINS = 1 << 18  # three years come to bins of under ten minutes


class TimeCounts:
    """How many rows there are by time, in at most a fixed number of bins, whose width doubles as the span grows."""

    def __init__(self, bins: int = _BINS) -> None:
        self._most = bins
        self._width = _FINEST_MS
        self._first = 0
        self._counts = np.zeros(0, dtype=np.int64)

    def add(self, time_ms: np.ndarray) -> None:
        """Counts more rows, int64 (n,) from 0 on."""
        if not len(time_ms):
            return
        low, high = int(time_ms.min()), int(time_ms.max())
        if len(self._counts):
            low = min(low, self._first * self._width)
            high = max(high, (self._first + len(self._counts)) * self._width - 1)
        while high // self._width - low // self._width >= self._most:
            self._widen()
        first, last = low // self._width, high // self._width
        grown = np.zeros(last - first + 1, dtype=np.int64)
        start = self._first - first if len(self._counts) else 0
        grown[start : start + len(self._counts)] = self._counts
        self._counts = grown + np.bincount(time_ms // self._width - first, minlength=len(grown))
        self._first = first

    def _widen(self) -> None:
        self._width *= 2
        if len(self._counts):
            first = self._first // 2
            places = (self._first + np.arange(len(self._counts))) // 2 - first
            self._counts = np.bincount(places, weights=self._counts).astype(np.int64)
            self._first = first

    def untils(self, rows: int) -> np.ndarray:
        """The last millisecond of each stretch, int64: `rows` in each, or what a single bin has if that is more."""
        sums = np.cumsum(self._counts)
        ends: list[int] = []
        before = 0
        while not ends or ends[-1] < len(sums):
            end = max(int(np.searchsorted(sums, before + rows, side="right")), (ends[-1] if ends else 0) + 1)
            ends.append(min(end, len(sums)))
            before = int(sums[ends[-1] - 1]) if len(sums) else 0
        return (self._first + np.array(ends, dtype=np.int64)) * self._width - 1


class GapCounts:
    """The median of very many gaps: exact while they have few distinct lengths, to 0.1 % beyond."""

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._gaps = np.zeros(0, dtype=np.int64)
        self._counts = np.zeros(0, dtype=np.int64)

    def add(self, gaps: np.ndarray) -> None:
        """Counts more gaps, int64 (n,) from 0 on."""
        both = np.concatenate((self._gaps, gaps))
        weights = np.concatenate((self._counts, np.ones(len(gaps), dtype=np.int64)))
        self._gaps, places = np.unique(both, return_inverse=True)
        self._counts = np.bincount(places, weights=weights, minlength=len(self._gaps)).astype(np.int64)
        if len(self._gaps) > self._most:
            # Ten leading bits are kept, so that the length of a gap is off by a thousandth at most.
            bits = np.floor(np.log2(np.maximum(self._gaps, 1))).astype(np.int64)
            shift = np.maximum(bits - 10, 0)
            coarse = (self._gaps >> shift) << shift
            counts = self._counts
            self._gaps, places = np.unique(coarse, return_inverse=True)
            self._counts = np.bincount(places, weights=counts, minlength=len(self._gaps)).astype(np.int64)

    def median(self) -> int:
        """The (lower) median gap, 0 where there is none."""
        if not len(self._gaps):
            return 0
        sums = np.cumsum(self._counts)
        return int(self._gaps[np.searchsorted(sums, (sums[-1] + 1) // 2)])


class Stretches:
    """Records of one numpy type with a field `key` in milliseconds, dealt to stretches of time.

    `largest` is the most records that were ever held at once, of those that were read back.
    """

    def __init__(self, folder: Path, name: str, dtype: np.dtype, key: str) -> None:
        self._folder, self._name, self._dtype, self._key = folder, name, dtype, key
        self._staged = folder / f"{name}.staged"
        self._staged.touch()
        self.largest = 0

    def stage(self, records: np.ndarray) -> None:
        """Keeps records, in whatever order."""
        with self._staged.open("ab") as file:
            records.tofile(file)

    def deal(self, untils: np.ndarray, chunk: int) -> None:
        """Deals what was staged to the stretches that end with `untils`, `chunk` records at a time.

        What is later than all of them goes to the last.
        """
        for records in self._read(self._staged, chunk):
            places = np.minimum(np.searchsorted(untils, records[self._key]), len(untils) - 1)
            order = np.argsort(places, kind="stable")
            places, records = places[order], records[order]
            bounds = np.flatnonzero(np.diff(places)) + 1
            for start, end in zip([0, *bounds], [*bounds, len(places)], strict=True):
                with self._path(int(places[start])).open("ab") as file:
                    records[start:end].tofile(file)
        self._staged.unlink()

    def sort(self, stretch: int, order: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Sorts the records of a stretch by the places that `order` finds for them, keeps and returns them."""
        unsorted = self.read(stretch)
        records: np.ndarray = unsorted[order(unsorted)]
        if len(records):
            records.tofile(self._path(stretch))
        return records

    def read(self, stretch: int) -> np.ndarray:
        """The records of a stretch."""
        path = self._path(stretch)
        records: np.ndarray = np.zeros(0, dtype=self._dtype)
        if path.exists():
            records = np.fromfile(path, dtype=self._dtype)
        self.largest = max(self.largest, len(records))
        return records

    def _read(self, path: Path, chunk: int) -> Iterator[np.ndarray]:
        with path.open("rb") as file:
            while len(records := np.fromfile(file, dtype=self._dtype, count=chunk)):
                self.largest = max(self.largest, len(records))
                yield records

    def _path(self, stretch: int) -> Path:
        return self._folder / f"{self._name}.{stretch}"
