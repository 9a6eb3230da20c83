"""Consent: granting, and withdrawing with all that follows from it, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from domain.consent import ConsentGrant, DataItem, Purpose
from domain.errors import NotFound
from domain.proposal import Actor, ProposalState
from workflow.history import tell
from workflow.known_dealer import known_dealer
from workflow.ports import Office, UnitOfWork
from workflow.proposal_steps import end_proposal

BOOKING_GRANT_MS = 90 * 86_400_000


async def grant_consent(
    office: Office,
    *,
    customer_id: str,
    vehicle_id: str,
    purpose: Purpose,
    dealer_id: str | None = None,
    data_items: Sequence[DataItem] = (),
    expires_ms: int | None = None,
) -> ConsentGrant:
    """A new grant of the car's owner; a booking grant runs 90 days unless said otherwise."""
    async with office.unit_of_work() as uow:
        if await uow.vehicles.owner_of(vehicle_id) != customer_id:
            raise NotFound("there is no such car")
        if dealer_id is not None:
            await known_dealer(uow, dealer_id)
        return await add_grant(
            uow,
            office,
            customer_id=customer_id,
            vehicle_id=vehicle_id,
            purpose=purpose,
            dealer_id=dealer_id,
            data_items=data_items,
            expires_ms=expires_ms,
        )


async def add_grant(
    uow: UnitOfWork,
    office: Office,
    *,
    customer_id: str,
    vehicle_id: str,
    purpose: Purpose,
    dealer_id: str | None = None,
    data_items: Sequence[DataItem] = (),
    expires_ms: int | None = None,
) -> ConsentGrant:
    """The grant within a transaction that runs already."""
    now = office.clock.now_ms()
    if purpose is Purpose.BOOKING and expires_ms is None:
        expires_ms = now + BOOKING_GRANT_MS
    if purpose is not Purpose.BOOKING and (standing := await uow.consents.live(vehicle_id, purpose, now)):
        return standing[0]  # one tap withdraws it, so one grant is all there may be
    grant = ConsentGrant(
        grant_id=office.ids.new("grant"),
        version=1,
        customer_id=customer_id,
        vehicle_id=vehicle_id,
        purpose=purpose,
        dealer_id=dealer_id,
        data_items=tuple(sorted(set(data_items))),
        granted_ms=now,
        expires_ms=expires_ms,
    )
    await uow.consents.add(grant)
    await _tell_consent(uow, grant, "consent-granted", now)
    return grant


async def withdraw_consent(office: Office, *, customer_id: str, grant_id: str) -> ConsentGrant:
    """Withdraw at once: from the commit on nothing starts to leave, and open proposals under the grant end."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        grant = await uow.consents.get(grant_id, lock=True)
        if grant is None or grant.customer_id != customer_id:
            raise NotFound("there is no such consent")
        withdrawn = grant.withdraw(now)
        await uow.consents.update(withdrawn)
        await _tell_consent(uow, withdrawn, "consent-withdrawn", now)
        if grant.purpose is Purpose.BOOKING:
            await uow.deliveries.drop_under(grant_id, "the consent was withdrawn", office.wall.now_ms())
            for listed in await uow.proposals.under_grant(grant_id):
                # Locked one by one: whoever changes it at this moment is waited for, and must not stop a withdrawal.
                proposal = await uow.proposals.get(listed.proposal_id, lock=True) or listed
                if proposal.state.is_open or proposal.state is ProposalState.DRAFT:
                    await end_proposal(
                        uow, proposal, ProposalState.WITHDRAWN, Actor.CONSENT, customer_id, now, "consent withdrawn"
                    )
                elif proposal.state is ProposalState.CONFIRMED:
                    await end_proposal(
                        uow, proposal, ProposalState.CANCELLED, Actor.CONSENT, customer_id, now, "consent withdrawn"
                    )
    return withdrawn


async def consents_of(office: Office, customer_id: str) -> list[ConsentGrant]:
    """All grants of a customer, live and ended, oldest first."""
    async with office.unit_of_work() as uow:
        return await uow.consents.of_customer(customer_id)


async def _tell_consent(uow: UnitOfWork, grant: ConsentGrant, kind: str, now_ms: int) -> None:
    await tell(
        uow,
        kind,
        event_id=f"{grant.grant_id}:{grant.version}",
        vehicle_id=grant.vehicle_id,
        time_ms=now_ms,
        actor="owner",
        customer_id=grant.customer_id,
        dealer_id=grant.dealer_id,
        data={
            "grant_id": grant.grant_id,
            "version": grant.version,
            "purpose": str(grant.purpose),
            "time_ms": now_ms,
        },
    )
