"""What each reader may see, gathered in one transaction. Nothing here gives data that the reader may not have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from domain.consent import ConsentGrant, Purpose
from domain.dossier import CarDossier, CarOverview, DealerDesk, DeskEntry, Funnel, ProposalDossier
from domain.errors import NotFound
from domain.event import DomainEvent
from domain.need import MaintenanceNeed
from domain.people import Vehicle
from domain.proposal import BookingProposal, ProposalState
from workflow.calibration_ledger import dealers_ledger, owners_ledger
from workflow.drivers import car_drivers, driven_cars
from workflow.known_dealer import known_dealer
from workflow.ports import Office, UnitOfWork
from workflow.proposal_steps import NEVER_LEFT, has_left
from workflow.seat import Seat, dossier_from, dossier_of, is_shown, seat_in

NEVER_HEARD = (None, False)
TOLD_TO_DRIVERS = ("need-", "proposal-")
BOOKINGS = 200  # so many of the newest tell what a booking saves


async def cars_of(office: Office, customer_id: str) -> list[Vehicle]:
    """The customer's own cars."""
    async with office.unit_of_work() as uow:
        await uow.show_only(customer_id)
        return await uow.vehicles.owned_by(customer_id)


async def overview_of(office: Office, customer_id: str) -> list[CarOverview]:
    """All cars of the customer, and after them those that they drive for others, in a few queries however many."""
    async with office.unit_of_work() as uow:
        driven = [one.vehicle for one in await driven_cars(uow, customer_id)]
        of_others = await _overviews(uow, driven, is_driven=True)
        await uow.show_only(customer_id)
        own = await uow.vehicles.owned_by(customer_id)
        return [*await _overviews(uow, own, names=await uow.drivers.names_by_car(customer_id)), *of_others]


async def _overviews(
    uow: UnitOfWork,
    cars: Sequence[Vehicle],
    *,
    names: Mapping[str, Sequence[str]] | None = None,
    is_driven: bool = False,
) -> list[CarOverview]:
    ids = [car.vehicle_id for car in cars]
    heard = await uow.assessments.heard(ids)
    needs: dict[str, list[MaintenanceNeed]] = {}
    for need in await uow.needs.live_of(ids):
        needs.setdefault(need.vehicle_id, []).append(need)
    under_way: dict[str, list[BookingProposal]] = {}
    for proposal in await uow.proposals.under_way(ids):
        under_way.setdefault(proposal.vehicle_id, []).append(proposal)
    return [
        CarOverview(
            vehicle=car,
            heard_ms=heard.get(car.vehicle_id, NEVER_HEARD)[0],
            is_ready=heard.get(car.vehicle_id, NEVER_HEARD)[1],
            needs=tuple(needs.get(car.vehicle_id, ())),
            under_way=tuple(under_way.get(car.vehicle_id, ())),
            drivers=tuple((names or {}).get(car.vehicle_id, ())),
            is_driven=is_driven,
        )
        for car in cars
    ]


async def car_dossier(office: Office, *, customer_id: str, vehicle_id: str) -> CarDossier:
    """All about a car of the customer's, or what a driver may see of it; NotFound for anybody else's.

    Of what is over only what happened since the car is theirs, or since they drive it: a former owner's past is not
    the car's, and what the owner did before is the owner's.
    """
    async with office.unit_of_work() as uow:
        seat = await seat_in(uow, customer_id, vehicle_id)
        await uow.show_only(seat.owner_id)
        vehicle = await uow.vehicles.get(vehicle_id)
        customer = await uow.people.customer(customer_id)
        if vehicle is None or customer is None:
            raise NotFound("there is no such car")
        since_ms, is_driver = seat.since_ms, seat.driving is not None
        needs = await uow.needs.of_vehicle(vehicle_id, live_only=False)
        proposals = [p for p in await uow.proposals.of_vehicle(vehicle_id) if await is_shown(uow, seat, p)]
        now_ms = office.clock.now_ms()
        grants = [grant for grant in await uow.consents.of_customer(seat.owner_id) if grant.vehicle_id == vehicle_id]
        timeline = await uow.timeline.of_vehicle(vehicle_id)
        return CarDossier(
            now_ms=now_ms,
            customer=customer,
            vehicle=vehicle,
            assessments=tuple(await uow.assessments.of_vehicle(vehicle_id)),
            needs=tuple(need for need in needs if need.state.is_live),
            past_needs=tuple(_past(n, seat) for n in needs if not n.state.is_live and n.opened_ms >= since_ms),
            proposals=tuple([await dossier_from(uow, seat, p, now_ms) for p in proposals]),
            grants=tuple(g for g in grants if _is_read(g, seat, now_ms)),
            service_records=() if is_driver else tuple(await uow.service_records.of_owner(vehicle_id, customer_id)),
            timeline=tuple(event for event in timeline if _is_happening(event, seat)),
            ledger=() if is_driver else await owners_ledger(uow, vehicle_id),
            drivers=() if is_driver else tuple(await car_drivers(uow, vehicle_id)),
            invitations=() if is_driver else tuple(await uow.drivers.invitations(vehicle_id, office.wall.now_ms())),
            driving=seat.driving,
        )


def _is_read(grant: ConsentGrant, seat: Seat, now_ms: int) -> bool:
    """Of an owner's consents a driver reads those that they may book under."""
    if seat.driving is None:
        return True
    return seat.driving.may_book and grant.purpose is Purpose.BOOKING and grant.is_live(now_ms)


