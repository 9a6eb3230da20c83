"""The calibration ledger's sums, and its entries from the windows and services of a past."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from domain.ledger import LedgerEntry, LedgerSummary
from domain.prediction import DueWindow
from domain.service_record import ServiceOutcome
from models.judging.services import NONE, ItemServices
from models.judging.wear_scores import DAY_MS, Windows

Ints = npt.NDArray[np.int64]


def summarise(entries: Iterable[LedgerEntry]) -> tuple[LedgerSummary, ...]:
    """One summary per item, by name; items without an entry have none.

    >>> window = DueWindow(0, 1, 2, 0.9)
    >>> entry = LedgerEntry("car", "oil", 0, window, 2, ServiceOutcome.FAILED, found_ms=2)
    >>> summarise([entry])[0].coverage
    1.0
    """
    by_item: dict[str, list[LedgerEntry]] = defaultdict(list)
    for entry in entries:
        by_item[entry.item].append(entry)
    return tuple(_summary(item, by_item[item]) for item in sorted(by_item))


def _summary(item: str, entries: list[LedgerEntry]) -> LedgerSummary:
    stated = [entry for entry in entries if entry.is_stated]
    inside = sum(entry.is_inside for entry in stated)
    early = sum(entry.window.earliest_ms is not None and entry.found_ms < entry.window.earliest_ms for entry in stated)
    widths = [
        (entry.window.latest_ms - entry.window.earliest_ms) / DAY_MS
        for entry in stated
        if entry.window.earliest_ms is not None and entry.window.latest_ms is not None
    ]
    return LedgerSummary(
        item=item,
        entries=len(entries),
        unstated=len(entries) - len(stated),
        inside=inside,
        early=early,
        late=len(stated) - inside - early,
        stated_coverage=sum(entry.window.coverage for entry in stated) / len(stated) if stated else None,
        coverage=inside / len(stated) if stated else None,
        mean_width_days=sum(widths) / len(widths) if widths else None,
    )


def ledger_of(
    item: str,
    services: ItemServices,
    vehicle: Ints,
    time_ms: Ints,
    windows: Windows,
    *,
    coverage: float,
    ahead_ms: int,
    vehicle_ids: Sequence[str],
) -> list[LedgerEntry]:
    """One entry a failure: the window as it was stated at the last decision at least `ahead_ms` before it.

    Decisions and windows are of shape (n,), `vehicle` numbers are places in `vehicle_ids`. Only a failure tells the
    day on which it was due; a failure of a life that had no decision so early has no entry.
    """
    failures, renewals = services.only(services.is_failure), services.only(services.renews)
    order = np.lexsort((time_ms, vehicle))
    stated = ItemServices(
        vehicle[order], time_ms[order], np.zeros(len(order), dtype=np.int8), np.zeros(len(order), dtype=np.float64)
    )
    last = stated.before(failures.vehicle, failures.time_ms - ahead_ms)
    # A promise made in an earlier life was about another part.
    begun_ms = renewals.times(renewals.before(failures.vehicle, failures.time_ms - 1))
    entries = []
    for number, at in enumerate(last):
        if at == NONE or stated.time_ms[at] < begun_ms[number]:
            continue
        row = order[at]
        moments = (int(each[row]) for each in (windows.earliest_ms, windows.expected_ms, windows.latest_ms))
        earliest, expected, latest = (None if moment == NONE else moment for moment in moments)
        value = float(failures.value[number])
        entries.append(
            LedgerEntry(
                vehicle_id=vehicle_ids[int(failures.vehicle[number])],
                item=item,
                promised_ms=int(time_ms[row]),
                window=DueWindow(earliest, expected, latest, coverage),
                serviced_ms=int(failures.time_ms[number]),
                outcome=ServiceOutcome.FAILED,
                found_ms=int(failures.time_ms[number]),
                measured=None if np.isnan(value) else value,
            )
        )
    return entries
