"""The ports: what the use cases ask of the world. Adapters make them real; tests may fake them.

All times are int64 milliseconds, UTC. Reads that find nothing give None or an empty list; only use cases raise
NotFound. Every repository call happens inside one UnitOfWork, which is one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from domain.catalogue import Catalogue
from domain.clock import DomainClock, WallClock
from domain.consent import ConsentGrant, Purpose
from domain.delivery_state import DeliveryState
from domain.event import DomainEvent
from domain.judged_label import JudgedLabel
from domain.model_quality import LabelCount
from domain.need import MaintenanceNeed
from domain.people import Customer, Dealer
from domain.prediction import Prediction
from domain.proposal import BookingProposal, ProposalState, ProposalStep
from domain.reminder_policy import AT_ONCE, ReminderPolicy
from domain.service_record import ServiceRecord
from domain.slot import Hold, Slot
from workflow.letter import Letter
from workflow.outbox_rows import (
    AttemptEnd,
    BegunLetter,
    ClaimedDelivery,
    Delivery,
    DeliveryRecord,
    OpenedLetter,
    OutboxRow,
    Reminder,
    TopicMessage,
)
from workflow.party_ports import Drivers, MachineClients, People, SignInGuesses, Vehicles


class Consents(Protocol):
    async def add(self, grant: ConsentGrant) -> None: ...
    async def update(self, grant: ConsentGrant) -> None: ...
    async def get(self, grant_id: str, *, lock: bool = False) -> ConsentGrant | None:
        """With `lock`, nobody else changes the grant before this transaction ends (FOR UPDATE on PostgreSQL)."""

    async def behind(self, proposal_id: str, party_id: str) -> ConsentGrant | None:
        """The grant behind a proposal of this customer or dealer, locked as by `get`; None when it is not theirs."""

    async def steady(self, grant_ids: Collection[str]) -> dict[str, ConsentGrant]:
        """Those of these grants that nobody is changing, by id; none of them changes before this transaction ends.

        It waits for nobody: a grant that somebody else is changing now is left out. Several may hold one grant so.
        """

    async def of_customer(self, customer_id: str) -> list[ConsentGrant]: ...
    async def live(self, vehicle_id: str, purpose: Purpose, now_ms: int) -> list[ConsentGrant]: ...
    async def run_out(self, now_ms: int, limit: int) -> list[ConsentGrant]:
        """Grants whose time is over and of which nobody has noted it yet, the oldest end first."""

    async def standing(self, vehicle_id: str) -> list[ConsentGrant]:
        """All grants of a car whose end nobody has noted."""

    async def versions(self, grant_id: str) -> list[ConsentGrant]:
        """What the grant said, version by version."""

    async def permitting(self, vehicle_ids: Collection[str], purpose: Purpose, now_ms: int) -> set[str]:
        """Those of these cars for which a live grant of the purpose stands."""


class Assessments(Protocol):
    async def upsert(self, predictions: Sequence[Prediction]) -> None:
        """The newest prediction per car and item, by event time (an older one never overwrites a newer)."""

    async def of_vehicle(self, vehicle_id: str) -> list[Prediction]: ...
    async def heard(self, vehicle_ids: Collection[str]) -> dict[str, tuple[int, bool]]:
        """When each of these cars was last heard from (event time), and whether any of its predictions is ready."""

    async def forget_vehicle(self, vehicle_id: str) -> None:
        """Remove the car's newest predictions."""

    async def keep_evidence(self, prediction: Prediction, why: str, kept_ms: int) -> None:
        """Keep a prediction whole (idempotent by its id), so that a later label finds what was known then."""

    async def evidence(self, prediction_id: str) -> Prediction | None: ...


class Needs(Protocol):
    async def add(self, need: MaintenanceNeed) -> None:
        """Conflict when the car has a live need for the item already (a unique partial index stands behind it)."""

    async def update(self, need: MaintenanceNeed) -> None: ...
    async def get(self, need_id: str) -> MaintenanceNeed | None: ...
    async def live(self, vehicle_id: str, item: str) -> MaintenanceNeed | None: ...
    async def live_of(self, vehicle_ids: Collection[str]) -> list[MaintenanceNeed]:
        """All live needs of these cars."""

    async def latest(self, vehicle_id: str, item: str) -> MaintenanceNeed | None:
        """The newest need of the item, live or over."""

    async def of_vehicle(self, vehicle_id: str, *, live_only: bool = True) -> list[MaintenanceNeed]: ...
    async def snoozed_until(self, now_ms: int) -> list[MaintenanceNeed]:
        """Snoozed needs whose time has run out."""


