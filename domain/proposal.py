"""BookingProposal: one visit for all of a car's needs that fall due together, and its state machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from domain.errors import Conflict
from domain.site import Demand
from domain.slot import Slot


class ProposalState(StrEnum):
    DRAFT = "draft"
    SENT = "sent"
    COUNTERED = "countered"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    CHECKED_IN = "checked-in"
    COMPLETED = "completed"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"
    NO_SHOW = "no-show"

    @property
    def is_open(self) -> bool:
        """Open proposals hold slots and wait for someone."""
        return self in (ProposalState.SENT, ProposalState.COUNTERED, ProposalState.ACCEPTED)

    @property
    def is_over(self) -> bool:
        return not TRANSITIONS_FROM[self]


class Actor(StrEnum):
    OWNER = "owner"
    DRIVER = "driver"
    DEALER = "dealer"
    CLOCK = "clock"
    CONSENT = "consent"

    @property
    def principal(self) -> Actor:
        """For whom the step is taken: a driver acts for the car's owner, all others for themselves."""
        return Actor.OWNER if self is Actor.DRIVER else self


S, A = ProposalState, Actor

NO_DATA = "{}"
"""The payload of a proposal for who may not read what was shared."""
MISSED_AFTER_MS = 30 * 60_000
"""So long after its slot began a car may be said not to have come."""
UNTOLD_VISIT_MS = 7 * 86_400_000
"""So long after its slot a visit of which nobody told anything counts as one that did not take place."""
UNTOLD_END_MS = 30 * 86_400_000
"""So long after its check-in a visit whose end nobody told counts as over, with nothing found."""

# The whole machine: (from, to) → who may move it. Design note 1's table, and nothing beside it; the clock ends visits
# that nobody ends (ADR 78). `python -m tools.draw_booking_machine` draws it into docs/booking-machine.md.
TRANSITIONS: dict[tuple[ProposalState, ProposalState], frozenset[Actor]] = {
    (S.DRAFT, S.SENT): frozenset({A.OWNER}),
    (S.DRAFT, S.WITHDRAWN): frozenset({A.OWNER, A.CONSENT}),
    (S.DRAFT, S.EXPIRED): frozenset({A.CLOCK}),
    (S.SENT, S.ACCEPTED): frozenset({A.DEALER}),
    (S.COUNTERED, S.ACCEPTED): frozenset({A.DEALER}),
    (S.SENT, S.COUNTERED): frozenset({A.DEALER}),
    (S.COUNTERED, S.SENT): frozenset({A.OWNER}),
    (S.ACCEPTED, S.CONFIRMED): frozenset({A.OWNER}),
    (S.COUNTERED, S.CONFIRMED): frozenset({A.OWNER}),
    **{(s, S.DECLINED): frozenset({A.DEALER}) for s in (S.SENT, S.COUNTERED, S.ACCEPTED)},
    **{(s, S.EXPIRED): frozenset({A.CLOCK}) for s in (S.SENT, S.COUNTERED, S.ACCEPTED)},
    **{(s, S.WITHDRAWN): frozenset({A.OWNER, A.CONSENT}) for s in (S.SENT, S.COUNTERED, S.ACCEPTED)},
    (S.CONFIRMED, S.CONFIRMED): frozenset({A.OWNER, A.DEALER}),  # moved to another time
    (S.CONFIRMED, S.CANCELLED): frozenset({A.OWNER, A.DEALER, A.CONSENT}),
    (S.CONFIRMED, S.CHECKED_IN): frozenset({A.DEALER}),
    (S.CONFIRMED, S.NO_SHOW): frozenset({A.DEALER, A.CLOCK}),
    (S.CHECKED_IN, S.COMPLETED): frozenset({A.DEALER, A.CLOCK}),
}

TRANSITIONS_FROM: dict[ProposalState, frozenset[ProposalState]] = {
    state: frozenset(to for (source, to) in TRANSITIONS if source is state) for state in ProposalState
}


