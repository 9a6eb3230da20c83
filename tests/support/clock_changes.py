"""The days on which clocks change, found from the zones themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

# Days that are gone altogether, and others that no rule foretells.
ODD = {
    "Pacific/Apia": [date(2011, 12, 30)],
    "Pacific/Kwajalein": [date(1993, 8, 21)],
    "America/St_Johns": [date(2006, 10, 29), date(2011, 3, 13)],
    "Asia/Pyongyang": [date(2015, 8, 15), date(2018, 5, 5)],
    "Africa/Monrovia": [date(1972, 1, 7)],
}


@cache
def changes_of_clocks(zone_name: str, first_year: int, last_year: int) -> tuple[date, ...]:
    """The local days of these years within which the zone's offset changes, and those of `ODD`."""
    zone = ZoneInfo(zone_name)
    start = datetime(first_year, 1, 1, tzinfo=UTC)
    moments = [start + timedelta(days=n) for n in range((last_year - first_year + 1) * 366)]
    offsets = [moment.astimezone(zone).utcoffset() for moment in moments]
    found = [
        moments[n - 1].astimezone(zone).date() + timedelta(days=extra)
        for n in range(1, len(moments))
        if offsets[n] != offsets[n - 1]
        for extra in (0, 1)
    ]
    return tuple(dict.fromkeys([*found, *ODD.get(zone_name, [])]))


def all_zones() -> list[str]:
    """Every zone that the machine knows, in order."""
    return sorted(available_timezones())
