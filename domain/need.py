"""MaintenanceNeed: an item of a car is predicted to need work; opens, moves and closes with hysteresis."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from domain.call import (
    DAY_MS,
    ORDINARY_COST,
    Call,
    ItemCost,
    best_day_ms,
    dated_call,
    expected_cost,
    risk_call,
    spread_days,
)
from domain.errors import Conflict
from domain.prediction import Contribution, DueWindow, ItemKind, Prediction, UploadRange


class NeedState(StrEnum):
    OPEN = "open"
    REMINDED = "reminded"
    SNOOZED = "snoozed"
    BOOKED = "booked"
    RESOLVED = "resolved"
    CLOSED = "closed"
    DISMISSED = "dismissed"

    @property
    def is_live(self) -> bool:
        """Live needs stand; at most one per car and item does."""
        return self in LIVE


LIVE = frozenset({NeedState.OPEN, NeedState.REMINDED, NeedState.SNOOZED, NeedState.BOOKED})

TRANSITIONS: dict[NeedState, frozenset[NeedState]] = {
    NeedState.OPEN: frozenset(
        {
            NeedState.REMINDED,
            NeedState.SNOOZED,
            NeedState.BOOKED,
            NeedState.RESOLVED,
            NeedState.CLOSED,
            NeedState.DISMISSED,
        }
    ),
    NeedState.REMINDED: frozenset(
        {NeedState.SNOOZED, NeedState.BOOKED, NeedState.RESOLVED, NeedState.CLOSED, NeedState.DISMISSED}
    ),
    # A snooze that runs out lets the need be reminded again.
    NeedState.SNOOZED: frozenset(
        {NeedState.REMINDED, NeedState.BOOKED, NeedState.RESOLVED, NeedState.CLOSED, NeedState.DISMISSED}
    ),
    NeedState.BOOKED: frozenset({NeedState.OPEN, NeedState.RESOLVED, NeedState.CLOSED, NeedState.DISMISSED}),
    NeedState.RESOLVED: frozenset(),
    NeedState.CLOSED: frozenset(),
    NeedState.DISMISSED: frozenset(),
}


class Severity(StrEnum):
    ADVISORY = "advisory"
    SOON = "soon"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True)
class NeedRule:
    """When an item speaks and when it falls silent, by what it costs (`domain.call`); the numbers are the catalogue's.

    A need opens when its call has come: the cheapest day for the work, less the `lead_days` a dealer needs; of a hazard
    when the probability of failing within `horizon_days` reaches `action_probability`, which follows from the cost. It
    joins another need of the car that opens or stands when its own best day is within `join_within_days` of that
    visit and coming then costs less than a second visit would (a hazard: from `join_probability` on).

    It closes only after `closes_after` predictions in a row, over at least `closes_after_days`, whose call lies further
    ahead than anything that may have opened it by as much as `hold_days` or the standard deviation of its window,
    whichever is more (of a hazard: a probability below `close_probability`). That gap is the hysteresis.
    """

    cost: ItemCost = ORDINARY_COST
    lead_days: float = 28.0
    join_within_days: float = 14.0
    hold_days: float = 17.0
    horizon_days: int = 30
    action_probability: float = 1.0
    join_probability: float = 1.0
    close_probability: float = 1.0
    closes_after: int = 3
    closes_after_days: float = 0.0
    urgent_within_days: float = 7.0
    soon_within_days: float = 21.0

    def call(self, prediction: Prediction) -> Call:
        """When to call for it by this prediction, and what that costs."""
        if prediction.kind is ItemKind.HAZARD:
            is_due = self._risk(prediction) >= self.action_probability
            return risk_call(prediction.probability, self.cost, self.lead_days, prediction.event_ms, is_due=is_due)
        return dated_call(prediction.window, self.cost, self.lead_days, prediction.event_ms)

    def calls(self, prediction: Prediction) -> bool:
        """Whether this prediction is reason enough to open a need."""
        call_by_ms = self.call(prediction).call_by_ms
        return prediction.is_ready and call_by_ms is not None and call_by_ms <= prediction.event_ms

    def joins(self, prediction: Prediction, visits_ms: Iterable[int]) -> bool:
        """Whether it is better seen to at one of the visits that the car is called for anyway."""
        call, now_ms, span_ms = self.call(prediction), prediction.event_ms, self.join_within_days * DAY_MS
        soonest_ms = now_ms + round(self.lead_days * DAY_MS)
        is_hazard = prediction.kind is ItemKind.HAZARD
        own_ms = soonest_ms if is_hazard else call.best_day_ms
        if not prediction.is_ready or own_ms is None:
            return False
        # A visit that nobody has booked yet is no nearer than a dealer can have it.
        near = [day for day in (max(ms, soonest_ms) for ms in visits_ms) if abs(day - own_ms) <= span_ms]
        if is_hazard:
            return bool(near) and self._risk(prediction) >= self.join_probability
        if call.call_by_ms is None or call.call_by_ms - now_ms > span_ms:
            return False
        alone = expected_cost(prediction.window, self.cost, own_ms, now_ms)
        together = [expected_cost(prediction.window, self.cost, day, now_ms) - self.cost.visit for day in near]
        return min(together, default=math.inf) <= alone

    def lets_go(self, prediction: Prediction) -> bool:
        """Whether this prediction speaks against an open need."""
        if not prediction.is_ready:
            return False
        if prediction.kind is ItemKind.HAZARD:
            return self._risk(prediction) < self.close_probability
        best_ms = best_day_ms(prediction.window, self.cost)
        if best_ms is None:
            return True
        ahead_days = (best_ms - prediction.event_ms) / DAY_MS - self.lead_days
        return ahead_days > self.join_within_days + max(self.hold_days, spread_days(prediction.window))

    def _risk(self, prediction: Prediction) -> float:
        return prediction.probability.get(self.horizon_days, 0.0)

    def severity(self, prediction: Prediction) -> Severity:
        """How pressing it is, from the days left (wear, calendar) or the probability (hazard)."""
        if prediction.kind is ItemKind.HAZARD:
            share = self._risk(prediction)
            doubled = min(0.9, 2 * self.action_probability)
            return Severity.URGENT if share >= doubled else Severity.SOON
        days = _days_left(prediction)
        if days <= self.urgent_within_days:
            return Severity.URGENT
        return Severity.SOON if days <= self.soon_within_days else Severity.ADVISORY


def _days_left(prediction: Prediction) -> float:
    expected = prediction.window.expected_ms
    return float("inf") if expected is None else (expected - prediction.event_ms) / DAY_MS


@dataclass(frozen=True, slots=True)
class MaintenanceNeed:
    """A need with the evidence it rests on: the newest prediction that supported it, and that prediction's features."""

    need_id: str
    vehicle_id: str
    item: str
    state: NeedState
    severity: Severity
    window: DueWindow
    probability: dict[int, float]
    reason: str
    contributions: tuple[Contribution, ...]
    features: dict[str, float]
    uploads: tuple[UploadRange, ...]
    model_version: str
    prediction_id: str
    opened_ms: int
    updated_ms: int
    event_ms: int
    contrary: int = 0  # predictions in a row that spoke against it
    contrary_since_ms: int | None = None  # event time of the first of them
    was_reminded: bool = False
    snoozed_until_ms: int | None = None
    end_reason: str = ""
    reasons: dict[str, str] = field(default_factory=dict)  # the reason in other languages than English
    call: Call | None = None  # why it opened or moved when it did; None on needs of before there was such a rule

    def reason_in(self, language: str) -> str:
        """The reason in `language`, in English where it has none."""
        return self.reasons.get(language, self.reason)

    def to(self, state: NeedState, now_ms: int, *, reason: str = "", until_ms: int | None = None) -> MaintenanceNeed:
        """The need after a transition; Conflict when design's table has no such arrow."""
        if state not in TRANSITIONS[self.state]:
            raise Conflict(f"a need that is {self.state} cannot become {state}")
        return replace(
            self,
            state=state,
            updated_ms=now_ms,
            end_reason=reason or self.end_reason,
            snoozed_until_ms=until_ms if state is NeedState.SNOOZED else None,
            was_reminded=self.was_reminded or state is NeedState.REMINDED,
        )


