"""Calls of blocks: how far ahead the call of each item lies, for all cars at once (`domain.call` says the rule)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from domain.call import END_LOG_ODDS, LEAST_CHANCE, LOGISTIC_SD, MOST_CHANCE
from domain.need import NeedRule
from models.vehicle_state import DAY_MS, UNKNOWN

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NEARLY_DAYS = 1.0 / 86_400  # so near to where it lets go, powers of numpy and of Python may give two verdicts


class CallTimes:
    """The calls of some dated items, by the rules in their order; arrays have the shape (k, items)."""

    def __init__(self, rules: Sequence[NeedRule]) -> None:
        self._patience = np.array([rule.cost.patience for rule in rules], dtype=np.float64)
        self._lead_days = np.array([rule.lead_days for rule in rules], dtype=np.float64)
        self._join_days = np.array([rule.join_within_days for rule in rules], dtype=np.float64)
        self._hold_days = np.array([rule.hold_days for rule in rules], dtype=np.float64)

    def days_ahead(self, event_ms: Ints, earliest_ms: Ints, expected_ms: Ints) -> Floats:
        """Days from `event_ms` (shape (k,)) until the call, negative once it has come; infinite without a date."""
        return self._days_ahead(event_ms, expected_ms, _scale(earliest_ms, expected_ms))

    def let_go(self, event_ms: Ints, earliest_ms: Ints, expected_ms: Ints) -> Bools:
        """Whether each certainly speaks against a need, as `NeedRule.lets_go` does; near the limit none does."""
        scale = _scale(earliest_ms, expected_ms)
        limit_days = self._join_days + np.maximum(self._hold_days, LOGISTIC_SD * scale)
        is_far: Bools = self._days_ahead(event_ms, expected_ms, scale) > limit_days + NEARLY_DAYS
        return is_far

    def _days_ahead(self, event_ms: Ints, expected_ms: Ints, scale: Floats) -> Floats:
        chance = np.clip(scale * self._patience, LEAST_CHANCE, MOST_CHANCE)
        days = (expected_ms - event_ms[:, None]) / DAY_MS + scale * np.log(chance / (1.0 - chance)) - self._lead_days
        return np.where(expected_ms == UNKNOWN, np.inf, days)


def _scale(earliest_ms: Ints, expected_ms: Ints) -> Floats:
    """Scale of the lower half of the windows, in days; of no meaning without a date."""
    days: Floats = np.maximum(expected_ms - earliest_ms, 0) / (DAY_MS * END_LOG_ODDS)
    return days
