"""The visit: check-in, what was found and done, no-show. What was measured is what the models learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.consent import Purpose
from domain.errors import Conflict, InvalidInput, NotFound
from domain.need import NeedState
from domain.people import Vehicle
from domain.proposal import Actor, BookingProposal, ProposalState
from domain.service_record import ServiceOutcome, ServiceRecord
from workflow.history import tell
from workflow.measurement import LATEST_ODOMETER_M, check_measurement, item_of
from workflow.messages import SERVICE_RECORDS, encode
from workflow.negotiate import of_dealer, with_grant
from workflow.outbox_rows import TopicMessage
from workflow.ports import Office, UnitOfWork
from workflow.proposal_steps import advance, end_proposal, reopen_needs


@dataclass(frozen=True, slots=True)
class Finding:
    """What the workshop found of one item; `value` is measured before the work."""

    item: str
    outcome: ServiceOutcome
    value: float | None = None
    unit: str = ""


async def check_in(
    office: Office, *, dealer_id: str, actor_id: str, proposal_id: str, odometer_m: int, channel: str = "api"
) -> BookingProposal:
    """The car is here."""
    _check_odometer(odometer_m)
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        before = await of_dealer(uow, dealer_id, proposal_id, now)
        after = replace(before.to(ProposalState.CHECKED_IN, Actor.DEALER, now), odometer_m=odometer_m)
        after = replace(after, expires_ms=after.ends_untold_ms)
        return await advance(uow, before, after, actor=Actor.DEALER, actor_id=actor_id, channel=channel)


async def no_show(
    office: Office, *, dealer_id: str, actor_id: str, proposal_id: str, channel: str = "api"
) -> BookingProposal:
    """The car did not come; only half an hour after the slot has begun."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        before = await of_dealer(uow, dealer_id, proposal_id, now)
        if now < before.missed_from_ms:
            raise Conflict("wait until half an hour after the slot began before you say that the car did not come")
        return await end_proposal(
            uow, before, ProposalState.NO_SHOW, Actor.DEALER, actor_id, now, "the car did not come", channel
        )


async def complete(
    office: Office,
    *,
    dealer_id: str,
    actor_id: str,
    proposal_id: str,
    odometer_m: int,
    findings: Sequence[Finding],
    invoice_minor: int | None = None,
    currency: str = "",
    channel: str = "api",
) -> BookingProposal:
    """The visit is over. Needs with a finding are resolved, the others stand open again."""
    _check_odometer(odometer_m)
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        before, grant = await with_grant(uow, dealer_id, proposal_id, now)
        vehicle = await uow.vehicles.get(before.vehicle_id)
        if vehicle is None:
            raise NotFound("there is no such car")
        _check_findings(office, vehicle, findings)
        if before.odometer_m is not None and odometer_m < before.odometer_m:
            raise InvalidInput("the odometer ran backwards since check-in", field="odometer_m", fix="read it again")
        after = replace(
            before.to(ProposalState.COMPLETED, Actor.DEALER, now),
            odometer_m=odometer_m,
            invoice_minor=invoice_minor,
            currency=currency,
        )
        after = await advance(uow, before, after, actor=Actor.DEALER, actor_id=actor_id, channel=channel)
        teaches = bool(await uow.consents.live(after.vehicle_id, Purpose.MODEL_IMPROVEMENT, now))
        for finding in findings:
            await _record(uow, after, finding, teaches, now)
        await reopen_needs(uow, after, now)
        if invoice_minor is not None:
            await _tell_visit(uow, after, "visit-invoiced", now, {"minor": invoice_minor, "currency": currency})
        return after if grant is not None and grant.is_live(now) else after.without_data()


async def _record(uow: UnitOfWork, proposal: BookingProposal, finding: Finding, teaches: bool, now_ms: int) -> None:
    record = ServiceRecord(
        record_id=f"{proposal.proposal_id}:{finding.item}",
        vehicle_id=proposal.vehicle_id,
        item=finding.item,
        outcome=finding.outcome,
        performed_ms=now_ms,
        odometer_m=proposal.odometer_m or 0,
        value=finding.value,
        unit=finding.unit,
        teaches=teaches,
    )
    if not await uow.service_records.add(record, proposal.proposal_id):
        return
    await uow.outbox.put(TopicMessage(SERVICE_RECORDS, record.vehicle_id, encode(record)), now_ms)
    await _tell_visit(uow, proposal, "service-recorded", now_ms, {"item": record.item, "outcome": record.outcome})
    need = await uow.needs.live(record.vehicle_id, record.item)
    if need is not None:
        await uow.needs.update(need.to(NeedState.RESOLVED, now_ms, reason=f"workshop: {record.outcome}"))
        await _tell_visit(uow, proposal, "need-resolved", now_ms, {"item": need.item, "need_id": need.need_id})


async def _tell_visit(
    uow: UnitOfWork, proposal: BookingProposal, kind: str, now_ms: int, data: dict[str, object]
) -> None:
    await tell(
        uow,
        kind,
        event_id=f"{proposal.proposal_id}:{data.get('item', '')}",
        vehicle_id=proposal.vehicle_id,
        time_ms=now_ms,
        actor=str(Actor.DEALER),
        data={"proposal_id": proposal.proposal_id, **data},
        customer_id=proposal.customer_id,
        dealer_id=proposal.dealer_id,
    )


def _check_odometer(odometer_m: int) -> None:
    if not 0 <= odometer_m <= LATEST_ODOMETER_M:
        raise InvalidInput("that is no odometer reading", field="odometer_m", fix="give metres, 0 to 4,000,000,000")


def _check_findings(office: Office, vehicle: Vehicle, findings: Sequence[Finding]) -> None:
    seen: set[str] = set()
    for index, finding in enumerate(findings):
        where = f"records[{index}]"
        item = item_of(office.catalogue, vehicle, finding.item, where)
        if finding.item in seen:
            raise InvalidInput(f"{finding.item!r} stands here twice", field=f"{where}.item", fix="each item once")
        seen.add(finding.item)
        if finding.outcome is ServiceOutcome.MEASURED and finding.value is None:
            raise InvalidInput("a measured item has a value", field=f"{where}.value", fix="give what was measured")
        if finding.value is not None:
            check_measurement(item, finding.value, finding.unit, where)