class Proposals(Protocol):
    async def add(self, proposal: BookingProposal) -> None: ...
    async def update(self, proposal: BookingProposal) -> None:
        """Conflict unless the stored version is one less (optimistic lock)."""

    async def get(self, proposal_id: str, *, lock: bool = False) -> BookingProposal | None: ...
    async def of_vehicle(self, vehicle_id: str) -> list[BookingProposal]: ...
    async def under_way(self, vehicle_ids: Collection[str]) -> list[BookingProposal]:
        """Those of these cars that are not over, drafts too."""

    async def of_dealer(
        self, dealer_id: str, states: Iterable[ProposalState] | None = None
    ) -> list[BookingProposal]: ...
    async def under_grant(self, grant_id: str) -> list[BookingProposal]: ...
    async def expired(self, now_ms: int) -> list[BookingProposal]:
        """Those that are not over and whose expires_ms has passed; what that means `ended_by_clock` says."""

    async def replace_payload(self, proposal: BookingProposal) -> None:
        """Store what the proposal's `payload` says now; Conflict unless all else is as stored (its version)."""

    async def add_step(self, step: ProposalStep) -> None: ...
    async def steps(self, proposal_id: str) -> list[ProposalStep]: ...


class Holds(Protocol):
    """What is promised of the dealers' sites: bays, technicians, loaner cars."""

    async def take_turn(self, dealer_id: str) -> None:
        """Wait until nobody else is choosing among the dealer's slots; the turn lasts as long as the transaction.

        Who looks for what is free within their turn finds it free still when they hold it.
        """

    async def hold(self, dealer_id: str, proposal_id: str, slots: Sequence[Slot]) -> None:
        """Hold exactly these slots for the proposal, releasing what it held before; SlotTaken on any overlap.

        Behind it stand `EXCLUDE USING gist` on PostgreSQL and one writer with a check on SQLite.
        """

    async def release(self, proposal_id: str) -> None: ...
    async def busy(self, dealer_id: str, from_ms: int, until_ms: int, *, but_of: str | None = None) -> list[Hold]:
        """What is held in the time, by start; without what the proposal `but_of` holds itself."""

    async def overlaps(self) -> int:
        """How many pairs of holds of one resource overlap: 0, or something is broken."""


class ServiceRecords(Protocol):
    async def add(self, record: ServiceRecord, proposal_id: str | None) -> bool:
        """False when the record id is known already."""

    async def of_vehicle(self, vehicle_id: str) -> list[ServiceRecord]: ...
    async def of_owner(self, vehicle_id: str, customer_id: str) -> list[ServiceRecord]:
        """Those of a car that came to be known while it was this customer's, or of their visits."""


class JudgedLabels(Protocol):
    """The calibration ledger: labels with what had been promised. It holds pseudonymous vehicle ids, no person."""

    async def add(self, label: JudgedLabel) -> bool:
        """False, and nothing changed, when a label with this id is there already."""

    async def newest(self, item: str, limit: int) -> list[JudgedLabel]:
        """The item's labels known last, the newest first."""

    async def counts(self, recent_from_ms: int) -> dict[str, LabelCount]:
        """By item, for those that have labels; recent are those known after `recent_from_ms`."""

    async def of_vehicle(
        self, vehicle_id: str, *, from_ms: int = 0, dealer_id: str | None = None, limit: int = 100
    ) -> list[JudgedLabel]:
        """A car's labels known from `from_ms` on, the newest first; with a dealer those of its own visits only."""

    async def forget_vehicle(self, vehicle_id: str) -> int:
        """Remove all labels of a car; how many those were."""

    async def forget_before(self, item: str, known_ms: int) -> int:
        """Remove an item's labels known before a moment; how many those were."""