@dataclass(frozen=True, slots=True)
class BookingProposal:
    """`slot` is the one the owner asked for or took; `offered` are the dealer's, each held while the offer stands.

    `payload` is the exact JSON text that leaves for the dealer, fixed when the draft is made.
    """

    proposal_id: str
    version: int
    state: ProposalState
    customer_id: str
    vehicle_id: str
    dealer_id: str
    grant_id: str
    need_ids: tuple[str, ...]
    minutes: int
    slot: Slot | None
    offered: tuple[Slot, ...]
    payload: str
    created_ms: int
    updated_ms: int
    expires_ms: int
    note: str = ""
    end_reason: str = ""
    odometer_m: int | None = None
    invoice_minor: int | None = None
    currency: str = ""
    calendar_sequence: int = 0
    skills: tuple[str, ...] = ()
    wants_loaner: bool = False
    # What its steps took people, and would have taken them by telephone (see `domain.effort`).
    minutes_spent: float = 0.0
    minutes_by_phone: float = 0.0

    @property
    def minutes_saved(self) -> float | None:
        """Against the telephone; None while nothing has been agreed on."""
        return round(self.minutes_by_phone - self.minutes_spent, 1) if self.minutes_by_phone else None

    @property
    def demand(self) -> Demand:
        """What the visit takes of the dealer's site, whatever the time."""
        return Demand(self.minutes, self.skills, self.wants_loaner)

    def to(self, state: ProposalState, actor: Actor, now_ms: int, *, reason: str = "") -> BookingProposal:
        """The proposal one version on in `state`; Conflict when the table has no such arrow for this actor."""
        allowed = TRANSITIONS.get((self.state, state))
        if allowed is None:
            raise Conflict(f"a proposal that is {self.state} cannot become {state}")
        if actor.principal not in allowed:
            raise Conflict(f"the {actor} cannot make a {self.state} proposal {state}")
        if self.state.is_open and actor is not Actor.CLOCK and actor is not Actor.CONSENT and now_ms >= self.expires_ms:
            raise Conflict("the proposal has expired")
        return replace(
            self, state=state, version=self.version + 1, updated_ms=now_ms, end_reason=reason or self.end_reason
        )

    def hand_of(self, customer_id: str) -> Actor:
        """Whose hand a step of this customer is: the owner's own, or a driver's for the owner."""
        return Actor.OWNER if customer_id == self.customer_id else Actor.DRIVER

    @property
    def missed_from_ms(self) -> int:
        """From when on its car may be said not to have come."""
        return self.slot.start_ms + MISSED_AFTER_MS if self.slot is not None else 0

    @property
    def ends_untold_ms(self) -> int:
        """When the clock ends it, if nobody says anything any more."""
        if self.state is S.CONFIRMED:
            return (self.slot.end_ms if self.slot is not None else self.updated_ms) + UNTOLD_VISIT_MS
        return self.updated_ms + UNTOLD_END_MS if self.state is S.CHECKED_IN else self.expires_ms

    def ended_by_clock(self, now_ms: int) -> tuple[ProposalState, str] | None:
        """What time alone has made of it, and why; None while somebody's word is still waited for."""
        if self.state.is_over or now_ms < self.ends_untold_ms:
            return None
        if self.state is S.CONFIRMED:
            return S.NO_SHOW, "nobody told what became of the visit"
        if self.state is S.CHECKED_IN:
            return S.COMPLETED, "nobody told how the visit ended"
        return S.EXPIRED, "nobody answered in time"

    @property
    def slots_held(self) -> tuple[Slot, ...]:
        """The slots nobody else may be promised while the proposal stands as it does."""
        if self.state is S.COUNTERED:
            return self.offered
        if self.state in (S.SENT, S.ACCEPTED, S.CONFIRMED, S.CHECKED_IN) and self.slot is not None:
            return (self.slot,)
        return ()

    @property
    def outline(self) -> BookingProposal:
        """When, where, for what and how it stands, without what was shared for it: for who may not read that."""
        return replace(self, payload=NO_DATA, note="", odometer_m=None, invoice_minor=None, currency="")

    def without_data(self) -> BookingProposal:
        """What is left of it for its dealer once no consent stands behind it: that it was, and how it stands."""
        return replace(
            self,
            customer_id="",
            vehicle_id="",
            need_ids=(),
            slot=None,
            offered=(),
            payload=NO_DATA,
            note="",
            end_reason="",
            odometer_m=None,
        )


@dataclass(frozen=True, slots=True)
class ProposalStep:
    """One transition as it happened: who, when, why, by which channel."""

    proposal_id: str
    version: int
    state: ProposalState
    actor: Actor
    actor_id: str
    time_ms: int
    cause: str
    channel: str
