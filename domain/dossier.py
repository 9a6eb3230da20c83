"""What screens and API answers are rendered from: domain values gathered for one reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from domain.consent import ConsentGrant
from domain.event import DomainEvent
from domain.judged_label import JudgedLabel
from domain.need import MaintenanceNeed
from domain.people import Customer, Dealer, DriverInvitation, Driving, Vehicle
from domain.prediction import Prediction
from domain.proposal import BookingProposal, ProposalState, ProposalStep
from domain.service_record import ServiceRecord
from domain.slot import Hold


@dataclass(frozen=True, slots=True)
class ProposalDossier:
    """A proposal with its steps and its dealer; `may_act`: whether its reader may do anything with it."""

    proposal: BookingProposal
    steps: tuple[ProposalStep, ...]
    dealer: Dealer
    may_act: bool = True


@dataclass(frozen=True, slots=True)
class CarDriver:
    """Somebody who drives another's car, by the name that its owner knows them by."""

    driving: Driving
    name: str


@dataclass(frozen=True, slots=True)
class DrivenCar:
    """A car of another's that the reader drives."""

    vehicle: Vehicle
    driving: Driving


@dataclass(frozen=True, slots=True)
class CarOverview:
    """One car among many: what it needs and what of that is arranged; `heard_ms` is None before its first prediction.

    `is_ready`: something can be said of it yet. `drivers`: who drives it for its owner, by name.
    """

    vehicle: Vehicle
    heard_ms: int | None
    is_ready: bool
    needs: tuple[MaintenanceNeed, ...]
    under_way: tuple[BookingProposal, ...]
    drivers: tuple[str, ...] = ()
    is_driven: bool = False


@dataclass(frozen=True, slots=True)
class CarDossier:
    """All that its owner, or a driver, sees of a car; `assessments` is the newest prediction per item, ready or not.

    `driving` is the reader's own where they are a driver: of the owner's consents they see those they may book under,
    and nothing of the rest. `drivers` is for the owner.

    `ledger` is what was promised beside what was measured while the car was theirs, the newest first.
    """

    now_ms: int
    customer: Customer
    vehicle: Vehicle
    assessments: tuple[Prediction, ...]
    needs: tuple[MaintenanceNeed, ...]
    past_needs: tuple[MaintenanceNeed, ...]
    proposals: tuple[ProposalDossier, ...]
    grants: tuple[ConsentGrant, ...]
    service_records: tuple[ServiceRecord, ...]
    timeline: tuple[DomainEvent, ...]
    ledger: tuple[JudgedLabel, ...] = ()
    drivers: tuple[CarDriver, ...] = ()
    invitations: tuple[DriverInvitation, ...] = ()
    driving: Driving | None = None


@dataclass(frozen=True, slots=True)
class DeskEntry:
    """A proposal as its dealer may see it: `payload` is what left, None once no live consent stands behind it.

    `ledger` is what was promised beside what this dealer measured on the car itself; of one entry only, not in a queue.
    """

    proposal: BookingProposal
    payload: Mapping[str, object] | None
    steps: tuple[ProposalStep, ...]
    ledger: tuple[JudgedLabel, ...] = ()


@dataclass(frozen=True, slots=True)
class DealerDesk:
    """A dealer's queue, the most pressing first."""

    now_ms: int
    dealer: Dealer
    entries: tuple[DeskEntry, ...]


@dataclass(frozen=True, slots=True)
class Promise:
    """A hold with the proposal that it stands for."""

    hold: Hold
    proposal_id: str
    state: ProposalState


@dataclass(frozen=True, slots=True)
class SiteDay:
    """What a dealer's site has promised of one local day; `load` is per half-day, in per cent of its open time."""

    dealer: Dealer
    day: date
    spans: tuple[tuple[int, int], ...]
    load: tuple[int, int]
    promises: tuple[Promise, ...]


@dataclass(frozen=True, slots=True)
class Funnel:
    """Counts from signal to invoice, in the chain's order, and the newest steps without any personal data."""

    now_ms: int
    counts: Mapping[str, int]
    model_versions: Mapping[str, str]
    recent: tuple[DomainEvent, ...]
    minutes_saved: float | None = None
    """Against the telephone, the mean of the newest bookings; None before the first."""


@dataclass(frozen=True, slots=True)
class OwnedCar:
    """A car, the domain time since which it is the reader's, and the needs that opened since."""

    vehicle: Vehicle
    from_ms: int
    needs: tuple[MaintenanceNeed, ...]
    drivers: tuple[CarDriver, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonDossier:
    """What is kept about one person, for that person; `drivings`: of cars of others, over or not, and what they did."""

    now_ms: int
    customer: Customer
    cars: tuple[OwnedCar, ...]
    drivings: tuple[Driving, ...]
    steps_for_others: tuple[ProposalStep, ...]
    grants: tuple[ConsentGrant, ...]
    proposals: tuple[ProposalDossier, ...]
    timeline: tuple[DomainEvent, ...]