def _past(need: MaintenanceNeed, seat: Seat) -> MaintenanceNeed:
    """Why a need has ended may be in the owner's own words, or tell of a service: that is the owner's."""
    return need if seat.driving is None else replace(need, end_reason="")


def _is_happening(event: DomainEvent, seat: Seat) -> bool:
    """What is the owner's, or nobody's since the car is theirs; for a driver what became of needs and proposals since
    they drive it."""
    if seat.driving is not None:
        is_of_owner = event.customer_id in (seat.owner_id, None)
        return is_of_owner and event.time_ms >= seat.since_ms and event.kind.startswith(TOLD_TO_DRIVERS)
    return event.customer_id == seat.owner_id or (event.customer_id is None and event.time_ms >= seat.since_ms)


async def timeline_of(
    office: Office, *, customer_id: str, vehicle_id: str | None, after_seq: int, limit: int
) -> list[tuple[int, DomainEvent]]:
    """What happened to the customer, of one of their cars or of all, from a place on, the oldest first."""
    async with office.unit_of_work() as uow:
        await uow.show_only(customer_id)
        if vehicle_id is not None and await uow.vehicles.owner_of(vehicle_id) != customer_id:
            raise NotFound("there is no such car")
        return await uow.timeline.after(after_seq, customer_id=customer_id, vehicle_id=vehicle_id, limit=limit)


async def proposal_of(office: Office, *, customer_id: str, proposal_id: str) -> ProposalDossier:
    """One of the customer's proposals, or one for a car that they drive."""
    async with office.unit_of_work() as uow:
        owner_id = await uow.drivers.principal(customer_id, proposal_id) or customer_id
        await uow.show_only(owner_id)
        proposal = await uow.proposals.get(proposal_id)
        if proposal is None or proposal.customer_id != owner_id:
            raise NotFound("there is no such proposal")
        if owner_id == customer_id:
            return await dossier_of(uow, proposal)
        seat = await seat_in(uow, customer_id, proposal.vehicle_id)
        if not await is_shown(uow, seat, proposal):
            raise NotFound("there is no such proposal")
        return await dossier_from(uow, seat, proposal, office.clock.now_ms())


async def dealer_desk(office: Office, *, dealer_id: str, states: Iterable[ProposalState] | None = None) -> DealerDesk:
    """The dealer's queue: what waits for an answer first, then by slot. Drafts never left and are not in it."""
    now = office.clock.now_ms()
    wanted = frozenset(states if states is not None else ProposalState) - NEVER_LEFT
    async with office.unit_of_work() as uow:
        await uow.show_only(dealer_id)
        dealer = await known_dealer(uow, dealer_id)
        proposals = await uow.proposals.of_dealer(dealer_id, wanted)
        entries = [await _entry(uow, proposal, now) for proposal in proposals if await has_left(uow, proposal)]
    entries.sort(key=lambda entry: _urgency(entry.proposal))
    return DealerDesk(now, dealer, tuple(entries))


def _urgency(proposal: BookingProposal) -> tuple[int, int]:
    order = (ProposalState.SENT, ProposalState.CHECKED_IN, ProposalState.CONFIRMED, ProposalState.ACCEPTED,
             ProposalState.COUNTERED)  # fmt: skip
    rank = order.index(proposal.state) if proposal.state in order else len(order)
    start = proposal.slot.start_ms if proposal.slot else proposal.updated_ms
    return rank, start if rank < len(order) else -proposal.updated_ms


async def desk_entry(office: Office, *, dealer_id: str, proposal_id: str) -> DeskEntry:
    """One proposal as its dealer may see it; NotFound for another dealer's and for drafts."""
    async with office.unit_of_work() as uow:
        await uow.show_only(dealer_id)
        proposal = await uow.proposals.get(proposal_id)
        if proposal is None or proposal.dealer_id != dealer_id or not await has_left(uow, proposal):
            raise NotFound("there is no such proposal")
        entry = await _entry(uow, proposal, office.clock.now_ms())
        if entry.payload is None:
            return entry
        return replace(entry, ledger=await dealers_ledger(uow, proposal))


async def _entry(uow: UnitOfWork, proposal: BookingProposal, now_ms: int) -> DeskEntry:
    """The payload only while a live grant stands behind it: the page is a path to the dealer like any other."""
    grant = await uow.consents.get(proposal.grant_id)
    is_live = grant is not None and grant.is_live(now_ms)
    if not is_live:
        return DeskEntry(proposal.without_data(), None, ())
    steps = await uow.proposals.steps(proposal.proposal_id)
    # Who in a household or a company took the step is not the dealer's to know.
    steps = [replace(step, actor=step.actor.principal) for step in steps]
    return DeskEntry(proposal, json.loads(proposal.payload), tuple(steps))


async def funnel(office: Office, model_versions: Mapping[str, str], volumes: Mapping[str, int] | None = None) -> Funnel:
    """The chain in numbers, from signal to invoice, with the newest steps; ids only, no personal data.

    `volumes` are what the log counts (uploads, predictions).
    """
    async with office.unit_of_work() as uow:
        counts = await uow.timeline.count()
        counts["vehicles"] = await uow.vehicles.count()
        newest = await uow.timeline.newest_seq()
        recent = [event for _, event in await uow.timeline.after(max(0, newest - 30))]
        booked = await uow.timeline.newest_bookings(BOOKINGS)
    counts |= volumes or {}
    saved = [float(event.data["minutes_saved"]) for event in booked if "minutes_saved" in event.data]
    mean = sum(saved) / len(saved) if saved else None
    return Funnel(office.clock.now_ms(), counts, dict(model_versions), tuple(reversed(recent)), mean)
