"""Who reads what of a car's ledger: the owner since it is theirs, a dealer what it measured itself."""

from __future__ import annotations

import pytest

from domain.consent import DataItem
from domain.errors import NotFound
from domain.judged_label import JudgedLabel
from domain.people import Ownership
from domain.proposal import BookingProposal
from domain.service_record import ServiceOutcome, ServiceRecord
from tests.support.labels import pads_example
from tests.support.moments import DAY
from tests.support.town import BATTERY, OIL, PADS, Garage, Household, Town
from workflow.calibration_ledger import car_ledger
from workflow.consents import withdraw_consent
from workflow.dossiers import car_dossier, dealer_desk, desk_entry
from workflow.learning import record_label
from workflow.propose import send_proposal


async def measured(town: Town, proposal: BookingProposal, item: str = PADS) -> str:
    """A visit under this proposal has measured the item, and the label has come back; its id."""
    label_id, now = f"{proposal.proposal_id}:{item}", town.later(DAY)
    async with town.records.unit_of_work() as uow:
        record = ServiceRecord(label_id, proposal.vehicle_id, item, ServiceOutcome.REPLACED, now, 1)
        await uow.service_records.add(record, proposal.proposal_id)
    example = pads_example(label_id=label_id, vehicle_id=proposal.vehicle_id, item=item, known_ms=now)
    await record_label(town.office, example, "8")
    return label_id


async def sent(town: Town, home: Household, garage: Garage, *data: DataItem, item: str = PADS) -> BookingProposal:
    grant = await town.grant(home, garage, data)
    draft = await town.draft(home, garage, grant, await town.need(home, item), start_ms=town.clock.now_ms() + DAY)
    return await send_proposal(town.office, customer_id=home.id, proposal_id=draft.proposal_id)


async def owners(town: Town, home: Household) -> list[JudgedLabel]:
    return list(await car_ledger(town.office, customer_id=home.id, vehicle_id=home.car_id))


async def dealers(town: Town, garage: Garage, proposal: BookingProposal) -> tuple[JudgedLabel, ...]:
    entry = await desk_entry(town.office, dealer_id=garage.id, proposal_id=proposal.proposal_id)
    return entry.ledger


async def test_an_owner_reads_promise_and_measurement_on_the_cars_page(
    town: Town, home: Household, garage: Garage
) -> None:
    label_id = await measured(town, await sent(town, home, garage))
    (label,) = await owners(town, home)
    assert (label.label_id, label.measured) == (label_id, 4.0)
    assert label.promise is not None
    assert label.expected is not None
    assert (await car_dossier(town.office, customer_id=home.id, vehicle_id=home.car_id)).ledger == (label,)


async def test_nobody_reads_the_ledger_of_anothers_car(town: Town, home: Household) -> None:
    other = await town.household()
    for customer_id, vehicle_id in ((other.id, home.car_id), (home.id, "no car")):
        with pytest.raises(NotFound):
            await car_ledger(town.office, customer_id=customer_id, vehicle_id=vehicle_id)


async def test_a_new_owner_reads_nothing_of_the_former_ones_past(town: Town, home: Household, garage: Garage) -> None:
    await measured(town, await sent(town, home, garage, item=OIL), OIL)
    await town.need(home, PADS)
    buyer = await town.owner()
    async with town.records.unit_of_work() as uow:
        await uow.vehicles.own(Ownership(home.car_id, buyer.customer_id, town.later(DAY)))
    example = pads_example(vehicle_id=home.car_id, label_id="after", known_ms=town.later(DAY))
    await record_label(town.office, example, "8")
    (label,) = await car_ledger(town.office, customer_id=buyer.customer_id, vehicle_id=home.car_id)
    assert label.label_id == "after"
    assert label.promise is None, "that was promised to the one before"
    with pytest.raises(NotFound):
        await owners(town, home)


async def test_a_dealer_reads_what_it_was_asked_for_and_measured(town: Town, home: Household, garage: Garage) -> None:
    proposal = await sent(town, home, garage, DataItem.EVIDENCE)
    label_id = await measured(town, proposal)
    await measured(town, proposal, BATTERY)  # looked at as well: nobody had told this dealer of it
    (label,) = await dealers(town, garage, proposal)
    assert label.label_id == label_id
    assert label.promise is not None
    assert label.expected is not None


async def test_without_the_evidence_a_dealer_reads_no_range(town: Town, home: Household, garage: Garage) -> None:
    proposal = await sent(town, home, garage, DataItem.ODOMETER)
    await measured(town, proposal)
    (label,) = await dealers(town, garage, proposal)
    assert (label.expected, label.predicted, label.measured) == (None, None, 4.0)
    assert label.promise is not None


async def test_another_workshops_findings_are_not_for_this_one(town: Town, home: Household, garage: Garage) -> None:
    await measured(town, await sent(town, home, garage, DataItem.EVIDENCE))
    other = await town.garage()
    theirs = await sent(town, home, other, DataItem.EVIDENCE, item=OIL)
    assert await dealers(town, other, theirs) == ()


async def test_the_dealer_of_a_former_owner_reads_nothing(town: Town, home: Household, garage: Garage) -> None:
    proposal = await sent(town, home, garage, DataItem.EVIDENCE)
    await measured(town, proposal)
    buyer = await town.owner()
    async with town.records.unit_of_work() as uow:
        await uow.vehicles.own(Ownership(home.car_id, buyer.customer_id, town.later(1)))
    assert await dealers(town, garage, proposal) == ()


async def test_a_withdrawn_consent_closes_the_ledger(town: Town, home: Household, garage: Garage) -> None:
    proposal = await sent(town, home, garage, DataItem.EVIDENCE)
    await measured(town, proposal)
    assert await dealers(town, garage, proposal)
    await withdraw_consent(town.office, customer_id=home.id, grant_id=proposal.grant_id)
    assert await dealers(town, garage, proposal) == ()


async def test_the_queue_reads_no_ledger(town: Town, home: Household, garage: Garage) -> None:
    await measured(town, await sent(town, home, garage, DataItem.EVIDENCE))
    desk = await dealer_desk(town.office, dealer_id=garage.id)
    assert [entry.ledger for entry in desk.entries] == [()]
