"""ReminderPolicy: when a message may go to a person: not at night, and not one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class ReminderPolicy:
    """No message between `quiet_from` and `quiet_to` (hours of the person's own day, equal: no quiet hours).

    After one message the next waits `gap_ms`, whatever it is about; only what is urgent comes before.
    """

    quiet_from: int = 0
    quiet_to: int = 0
    gap_ms: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.quiet_from <= 23 and 0 <= self.quiet_to <= 23) or self.gap_ms < 0:
            raise ValueError("quiet hours are two hours of the day, 0 to 23, and a gap is not negative")

    def may_go_ms(self, now_ms: int, time_zone: str, last_ms: int | None, *, is_urgent: bool) -> int:
        """The earliest moment, `now_ms` or later, at which a message may go.

        `last_ms`: when the person got the last one. A night is kept whatever is urgent: nobody books before morning.

        >>> policy = ReminderPolicy(21, 8, 48 * HOUR_MS)
        >>> evening = 1_767_306_600_000  # 22:30 UTC
        >>> policy.may_go_ms(evening, "UTC", None, is_urgent=True) - evening == 9.5 * HOUR_MS
        True
        """
        earliest = now_ms
        if last_ms is not None and not is_urgent:
            earliest = max(earliest, last_ms + self.gap_ms)
        return self._after_the_night(earliest, ZoneInfo(time_zone))

    def _after_the_night(self, at_ms: int, zone: ZoneInfo) -> int:
        local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
        since = (local.hour - self.quiet_from) % 24
        if since >= (self.quiet_to - self.quiet_from) % 24:
            return at_ms
        # By the clock on the wall: a night in which clocks change is an hour shorter or longer.
        day = local.date() + timedelta(days=1 if local.hour >= self.quiet_to else 0)
        morning = datetime(day.year, day.month, day.day, self.quiet_to, tzinfo=zone)
        return round(morning.timestamp() * 1000)


AT_ONCE = ReminderPolicy()
"""By day and by night, one after the other."""