class Outbox(Protocol):
    async def put(self, row: TopicMessage | Delivery | Reminder, now_ms: int) -> None: ...
    async def claim(self, kind: str, limit: int, now_ms: int, lease_ms: int) -> list[OutboxRow]:
        """Lease due rows of a kind (`topic`, `reminder`) in their order; SKIP LOCKED on PostgreSQL.

        Of topic rows the same key never overtakes: a claim that finds an older unsent row of the key leased skips it.
        """

    async def done(self, outbox_ids: Sequence[int], now_ms: int) -> None: ...
    async def retry(self, outbox_id: int, at_ms: int, error: str) -> None: ...
    async def drop(self, outbox_id: int, why: str, now_ms: int) -> None:
        """End a row that must not be sent (consent withdrawn), keeping why; its content goes."""

    async def waiting(self, now_ms: int) -> int:
        """Rows of every kind, deliveries too, that are due and not yet done, dropped or given up."""

    async def forget(self, *, over_before_ms: int, dead_before_ms: int, limit: int) -> int:
        """Delete rows that were done or dropped, or given up, before a moment; how many those were."""


class Deliveries(Protocol):
    """The rows of the outbox that go to dealers' webhooks. Times are of the wall clock."""

    async def claim(
        self, limit: int, now_ms: int, lease_ms: int, *, per_dealer: int, without: Collection[str] = ()
    ) -> list[ClaimedDelivery]:
        """Lease due ones, the oldest first, at most `per_dealer` of each dealer and none of the dealers `without`.

        Of one subject the oldest that waits is the only one handed out. SKIP LOCKED on PostgreSQL.
        """

    async def release(self, outbox_ids: Collection[int]) -> None:
        """Give claimed ones back untried: they are due as before."""

    async def end(self, ends: Sequence[AttemptEnd]) -> None:
        """Record ends of attempts. One that is over already stays as it is."""

    async def find(self, delivery_id: str) -> DeliveryRecord | None: ...
    async def page(
        self, *, dealer_id: str | None, state: DeliveryState | None, before: int | None, limit: int
    ) -> list[DeliveryRecord]:
        """The newest first, of one dealer or of all, from below the `outbox_id` `before` on."""

    async def replay(self, outbox_ids: Collection[int], now_ms: int) -> None:
        """Make them due now, as if put now and never tried; their attempts stay written down, dropped ones dropped."""

    async def give_up_before(self, created_ms: int, now_ms: int) -> None:
        """Give up what was put before a moment and still waits, tried or not."""

    async def drop_under(self, grant_id: str, why: str, now_ms: int) -> None:
        """End what waits or was given up under a grant that ended, and needs it; its content goes.

        What is leased is left to who tries it now.
        """

    async def rewrite_under(self, grant_id: str, rewritten: Callable[[Delivery], Delivery]) -> None:
        """Change the content of all that carries data under a grant, sent or not: a replay sends no more than that."""


class SentLetters(Protocol):
    """Which letters went to whom and when, and which were opened. Times are of the domain clock."""

    async def begin(self, letter: BegunLetter, reminder_ids: Sequence[str], customer_id: str, vehicle_id: str) -> None:
        """Write down which reminders are about to go in a letter: tried again, they go in the same."""

    async def begun(self, reminder_ids: Sequence[str]) -> dict[str, BegunLetter]:
        """The letters that these reminders were put into before, by reminder; those of a first try are left out."""

    async def sent(self, letter_id: str, at_ms: int) -> None: ...
    async def last_sent_ms(self, customer_id: str) -> int | None:
        """When the customer got the last one."""

    async def opened(self, token: str, at_ms: int) -> OpenedLetter | None:
        """Note that the letter's link was followed; None when there is no such letter."""


class Timeline(Protocol):
    async def newest_bookings(self, limit: int) -> list[DomainEvent]:
        """The newest confirmations, the newest first."""

    async def append(self, event: DomainEvent) -> None:
        """Idempotent by event id."""

    async def of_vehicle(self, vehicle_id: str, limit: int = 100) -> list[DomainEvent]: ...
    async def after(
        self,
        seq: int,
        *,
        dealer_id: str | None = None,
        customer_id: str | None = None,
        vehicle_id: str | None = None,
        limit: int = 200,
    ) -> list[tuple[int, DomainEvent]]:
        """Events with a sequence number above `seq`, oldest first, of one party, one car or (none given) of all."""

    async def newest_seq(self) -> int: ...
    async def count(self) -> dict[str, int]:
        """Events per kind."""


