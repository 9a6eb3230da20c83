"""CaseMistakes: what is found wrong in the files of a case, all of it counted and enough of it kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from domain.backtest_case import CaseMistake, InvalidCase

KEPT_PER_FILE = 1_000
_TAKE_TURNS = 10  # this many of each file are told before more of any: one bad file must not hide the others

# From places among the rows of a file (int64, from 0) to the numbers a person knows them by.
RowNumbers = Callable[[np.ndarray], np.ndarray]


class CaseMistakes:
    """Mistakes by file, with rows by their place from 0 until the whole file was read and lines can be told."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: dict[str, list[tuple[int | None, str]]] = {}
        self._numbers: dict[str, RowNumbers] = {}

    def add(self, file: str, wrong: str, *, line: int | None = None) -> None:
        """About a file or a column, or about a line whose number is known."""
        self._kept.setdefault(file, [])
        self.count += 1
        if len(self._kept[file]) < KEPT_PER_FILE:
            self._kept[file].append((None if line is None else -line, wrong))

    def add_rows(self, file: str, rows: np.ndarray, wrong: Callable[[int], str]) -> None:
        """About rows by their places in the file; `wrong` says it of the n-th of `rows`."""
        kept = self._kept.setdefault(file, [])
        self.count += len(rows)
        for n in range(min(len(rows), KEPT_PER_FILE - len(kept))):
            kept.append((int(rows[n]), wrong(n)))

    def number_rows(self, file: str, numbers: RowNumbers) -> None:
        """Says how the rows of a file are numbered."""
        self._numbers[file] = numbers

    def raise_if_any(self) -> None:
        """Raises InvalidCase with what was kept and the count of all."""
        if self.count:
            raise InvalidCase(self._told(), self.count)

    def _told(self) -> list[CaseMistake]:
        told = [
            (turn // _TAKE_TURNS, place, mistake)
            for place, file in enumerate(self._kept)
            for turn, mistake in enumerate(self._of_file(file, self._kept[file]))
        ]
        return [mistake for _, _, mistake in sorted(told, key=lambda entry: entry[:2])]

    def _of_file(self, file: str, kept: Sequence[tuple[int | None, str]]) -> list[CaseMistake]:
        """The mistakes of a file: those about all of it, then by row."""
        places = np.array([row for row, _ in kept if row is not None and row >= 0], dtype=np.int64)
        numbers = iter(self._numbers[file](places).tolist() if len(places) else [])
        found = [
            CaseMistake(file, None if row is None else -row if row < 0 else next(numbers), wrong) for row, wrong in kept
        ]
        return sorted(found, key=lambda mistake: mistake.row or 0)
