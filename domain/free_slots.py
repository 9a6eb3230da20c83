"""Free slots: the starts at which a site has everything free that a visit asks for, for all of its time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import accumulate

from domain.opening_hours import OpeningHours
from domain.site import Demand, Resource, ResourceKind, Site
from domain.slot import MINUTE_MS, Hold, Slot
from domain.wall_time import local_day

STEP_MINUTES = 30


class BusyTimes:
    """What is promised: by resource, as spans in order that do not touch; and how many cars are there at once."""

    def __init__(self, holds: Iterable[Hold]) -> None:
        self._spans: dict[Resource, tuple[list[int], list[int]]] = {}
        changes: Counter[int] = Counter()
        for hold in sorted(holds, key=lambda hold: hold.start_ms):
            if hold.resource.kind is ResourceKind.BAY:
                changes[hold.start_ms] += 1
                changes[hold.end_ms] -= 1
            starts, ends = self._spans.setdefault(hold.resource, ([], []))
            if ends and hold.start_ms <= ends[-1]:
                ends[-1] = max(ends[-1], hold.end_ms)
            else:
                starts.append(hold.start_ms)
                ends.append(hold.end_ms)

        self._moments = sorted(changes)
        self._cars = list(accumulate(changes[moment] for moment in self._moments))

    def most_cars(self, start_ms: int, end_ms: int) -> int:
        """The most bays that are taken at any one moment of [start_ms, end_ms)."""
        first, last = bisect_right(self._moments, start_ms), bisect_left(self._moments, end_ms)
        return max(self._cars[max(0, first - 1) : last], default=0)

    def is_free(self, resource: Resource, start_ms: int, end_ms: int) -> bool:
        """Whether nothing of [start_ms, end_ms) is promised."""
        spans = self._spans.get(resource)
        if spans is None:
            return True
        starts, ends = spans
        last = bisect_left(starts, end_ms) - 1  # the last that begins before the end
        return last < 0 or ends[last] <= start_ms


def open_spans(hours: OpeningHours, from_ms: int, until_ms: int) -> Iterator[tuple[int, int]]:
    """The whole spans [open, close) that have a part of [from_ms, until_ms), in order."""
    zone = hours.zone
    # A day more on either side: where clocks go back over midnight, a date is not over when the next one has begun.
    day, last = local_day(from_ms, zone) - timedelta(days=1), local_day(until_ms, zone) + timedelta(days=1)
    while day <= last:
        for opens, closes in hours.spans(day):
            if opens < until_ms and closes > from_ms:
                yield opens, closes
        day += timedelta(days=1)


def free_slots(
    site: Site, holds: Iterable[Hold], demand: Demand, from_ms: int, until_ms: int, step_minutes: int = STEP_MINUTES
) -> list[Slot]:
    """Slots that start in [from_ms, until_ms), one per start, in order; each lies within one span of opening hours.

    Starts are `step_minutes` apart, counted from the opening of the doors in minutes that pass, whatever the clocks do.
    """
    busy, choices = BusyTimes(holds), site.choices(demand)
    length, step = demand.minutes * MINUTE_MS, step_minutes * MINUTE_MS
    starts = (
        start
        for opens, closes in open_spans(site.hours, from_ms, until_ms)
        for start in range(opens, closes - length + 1, step)
        if from_ms <= start < until_ms
    )
    slots = (
        _slot(choices, busy, start, start + length)
        for start in starts
        # What was promised before the site named its technicians holds a bay alone, but takes hands all the same.
        if busy.most_cars(start, start + length) < len(site.technicians) or not site.technicians
    )
    return [slot for slot in slots if slot is not None]


def _slot(
    choices: Mapping[ResourceKind, Sequence[Resource]], busy: BusyTimes, start_ms: int, end_ms: int
) -> Slot | None:
    taken: dict[ResourceKind, str] = {}
    for kind, resources in choices.items():
        free = next((resource for resource in resources if busy.is_free(resource, start_ms, end_ms)), None)
        if free is None:
            return None
        taken[kind] = free.resource_id
    return Slot(
        start_ms,
        end_ms,
        taken[ResourceKind.BAY],
        taken.get(ResourceKind.TECHNICIAN, ""),
        taken.get(ResourceKind.LOANER, ""),
    )
