"""The calibration ledger: what was promised of an item, what the workshop found and when, and whether it held."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import InvalidInput
from domain.prediction import DueWindow
from domain.service_record import ServiceOutcome


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One promise that was kept or not: the window as it was stated at `promised_ms`, and what ended the wait.

    `found_ms` is when the item was found due: the failure, or the day on which a measured item reaches its limit as
    reckoned from the measurement (then `measured` and `unit` say what was measured at `serviced_ms`).
    """

    vehicle_id: str
    item: str
    promised_ms: int
    window: DueWindow
    serviced_ms: int
    outcome: ServiceOutcome
    found_ms: int
    measured: float | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        if self.serviced_ms < self.promised_ms:
            raise InvalidInput(
                f"the service of {self.item} lies before the promise it is held against",
                field="serviced_ms",
                fix="enter the window that was stated before the service",
            )

    @property
    def is_stated(self) -> bool:
        """Whether anything was promised at all."""
        window = self.window
        return not (window.earliest_ms is None and window.expected_ms is None and window.latest_ms is None)

    @property
    def is_inside(self) -> bool:
        """Whether the day it was found due lay in the window; a side that was left open holds everything."""
        earliest, latest = self.window.earliest_ms, self.window.latest_ms
        return (
            self.is_stated
            and (earliest is None or earliest <= self.found_ms)
            and (latest is None or self.found_ms <= latest)
        )


@dataclass(frozen=True, slots=True)
class LedgerSummary:
    """All entries of one item: how often the window held, and how wide it was.

    `unstated` entries had no window and count as neither; `early` were found due before the window, `late` after it.
    `mean_width_days` is over windows with both ends, None when there is none.
    """

    item: str
    entries: int
    unstated: int
    inside: int
    early: int
    late: int
    stated_coverage: float | None
    coverage: float | None
    mean_width_days: float | None
