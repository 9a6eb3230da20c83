"""When calendar items are due: dates, and no model pretended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import CalendarSpec, Catalogue
from models.due_moments import set_window
from models.prediction_row import IS_DATED, IS_KNOWN, IS_READY, Rows
from models.vehicle_state import DAY_MS, UNKNOWN


class CalendarItems:
    """Some calendar items of a catalogue, their intervals in days of shape (c, 1)."""

    def __init__(self, catalogue: Catalogue, ids: Sequence[str]) -> None:
        """TypeError when one is no calendar item."""
        self.ids = tuple(ids)
        intervals = [_calendar_of(catalogue, item).interval_days for item in ids]
        self.interval_days = np.array(intervals, dtype=np.float64)[:, None]


def forecast_calendar(rows: Rows, states: npt.NDArray[Any], items: CalendarItems) -> None:
    """Write the forecasts at the cars' newest events into `rows["calendar"]`.

    Due one interval after the last service, or after the car was built while it is younger than one interval. With
    neither known there is no date: not ready, and health one half.
    """
    now_ms, built_ms = states["last_ms"], states["built_ms"]
    since_ms = np.empty((len(items.ids), len(states)), dtype=np.int64)
    for c, item in enumerate(items.ids):
        since_ms[c] = states["items"][item]["set_ms"]
    is_young = (built_ms > 0) & (now_ms - built_ms < items.interval_days * DAY_MS)
    since_ms = np.where((since_ms == UNKNOWN) & is_young, built_ms, since_ms)
    is_known = (since_ms != UNKNOWN) & (now_ms != UNKNOWN)
    interval_ms = np.rint(items.interval_days * DAY_MS).astype(np.int64)
    due_ms = np.where(is_known, since_ms + interval_ms, UNKNOWN)
    set_window(rows, "calendar", due_ms, due_ms, due_ms)
    left = items.interval_days - (now_ms - since_ms) / DAY_MS
    own = rows["calendar"]
    own["health"] = np.where(is_known, np.clip(left / items.interval_days, 0.0, 1.0), 0.5).T
    own["flags"] = (is_known * (IS_READY | IS_KNOWN | IS_DATED)).astype(np.uint8).T
    own["since_ms"] = since_ms.T


def _calendar_of(catalogue: Catalogue, item: str) -> CalendarSpec:
    spec = catalogue.items[item].calendar
    if spec is None:
        raise TypeError(f"{item} is no calendar item")
    return spec
