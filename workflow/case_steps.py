"""The steps of a back-test: a history that comes in spans, dealt out at the moments of the case's grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workflow.case_history import CaseService, CaseSpan

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CaseStep:
    """What became known after the step before and up to `now_ms`."""

    now_ms: int
    vehicle: Ints
    time_ms: Ints
    values: npt.NDArray[Any]
    event_vehicle: Ints
    event_ms: Ints
    event_code: Ints
    services: Sequence[CaseService]

    def only(self, vehicle: int) -> CaseStep:
        """What of it is about one machine."""
        services = [service for service in self.services if service.vehicle == vehicle]
        return self._part(self.vehicle == vehicle, self.event_vehicle == vehicle, services)

    def without(self, vehicles: Sequence[int]) -> CaseStep:
        """What of it is about other machines than these."""
        if not vehicles:
            return self
        services = [service for service in self.services if service.vehicle not in vehicles]
        return self._part(~np.isin(self.vehicle, vehicles), ~np.isin(self.event_vehicle, vehicles), services)

    def cut(self, at_ms: int) -> tuple[CaseStep, CaseStep]:
        """The rows and codes until a moment, and everything else."""
        is_row, is_event = self.time_ms <= at_ms, self.event_ms <= at_ms
        return self._part(is_row, is_event, ()), self._part(~is_row, ~is_event, self.services)

    def _part(self, rows: Bools, events: Bools, services: Sequence[CaseService]) -> CaseStep:
        return CaseStep(
            self.now_ms, self.vehicle[rows], self.time_ms[rows], self.values[rows],
            self.event_vehicle[events], self.event_ms[events], self.event_code[events], services,
        )  # fmt: skip


def case_steps(spans: Iterator[CaseSpan], every_ms: int, to_ms: int, stale_ms: int) -> Iterator[CaseStep]:
    """The steps of the grid, from the first that anything is known at until `to_ms` or until nothing is fresh.

    Over stretches in which nothing comes steps go on as long as machines may still be predicted.
    """
    rest: CaseSpan | None = None
    now_ms: int | None = None
    fresh_until = 0
    for span in spans:
        joined = span if rest is None else _joined(rest, span)
        first = _first_ms(joined)
        if first is None:
            rest = joined
            continue
        now_ms = _on_grid(first, every_ms) if now_ms is None else now_ms
        last = joined.until_ms // every_ms * every_ms
        while now_ms <= min(last, to_ms - 1):
            step, joined = _cut(joined, now_ms)
            if len(step.time_ms):
                fresh_until = max(fresh_until, int(step.time_ms[-1]) + stale_ms)
            yield step
            following = _first_ms(joined)
            now_ms += every_ms
            if now_ms > fresh_until:
                if following is None:
                    now_ms = max(now_ms, last + every_ms)
                    break
                now_ms = max(now_ms, _on_grid(following, every_ms))
        rest = joined
    while (
        rest is not None
        and now_ms is not None
        and now_ms < to_ms
        and (_first_ms(rest) is not None or now_ms <= fresh_until)
    ):
        step, rest = _cut(rest, now_ms)
        if len(step.time_ms):
            fresh_until = max(fresh_until, int(step.time_ms[-1]) + stale_ms)
        yield step
        following = _first_ms(rest)
        now_ms += every_ms
        if now_ms > fresh_until and following is not None:
            now_ms = max(now_ms, _on_grid(following, every_ms))


def _on_grid(time_ms: int, every_ms: int) -> int:
    """The first whole multiple at or after a time."""
    return -(-time_ms // every_ms) * every_ms


def _first_ms(span: CaseSpan) -> int | None:
    firsts = [int(times[0]) for times in (span.time_ms, span.events.time_ms) if len(times)]
    firsts += [service.known_ms for service in span.services[:1]]
    return min(firsts, default=None)


def _cut(span: CaseSpan, now_ms: int) -> tuple[CaseStep, CaseSpan]:
    """What is known by `now_ms`, and the rest."""
    n = int(np.searchsorted(span.time_ms, now_ms, side="right"))
    e = int(np.searchsorted(span.events.time_ms, now_ms, side="right"))
    s = next((place for place, service in enumerate(span.services) if service.known_ms > now_ms), len(span.services))
    events = span.events
    step = CaseStep(
        now_ms, span.vehicle[:n], span.time_ms[:n], span.values[:n],
        events.vehicle[:e], events.time_ms[:e], events.code[:e], span.services[:s],
    )  # fmt: skip
    left = type(events)(events.vehicle[e:], events.time_ms[e:], events.code[e:])
    rest = CaseSpan(span.until_ms, span.vehicle[n:], span.time_ms[n:], span.values[n:], left, span.services[s:])
    return step, rest


def _joined(rest: CaseSpan, span: CaseSpan) -> CaseSpan:
    events = [np.concatenate(pair) for pair in zip(_columns(rest), _columns(span), strict=True)]
    return CaseSpan(
        span.until_ms,
        np.concatenate([rest.vehicle, span.vehicle]),
        np.concatenate([rest.time_ms, span.time_ms]),
        np.concatenate([rest.values, span.values]),
        type(span.events)(*events),
        [*rest.services, *span.services],
    )


def _columns(span: CaseSpan) -> tuple[Ints, Ints, Ints]:
    return span.events.vehicle, span.events.time_ms, span.events.code
