"""Consent: granting, narrowing, and ending it with all that follows, each in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from domain.consent import ConsentGrant, DataItem, GrantEnd, Purpose
from domain.errors import NotFound
from domain.proposal import Actor, BookingProposal, ProposalState
from workflow.history import tell
from workflow.known_dealer import known_dealer
from workflow.outbox_rows import Delivery
from workflow.ports import Office, UnitOfWork
from workflow.proposal_payload import narrowed_delivery, narrowed_payload, webhook_text
from workflow.proposal_steps import end_proposal, has_left

BOOKING_GRANT_MS = 90 * 86_400_000
RUN_OUT_AT_ONCE = 100

_WHY = {
    GrantEnd.WITHDRAWN: "consent withdrawn",
    GrantEnd.EXPIRED: "the consent has run out",
    GrantEnd.SOLD: "the car was sold",
}


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
    await _tell_consent(uow, grant, "consent-granted", now, Actor.OWNER)
    return grant


async def narrow_consent(
    office: Office,
    *,
    customer_id: str,
    grant_id: str,
    data_items: Sequence[DataItem] | None = None,
    expires_ms: int | None = None,
) -> ConsentGrant:
    """Less of a grant: some of its data items (None: all), an earlier end, or both.

    From the commit on nothing leaves with more: proposals and what waits for their dealer are cut to what is left, and
    the dealer is asked to erase the rest of what it has got.
    """
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        grant = await _own_grant(uow, customer_id, grant_id)
        items = grant.data_items if data_items is None else data_items
        after = grant.narrowed(now, items, expires_ms)
        await uow.consents.update(after)
        await _tell_consent(uow, after, "consent-narrowed", now, Actor.OWNER)
        if after.purpose is Purpose.BOOKING:
            receipt = after.receipt(office.controller)
            proposals = await _locked_under(uow, grant_id)
            for proposal in proposals:
                await uow.proposals.replace_payload(narrowed_payload(proposal, after, receipt))
            await uow.deliveries.rewrite_under(grant_id, lambda delivery: narrowed_delivery(delivery, after, receipt))
            gone = sorted(set(grant.data_items) - set(after.data_items))
            if gone:
                await _notify_dealer(uow, after, "consent.narrowed", await _that_left(uow, proposals), gone)
        return after


async def withdraw_consent(office: Office, *, customer_id: str, grant_id: str) -> ConsentGrant:
    """Withdraw at once: from the commit on nothing starts to leave, and open proposals under the grant end."""
    async with office.unit_of_work() as uow:
        grant = await _own_grant(uow, customer_id, grant_id)
        return await end_grant(uow, office, grant, GrantEnd.WITHDRAWN, customer_id)


async def end_grant(
    uow: UnitOfWork, office: Office, grant: ConsentGrant, how: GrantEnd, actor_id: str, actor: str = Actor.OWNER
) -> ConsentGrant:
    """End a grant that is locked, within a transaction that runs already, with the proposals that stand on it.

    Its dealer is asked to erase what it has got under it, also of visits that are long over; of a proposal that is
    withdrawn with it the notice of that asks for it.
    """
    now = office.clock.now_ms()
    proposals = await _locked_under(uow, grant.grant_id) if grant.purpose is Purpose.BOOKING else []
    left = await _that_left(uow, proposals)
    ended = grant.ended(how, now, asks_erasure=bool(left))
    await uow.consents.update(ended)
    is_expiry = how is GrantEnd.EXPIRED
    kind = "consent-expired" if is_expiry else "consent-withdrawn"
    await _tell_consent(uow, ended, kind, now, Actor.CLOCK if is_expiry else actor)
    await uow.deliveries.drop_under(grant.grant_id, _WHY[how], office.wall.now_ms())
    for proposal in proposals:
        if proposal.state.is_open or proposal.state in (ProposalState.DRAFT, ProposalState.CONFIRMED):
            is_firm = proposal.state is ProposalState.CONFIRMED
            end = ProposalState.CANCELLED if is_firm else ProposalState.WITHDRAWN
            await end_proposal(uow, proposal, end, Actor.CONSENT, actor_id, now, _WHY[how])
    open_ones = {proposal.proposal_id for proposal in proposals if proposal.state.is_open}
    if to_erase := [proposal_id for proposal_id in left if proposal_id not in open_ones]:
        await _notify_dealer(uow, ended, "consent.ended", to_erase, [str(item) for item in grant.data_items])
    return ended


async def end_run_out(office: Office) -> int:
    """Note the end of grants whose time is over, as if they had been withdrawn then; how many those were."""
    now = office.clock.now_ms()
    ended = 0
    async with office.unit_of_work() as uow:
        for listed in await uow.consents.run_out(now, RUN_OUT_AT_ONCE):
            grant = await uow.consents.get(listed.grant_id, lock=True)
            if grant is not None and grant.end is None and not grant.is_live(now):
                await end_grant(uow, office, grant, GrantEnd.EXPIRED, "clock")
                ended += 1
    return ended


async def consents_of(office: Office, customer_id: str) -> list[ConsentGrant]:
    """All grants of a customer, live and ended, oldest first."""
    async with office.unit_of_work() as uow:
        await uow.show_only(customer_id)
        return await uow.consents.of_customer(customer_id)


async def versions_of(office: Office, *, customer_id: str, grant_id: str) -> list[ConsentGrant]:
    """A grant of the customer, version by version; NotFound for anybody else's."""
    async with office.unit_of_work() as uow:
        await uow.show_only(customer_id)
        versions = await uow.consents.versions(grant_id)
        if not versions or versions[-1].customer_id != customer_id:
            raise NotFound("there is no such consent")
        return versions