MATERIAL_DAYS = 3.0  # a window that moved by less is not told anew


def open_need(need_id: str, prediction: Prediction, rule: NeedRule, now_ms: int) -> MaintenanceNeed:
    """A fresh need from the prediction that called for it."""
    return MaintenanceNeed(
        need_id=need_id,
        vehicle_id=prediction.vehicle_id,
        item=prediction.item,
        state=NeedState.OPEN,
        opened_ms=now_ms,
        **_as_told_by(prediction, rule, now_ms),
    )


def _as_told_by(prediction: Prediction, rule: NeedRule, now_ms: int) -> dict[str, Any]:
    """What a need says, and the evidence it says it on."""
    return {
        "severity": rule.severity(prediction),
        "window": prediction.window,
        "probability": dict(prediction.probability),
        "reason": prediction.reason,
        "reasons": dict(prediction.reasons),
        "contributions": prediction.contributions,
        "features": dict(prediction.features),
        "uploads": prediction.uploads,
        "model_version": prediction.model_version,
        "prediction_id": prediction.id,
        "event_ms": prediction.event_ms,
        "updated_ms": now_ms,
        "call": rule.call(prediction),
    }


def weigh(need: MaintenanceNeed, prediction: Prediction, rule: NeedRule, now_ms: int) -> MaintenanceNeed:
    """What a newer prediction makes of a live need: unchanged, moved, one step nearer to closing, or closed.

    A need that is booked never closes by itself: a person has arranged something, and the workshop will look.
    """
    if prediction.event_ms <= need.event_ms or not prediction.is_ready:
        return need
    if rule.lets_go(prediction):
        return _doubt(need, prediction, rule, now_ms)
    if rule.severity(prediction) is need.severity and not has_moved(need.window, prediction.window):
        # Told nothing new, but weighed: else a replay after a late, older prediction would weigh this one twice.
        return replace(need, contrary=0, contrary_since_ms=None, event_ms=prediction.event_ms)
    return replace(need, contrary=0, contrary_since_ms=None, **_as_told_by(prediction, rule, now_ms))


