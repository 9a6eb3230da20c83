"""Non-finite numbers never reach a model: one NaN would stay in its sums for ever."""

from __future__ import annotations

import math

from domain.errors import InvalidInput


def require_finite(name: str, value: float) -> float:
    """`value` as a float; InvalidInput when it is NaN, infinite or no number."""
    if isinstance(value, bool | int | float) and math.isfinite(value):
        return float(value)
    raise InvalidInput(f"{name} is {value!r}, not a finite number", field=name, fix="send a finite number or none")
