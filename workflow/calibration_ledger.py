"""The calibration ledger of one car, for whoever may read it: what was promised beside what a workshop measured."""

from __future__ import annotations

from domain.consent import DataItem
from domain.errors import NotFound
from domain.judged_label import JudgedLabel
from domain.proposal import BookingProposal
from workflow.ports import Office, UnitOfWork


async def car_ledger(office: Office, *, customer_id: str, vehicle_id: str) -> tuple[JudgedLabel, ...]:
    """The ledger of one of the customer's cars, the newest first; NotFound for anybody else's."""
    async with office.unit_of_work() as uow:
        await uow.show_only(customer_id)
        if await uow.vehicles.owner_of(vehicle_id) != customer_id:
            raise NotFound("there is no such car")
        return await owners_ledger(uow, vehicle_id)


async def owners_ledger(uow: UnitOfWork, vehicle_id: str) -> tuple[JudgedLabel, ...]:
    """What the present owner may read: nothing that was measured, or promised, while the car was another's."""
    ownership = await uow.vehicles.ownership_of(vehicle_id)
    if ownership is None:
        return ()
    labels = await uow.judged_labels.of_vehicle(vehicle_id, from_ms=ownership.from_ms)
    return tuple(label.as_known_since(ownership.from_ms) for label in labels)


async def dealers_ledger(uow: UnitOfWork, proposal: BookingProposal) -> tuple[JudgedLabel, ...]:
    """What the dealer of a proposal may read while its grant is live: of what it was asked to do, what it measured.

    Another workshop's findings never left for this one, nor did promises that no proposal told. The range in which
    the reading was expected is evidence: it is there only where the owner shares that.
    """
    ownership = await uow.vehicles.ownership_of(proposal.vehicle_id)
    grant = await uow.consents.get(proposal.grant_id)
    if ownership is None or ownership.customer_id != proposal.customer_id or grant is None:
        return ()
    needs = [await uow.needs.get(need_id) for need_id in proposal.need_ids]
    asked = {need.item for need in needs if need is not None}
    labels = await uow.judged_labels.of_vehicle(
        proposal.vehicle_id, from_ms=ownership.from_ms, dealer_id=proposal.dealer_id
    )
    shown = [label.as_known_since(ownership.from_ms) for label in labels if label.item in asked]
    return tuple(shown if DataItem.EVIDENCE in grant.data_items else (label.without_evidence() for label in shown))
