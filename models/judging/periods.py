"""Periods: the calendar stretches (UTC) by which a figure is followed over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

HALF_YEARS_FROM_MONTHS = 24  # a longer span is told by half-years
QUARTERS_FROM_MONTHS = 6  # a shorter one by months


@dataclass(frozen=True, slots=True)
class Period:
    """From `from_ms` to before `until_ms`."""

    name: str
    from_ms: int
    until_ms: int


def periods_of(time_ms: Ints) -> tuple[Period, ...]:
    """Half-years over two years or more, quarters over half a year or more, else months, that hold all moments (n,).

    >>> [p.name for p in periods_of(np.array([0, 200 * 86_400_000]))]
    ['1970 Q1', '1970 Q2', '1970 Q3']
    """
    if not len(time_ms):
        return ()
    months = time_ms.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    first, last = int(months.min()), int(months.max())
    span = last - first + 1
    length = 6 if span >= HALF_YEARS_FROM_MONTHS else 3 if span >= QUARTERS_FROM_MONTHS else 1
    starts = range(first - first % length, last + 1, length)
    return tuple(Period(_name(month, length), _start_ms(month), _start_ms(month + length)) for month in starts)


def _start_ms(month: int) -> int:
    return int(np.datetime64(month, "M").astype("datetime64[ms]").astype(np.int64))


def _name(month: int, length: int) -> str:
    year, within = 1970 + month // 12, month % 12
    if length == 1:
        return f"{year}-{within + 1:02d}"
    return f"{year} {'H' if length == 6 else 'Q'}{within // length + 1}"
