"""Wall time: the moment at which the clock of a place shows, or first passes, a time of its day."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def moment_ms(day: date, wall: time, zone: ZoneInfo) -> int:
    """When somebody who watches the clock of `zone` sees `day`, `wall` reached for the first time; ms, UTC.

    A time that occurs twice, as clocks go back, is the first of the two. A time that no clock shows, as clocks go
    forward, is reached when they jump over it: no moment is made up for it.
    """
    local = datetime.combine(day, wall.replace(fold=0), tzinfo=zone)
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    if before is None or after is None or before >= after:
        return round(local.timestamp() * 1000)
    # In a gap, fold=1 reckons with the offset after the jump and so lands before it, fold=0 the other way round.
    first, last = int(local.replace(fold=1).timestamp()), int(local.timestamp())
    jump = bisect_left(
        range(first, last), True, key=lambda s: datetime.fromtimestamp(s, UTC).astimezone(zone).utcoffset() != before
    )
    return (first + jump) * 1000


def local_day(ms: int, zone: ZoneInfo) -> date:
    """The date on the calendar of `zone`."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).date()
