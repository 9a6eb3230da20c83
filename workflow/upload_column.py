"""Column: the values of one signal as they came in the binary encoding, without a Python object for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from domain.catalogue import UnitScale

_LARGEST = float(np.finfo(np.float64).max)


def scaled(values: npt.NDArray[Any], scale: UnitScale | None) -> npt.NDArray[Any]:
    """Values in a signal's own unit; finite, as they were."""
    if scale is None:
        return values
    with np.errstate(over="ignore", invalid="ignore"):  # a gap may be any NaN, one that signals, too
        return np.clip(values.astype(np.float64) * scale.factor + scale.offset, -_LARGEST, _LARGEST)


class Column(Sequence[float | None]):
    """Numbers of which NaN is a gap, shape (n,): read one by one a gap is None, and numpy takes them whole.

    `numpy.asarray(column, dtype=numpy.float64)` has NaN for a gap. Nothing in it is infinite. Equal to any sequence
    with the same values and gaps, as the JSON encoding gives them.
    """

    __slots__ = ("_values",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[float | None]:
        return (None if value != value else value for value in self._values.tolist())

    @overload
    def __getitem__(self, index: int) -> float | None: ...
    @overload
    def __getitem__(self, index: slice) -> Column: ...
    def __getitem__(self, index: int | slice) -> float | Column | None:
        if isinstance(index, slice):
            return Column(self._values[index])
        value = float(self._values[index])
        return None if value != value else value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        # A gap may be any NaN, one that signals, too.
        with np.errstate(invalid="ignore"):
            return np.array(self._values, dtype=dtype, copy=copy)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str | bytes):
            return NotImplemented
        return list(self) == list(other)

    def __repr__(self) -> str:
        return f"Column({list(self)!r})"
