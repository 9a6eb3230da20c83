"""Workload: how full a workshop's half-days are, and free slots in the order that evens them out.

Of the slots inside the due window those of the emptiest half-day come first, then the earliest; the others follow in
order of time. Nothing is left out: levelling is advice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

from domain.free_slots import open_spans
from domain.prediction import DueWindow
from domain.site import ResourceKind, Site
from domain.slot import Hold, Slot
from domain.wall_time import local_day, moment_ms

NOON = time(12)
QUIET_BELOW_PERCENT = 50

HalfDay = tuple[date, bool]


@dataclass(frozen=True, slots=True)
class RankedSlot:
    """A free slot; `is_quiet` where it lies inside the due window, in a half-day with less than half its bays taken."""

    slot: Slot
    is_in_window: bool
    is_quiet: bool


class Workload:
    """What share of a site's open bay time is promised, per local half-day; noon parts the day."""

    def __init__(self, site: Site, holds: Iterable[Hold], from_ms: int, until_ms: int) -> None:
        self._site, self._zone = site, site.hours.zone
        self._open_ms: dict[HalfDay, int] = {}
        self._held_ms: dict[HalfDay, int] = {}
        for opens, closes in open_spans(site.hours, from_ms, until_ms):
            self._add(self._open_ms, opens, closes)
        for hold in holds:
            if hold.resource.kind is ResourceKind.BAY:
                self._add(self._held_ms, hold.start_ms, hold.end_ms)

    def half_day(self, ms: int) -> HalfDay:
        """The local date, and whether it is past noon."""
        day = local_day(ms, self._zone)
        return day, ms >= moment_ms(day, NOON, self._zone)

    def percent(self, half_day: HalfDay) -> int:
        """How much of the half-day is promised, in whole per cent rounded down; 0 where nothing is open."""
        open_ms = self._open_ms.get(half_day, 0) * self._site.places
        return 100 * self._held_ms.get(half_day, 0) // open_ms if open_ms else 0

    def _add(self, sums: dict[HalfDay, int], start_ms: int, end_ms: int) -> None:
        day, last = local_day(start_ms, self._zone), local_day(end_ms, self._zone)
        while day <= last:
            noon, next_day = moment_ms(day, NOON, self._zone), day + timedelta(days=1)
            borders = (moment_ms(day, time(), self._zone), noon, moment_ms(next_day, time(), self._zone))
            for is_past_noon in (False, True):
                begins, ends = borders[is_past_noon], borders[is_past_noon + 1]
                part = min(end_ms, ends) - max(start_ms, begins)
                if part > 0:
                    sums[day, is_past_noon] = sums.get((day, is_past_noon), 0) + part
            day = next_day


def rank_slots(slots: Sequence[Slot], load: Workload, window: tuple[int, int] | None) -> list[RankedSlot]:
    """All the slots, the emptiest half-days of the window [from, until) first; by time alone without a window."""
    inside: list[tuple[int, RankedSlot]] = []
    outside: list[RankedSlot] = []
    for slot in sorted(slots):
        if window is None or not window[0] <= slot.start_ms < window[1]:
            outside.append(RankedSlot(slot, False, False))
            continue
        percent = load.percent(load.half_day(slot.start_ms))
        inside.append((percent, RankedSlot(slot, True, percent < QUIET_BELOW_PERCENT)))
    inside.sort(key=lambda ranked: ranked[0])  # stable: the earliest first where the load is the same
    return [ranked for _, ranked in inside] + outside


def common_window(windows: Iterable[DueWindow], now_ms: int) -> tuple[int, int] | None:
    """When a visit for all of these comes neither too early nor too late; None where that cannot be said.

    It ends with the window that ends first. It begins once the last has begun, or where that would be after its end,
    once the first has. Of work that is overdue nothing is said: the sooner the better.
    """
    known = [window for window in windows if window.latest_ms is not None]
    until = min((window.latest_ms for window in known if window.latest_ms is not None), default=now_ms)
    if until <= now_ms:
        return None
    begins = [now_ms if window.earliest_ms is None else max(now_ms, window.earliest_ms) for window in known]
    from_ms = max(begins)
    return (from_ms if from_ms < until else min(begins), until)