@dataclass(frozen=True, slots=True)
class KeptReply:
    """What a call was answered; without a body where the answer held a secret."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class KeptCall:
    """A call under a key; `reply` is None while it is being made."""

    fingerprint: str
    reply: KeptReply | None = None


class Idempotency(Protocol):
    """Calls by caller (an account or a machine client) and key. Times are of the wall clock."""

    async def claim(self, caller_id: str, key: str, fingerprint: str, *, now_ms: int, until_ms: int) -> KeptCall | None:
        """None when the key is the caller's to act under until `until_ms`; else the call that has it.

        A claim that lapsed without a reply is taken over by the same call, never by another one.
        """

    async def keep(self, caller_id: str, key: str, reply: KeptReply, *, until_ms: int) -> bool:
        """Keep the reply of the claim that ran until `until_ms`; False when the claim was lost meanwhile."""

    async def release(self, caller_id: str, key: str, *, until_ms: int) -> None:
        """Give the claim back, as the call did nothing."""

    async def forget_before(self, created_ms: int) -> None: ...


class UnitOfWork(Protocol):
    """One transaction: commits when the block ends well, rolls back when it raises."""

    vehicles: Vehicles
    drivers: Drivers
    people: People
    machine_clients: MachineClients
    guesses: SignInGuesses
    consents: Consents
    assessments: Assessments
    needs: Needs
    proposals: Proposals
    holds: Holds
    service_records: ServiceRecords
    judged_labels: JudgedLabels
    outbox: Outbox
    deliveries: Deliveries
    letters: SentLetters
    timeline: Timeline
    idempotency: Idempotency

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    async def show_only(self, party_id: str) -> None:
        """From here on only what this customer or dealer may see is there, whatever is asked (PostgreSQL).

        For readers: it stands behind the party in each query. What decides over other parties' rows must not say it.
        """


class Passwords(Protocol):
    async def hash(self, password: str) -> str: ...
    async def verify(self, password_hash: str, password: str) -> bool: ...


class Ids(Protocol):
    """Random ids and secrets; seeded in headless runs."""

    def new(self, kind: str) -> str: ...
    def secret(self, nbytes: int = 24) -> str: ...


class LoggedUpload(NamedTuple):
    """An upload for the log: the key and value of its record, and the headers."""

    vehicle_id: str
    value: bytes
    headers: Mapping[str, bytes]


class UploadLog(Protocol):
    async def append(
        self, vehicle_id: str, value: bytes, headers: Mapping[str, bytes], received_ms: int
    ) -> tuple[int, int]:
        """(partition, offset) once the log has it durably; Unavailable otherwise."""

    async def append_many(self, uploads: Sequence[LoggedUpload]) -> list[tuple[int, int]]:
        """(partition, offset) of each once the log has them all durably; Unavailable otherwise, with some there."""


class TopicWriter(Protocol):
    async def write(self, messages: Sequence[TopicMessage]) -> None:
        """All acknowledged on return; Unavailable otherwise."""


class WebhookSender(Protocol):
    async def send(self, dealer: Dealer, delivery: Delivery, now_ms: int) -> None:
        """Deliver once; Unavailable when it should be tried again."""


class ReminderSender(Protocol):
    async def send(self, customer: Customer, letter: Letter, now_ms: int) -> None:
        """Unavailable when it may go later, Undeliverable when it never will."""


@dataclass(frozen=True)
class Office:
    """What every use case is handed: one door to the records, the clocks, ids and the catalogue."""

    unit_of_work: Callable[[], UnitOfWork]
    clock: DomainClock
    wall: WallClock
    ids: Ids
    catalogue: Catalogue
    passwords: Passwords
    reminder_policy: ReminderPolicy = AT_ONCE
    controller: str = "the operator of this Pitcall"
    """Who answers for what is done with personal data; it stands in every consent receipt."""