async def _own_grant(uow: UnitOfWork, customer_id: str, grant_id: str) -> ConsentGrant:
    """The customer's grant, locked."""
    grant = await uow.consents.get(grant_id, lock=True)
    if grant is None or grant.customer_id != customer_id:
        raise NotFound("there is no such consent")
    return grant


async def _locked_under(uow: UnitOfWork, grant_id: str) -> list[BookingProposal]:
    """The proposals under a grant, locked one by one: whoever changes one at this moment is waited for."""
    listed = await uow.proposals.under_grant(grant_id)
    return [await uow.proposals.get(one.proposal_id, lock=True) or one for one in listed]


async def _that_left(uow: UnitOfWork, proposals: Sequence[BookingProposal]) -> list[str]:
    """The ids of those that their dealer has heard of."""
    return [proposal.proposal_id for proposal in proposals if await has_left(uow, proposal)]


async def _notify_dealer(
    uow: UnitOfWork, grant: ConsentGrant, kind: str, proposal_ids: Sequence[str], erase: Sequence[str]
) -> None:
    """Tell a dealer with a webhook what it may no longer hold; ids only, so that no consent is needed."""
    dealer = await known_dealer(uow, grant.dealer_id or "")
    if not dealer.webhook_url:
        return
    body = {
        "type": kind,
        "grant_id": grant.grant_id,
        "version": grant.version,
        "time_ms": grant.changed_ms,
        "erase": list(erase),
        "data_items": [str(item) for item in grant.data_items] if grant.end is None else [],
        "proposal_ids": list(proposal_ids),
    }
    await uow.outbox.put(
        Delivery(
            delivery_id=f"{grant.grant_id}:{grant.version}",
            dealer_id=dealer.dealer_id,
            grant_id=grant.grant_id,
            kind=kind,
            body=webhook_text(body),
            needs_consent=False,
            subject=grant.grant_id,
        ),
        grant.changed_ms or grant.granted_ms,
    )


async def _tell_consent(uow: UnitOfWork, grant: ConsentGrant, kind: str, now_ms: int, actor: str) -> None:
    await tell(
        uow,
        kind,
        event_id=f"{grant.grant_id}:{grant.version}",
        vehicle_id=grant.vehicle_id,
        time_ms=now_ms,
        actor=str(actor),
        cause="" if grant.end is None else str(grant.end),
        customer_id=grant.customer_id,
        dealer_id=grant.dealer_id,
        data={
            "grant_id": grant.grant_id,
            "version": grant.version,
            "purpose": str(grant.purpose),
            "time_ms": now_ms,
        },
    )
