"""The rows of the outbox: what a transaction wants sent, and how the sending of a delivery stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from domain.delivery_state import DeliveryState


@dataclass(frozen=True, slots=True)
class TopicMessage:
    """An outbox row bound for a topic."""

    topic: str
    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """An outbox row bound for a dealer's webhook. `grant_id` must be live when the delivery is claimed."""

    delivery_id: str  # the webhook-id: the same at every attempt
    dealer_id: str
    grant_id: str
    kind: str  # e.g. "proposal.sent"
    body: str
    needs_consent: bool = True  # a withdrawal notice needs none: it carries no data but the id
    subject: str = ""  # what it is about, e.g. the proposal: of one subject a newer delivery waits for the older


class DeliveryAttempt(NamedTuple):
    """One try at a delivery, after its end; times are of the wall clock. `error` is empty when it went."""

    started_ms: int
    ended_ms: int
    error: str


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery leased to whoever tries it now; `tries` are those since it was put or replayed, without this one."""

    outbox_id: int
    delivery: Delivery
    tries: int
    attempts: tuple[DeliveryAttempt, ...] = ()


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """How an attempt ended: it went; or it is tried again at `again_ms`; or, without either, it is given up."""

    claimed: ClaimedDelivery
    attempt: DeliveryAttempt
    again_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Reminder:
    """An outbox row bound for an owner or a driver: work is due, or (`is_all_clear`) no longer is.

    `is_notice`: it is about access to the account, or a visit that was asked for (`workflow.notices`), and needs no
    consent; `path`: the page it is about; `waits_for_day`: nobody need be woken for it; `is_of_driver`: it is about a
    car that the reader drives for its owner.
    """

    reminder_id: str
    customer_id: str
    vehicle_id: str
    need_ids: tuple[str, ...]
    subject: str
    text: str
    is_all_clear: bool = False
    is_notice: bool = False
    path: str = ""
    waits_for_day: bool = False
    is_of_driver: bool = False


class BegunLetter(NamedTuple):
    """A letter that was, or is about to be, handed to its outlet; `token` stands in its link."""

    letter_id: str
    token: str


class OpenedLetter(NamedTuple):
    """A letter whose link was followed; `is_first`: never before."""

    letter_id: str
    customer_id: str
    vehicle_id: str
    is_first: bool


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A claimed row; exactly one of the two is set."""

    outbox_id: int
    message: TopicMessage | None = None
    reminder: Reminder | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A delivery as it stands; without `delivery` when it was dropped and its content is gone. Wall clock times."""

    outbox_id: int
    delivery_id: str
    dealer_id: str
    state: DeliveryState
    delivery: Delivery | None
    tries: int
    attempts: tuple[DeliveryAttempt, ...]
    due_ms: int
    over_ms: int | None
    dropped_reason: str
