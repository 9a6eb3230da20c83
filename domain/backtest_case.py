"""BacktestCase: what is to be replayed of a past, and which mistakes its files may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import InvalidInput

MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Decide:
    """When it is predicted: on whole multiples of `every_ms` since midnight UTC, judged in [`from_ms`, `to_ms`).

    A machine is predicted until `stale_after_ms` past its newest report; None: the longer of a week and twice its
    usual gap.
    """

    every_ms: int
    from_ms: int
    to_ms: int
    stale_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CaseSettings:
    """The name of a case and when it decides."""

    name: str
    decide: Decide


@dataclass(frozen=True, slots=True)
class CaseMistake:
    """What is wrong in a file; `row` as a person counts: the header of a CSV is line 1, None where it is the file."""

    file: str
    row: int | None
    wrong: str

    def __str__(self) -> str:
        return f"{self.file}: {self.wrong}" if self.row is None else f"{self.file}, row {self.row}: {self.wrong}"


class InvalidCase(InvalidInput):
    """The case has mistakes; `mistakes` holds all of them."""

    def __init__(self, mistakes: Sequence[CaseMistake]) -> None:
        shown = "\n".join(f"  {mistake}" for mistake in mistakes[:MOST_SHOWN])
        rest = len(mistakes) - MOST_SHOWN
        more = f"\n  … and {rest} more" if rest > 0 else ""
        super().__init__(
            f"the case has {len(mistakes)} mistake(s):\n{shown}{more}", field=mistakes[0].file, fix="mend them all"
        )
        self.mistakes = tuple(mistakes)