def _doubt(need: MaintenanceNeed, prediction: Prediction, rule: NeedRule, now_ms: int) -> MaintenanceNeed:
    """The need after a prediction that speaks against it: a day's odd driving does not close it."""
    since = prediction.event_ms if need.contrary_since_ms is None else need.contrary_since_ms
    doubted = replace(need, contrary=need.contrary + 1, contrary_since_ms=since, event_ms=prediction.event_ms)
    is_long_enough = prediction.event_ms - since >= rule.closes_after_days * DAY_MS
    if doubted.contrary < rule.closes_after or not is_long_enough or need.state is NeedState.BOOKED:
        return doubted
    return doubted.to(NeedState.CLOSED, now_ms, reason="the evidence has gone")


def has_moved(before: DueWindow, after: DueWindow) -> bool:
    """Whether the expected date moved materially, or came into or went out of sight."""
    if before.expected_ms is None or after.expected_ms is None:
        return before.expected_ms is not after.expected_ms
    return abs(after.expected_ms - before.expected_ms) >= MATERIAL_DAYS * DAY_MS


def is_new_evidence(dismissed: MaintenanceNeed, prediction: Prediction) -> bool:
    """Whether a prediction says clearly more than the one whose need the owner dismissed.

    That is: due at least two weeks earlier than was said then, or half as much again in probability.
    """
    then, now = dismissed.window.expected_ms, prediction.window.expected_ms
    if now is not None and (then is None or now <= then - 14 * DAY_MS):
        return True
    return any(p >= 1.5 * dismissed.probability.get(h, 1.0) for h, p in prediction.probability.items())
