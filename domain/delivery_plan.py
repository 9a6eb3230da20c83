"""When a webhook is tried, and how many at once: retries over three days, and a circuit per dealer."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
# 18 tries; the last one is 74.6 hours after the first, give or take the jitter.
WAITS_MS = (5_000, 30_000, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, *(6 * HOUR_MS for _ in range(12)))
JITTER = 0.2

MOST_AT_ONCE = 4
OPENS_AFTER = 5
OPEN_MS = 30_000
LONGEST_OPEN_MS = 10 * MINUTE_MS


def wait_ms(delivery_id: str, tries: int) -> int | None:
    """How long to wait after the `tries`-th failure in a row (from 1); None when it is time to give up.

    It is up to a fifth more or less than planned, so that what failed together does not come back together. Chance
    would do; the id gives the same plan again in a run that is repeated.
    """
    if tries > len(WAITS_MS):
        return None
    share = crc32(f"{delivery_id}/{tries}".encode()) / 0xFFFF_FFFF
    return round(WAITS_MS[tries - 1] * (1 + JITTER * (2 * share - 1)))


@dataclass(slots=True)
class Circuit:
    """How much a dealer's server is trusted with, by how the last attempts went; times are of the wall clock.

    A dealer begins with one attempt at a time; each that goes allows one more, up to `MOST_AT_ONCE`. A failure takes
    it back to one, and five in a row to none: for half a minute at first, twice as long with each further failure, up
    to ten minutes. Then one attempt probes, and the first that goes closes the circuit.
    """

    at_once: int = 1
    failures: int = 0
    open_until_ms: int = 0

    def went(self) -> None:
        """An attempt was answered well."""
        if self.failures:
            self.at_once = 1
        self.at_once = min(self.at_once + 1, MOST_AT_ONCE)
        self.failures = self.open_until_ms = 0

    def failed(self, now_ms: int) -> None:
        """An attempt was not."""
        self.at_once = 1
        self.failures += 1
        if self.failures >= OPENS_AFTER:
            longer = min(self.failures - OPENS_AFTER, 10)
            self.open_until_ms = now_ms + min(OPEN_MS * 2**longer, LONGEST_OPEN_MS)

    def room(self, now_ms: int) -> int:
        """How many attempts may be under way."""
        return 0 if now_ms < self.open_until_ms else self.at_once

    @property
    def is_suspect(self) -> bool:
        """Whether the last attempt failed: it may hang again."""
        return self.failures > 0
