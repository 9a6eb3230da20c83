"""The visit: what was measured is recorded once, resolves its need, and teaches if the owner lets it."""

from __future__ import annotations

from typing import Any

import pytest

from domain.consent import Purpose
from domain.errors import Conflict, InvalidInput
from domain.need import NeedState
from domain.proposal import BookingProposal, ProposalState
from domain.service_record import ServiceOutcome, ServiceRecord
from tests.support.moments import DAY
from tests.support.outlets import KeptTopics
from tests.support.town import BATTERY, FLUID, OIL, PADS, TOMORROW, Garage, Household, Town
from workflow.consents import withdraw_consent
from workflow.dispatch import dispatch_topics
from workflow.dossiers import car_dossier, funnel
from workflow.messages import SERVICE_RECORDS, decode
from workflow.negotiate import accept, confirm
from workflow.visit import Finding, check_in, complete

ODOMETER_M = 61_200_000
REPLACED = Finding(PADS, ServiceOutcome.REPLACED, 3.4, "mm")


async def checked_in(town: Town, home: Household, garage: Garage, *items: str) -> BookingProposal:
    sent = await town.sent(home, garage, items=items or (PADS,))
    await accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    await confirm(town.office, customer_id=home.id, proposal_id=sent.proposal_id)
    town.later(DAY)
    return await check_in(town.office, proposal_id=sent.proposal_id, odometer_m=ODOMETER_M, **garage.party)


async def finish(
    town: Town, garage: Garage, visit: BookingProposal, *findings: Finding, **changes: Any
) -> BookingProposal:
    about: dict[str, Any] = {"proposal_id": visit.proposal_id, "odometer_m": ODOMETER_M, "findings": findings}
    return await complete(town.office, **(about | changes), **garage.party)


async def records_told(town: Town) -> list[ServiceRecord]:
    topics = KeptTopics()
    await dispatch_topics(town.office, topics)
    return [decode(m.value, ServiceRecord) for m in topics.kept if m.topic == SERVICE_RECORDS]


async def test_a_visit_ends_with_its_findings_recorded_and_its_needs_resolved(
    town: Town, home: Household, garage: Garage
) -> None:
    visit = await checked_in(town, home, garage)
    assert (visit.state, visit.odometer_m, await town.busy(garage)) == (ProposalState.CHECKED_IN, ODOMETER_M, 1)
    done = await finish(town, garage, visit, REPLACED, odometer_m=ODOMETER_M + 2000)
    assert (done.state, done.odometer_m, await town.busy(garage)) == (ProposalState.COMPLETED, ODOMETER_M + 2000, 0)
    need = await town.latest_need(home)
    assert (need.state, need.end_reason) == (NeedState.RESOLVED, "workshop: replaced")
    (record,) = await records_told(town)
    assert record == ServiceRecord(
        record_id=f"{visit.proposal_id}:{PADS}",
        vehicle_id=home.car_id,
        item=PADS,
        outcome=ServiceOutcome.REPLACED,
        performed_ms=town.clock.now_ms(),
        odometer_m=ODOMETER_M + 2000,
        value=3.4,
        unit="mm",
    )
    car = await car_dossier(town.office, customer_id=home.id, vehicle_id=home.car_id)
    assert car.service_records == (record,)


async def test_a_need_that_was_left_undone_stands_open_again(town: Town, home: Household, garage: Garage) -> None:
    visit = await checked_in(town, home, garage, PADS, BATTERY)
    await finish(town, garage, visit, REPLACED)
    assert (await town.latest_need(home, PADS)).state is NeedState.RESOLVED
    assert (await town.live_need(home, BATTERY)).state is NeedState.OPEN


async def test_what_is_found_beside_the_booking_resolves_its_need_too(
    town: Town, home: Household, garage: Garage
) -> None:
    await town.need(home, OIL)
    visit = await checked_in(town, home, garage)
    await finish(
        town, garage, visit, REPLACED, Finding(OIL, ServiceOutcome.REPLACED), Finding(FLUID, ServiceOutcome.OK)
    )
    assert (await town.latest_need(home, OIL)).state is NeedState.RESOLVED
    assert len(await records_told(town)) == 3


@pytest.mark.parametrize("outcome", ServiceOutcome)
async def test_any_record_of_the_item_resolves_the_need(
    town: Town, home: Household, garage: Garage, outcome: ServiceOutcome
) -> None:
    visit = await checked_in(town, home, garage)
    await finish(town, garage, visit, Finding(PADS, outcome, 6.0, "mm"))
    assert (await town.latest_need(home)).state is NeedState.RESOLVED


async def test_a_visit_is_completed_once(town: Town, home: Household, garage: Garage) -> None:
    visit = await checked_in(town, home, garage)
    await finish(town, garage, visit, REPLACED)
    with pytest.raises(Conflict):
        await finish(town, garage, visit, REPLACED)
    assert len(await records_told(town)) == 1


async def test_a_visit_that_found_nothing_leaves_everything_open(town: Town, home: Household, garage: Garage) -> None:
    await finish(town, garage, await checked_in(town, home, garage))
    assert (await town.live_need(home)).state is NeedState.OPEN
    assert await records_told(town) == []


async def test_without_consent_to_model_improvement_a_label_does_not_teach(town: Town, garage: Garage) -> None:
    home = await town.household(purposes=(Purpose.PREDICTION,))
    await finish(town, garage, await checked_in(town, home, garage), REPLACED)
    assert [record.teaches for record in await records_told(town)] == [False]


async def test_an_invoice_is_the_end_of_the_funnel(town: Town, home: Household, garage: Garage) -> None:
    done = await finish(
        town, garage, await checked_in(town, home, garage), REPLACED, invoice_minor=24_900, currency="EUR"
    )
    assert (done.invoice_minor, done.currency) == (24_900, "EUR")
    counts = (await funnel(town.office, {"engine_oil": "7"}, {"uploads": 12})).counts
    chain = ("uploads", "vehicles", "need-opened", "proposal-sent", "proposal-confirmed", "proposal-completed",
             "service-recorded", "need-resolved", "visit-invoiced")  # fmt: skip
    assert {name: counts[name] for name in chain} == dict.fromkeys(chain, 1) | {"uploads": 12}


async def test_a_car_that_is_on_the_lift_is_finished_though_consent_was_withdrawn(
    town: Town, home: Household, garage: Garage
) -> None:
    """Nothing leaves by it: the answer is bare, and the need does not stay booked for ever."""
    visit = await checked_in(town, home, garage)
    await withdraw_consent(town.office, customer_id=home.id, grant_id=visit.grant_id)
    done = await finish(town, garage, visit, REPLACED)
    assert (done.state, done.payload, done.vehicle_id) == (ProposalState.COMPLETED, "{}", "")
    assert (await town.latest_need(home)).state is NeedState.RESOLVED
    assert await town.busy(garage) == 0


@pytest.mark.parametrize(
    ("finding", "field"),
    [
        (Finding("flux_capacitor", ServiceOutcome.OK), "item"),
        (Finding(OIL, ServiceOutcome.OK), "item"),
        (Finding(PADS, ServiceOutcome.MEASURED), "value"),
        (Finding(PADS, ServiceOutcome.OK, 3.0, "inch"), "unit"),
        (Finding(PADS, ServiceOutcome.OK, -0.1, "mm"), "value"),
        (Finding(PADS, ServiceOutcome.OK, 15.1, "mm"), "value"),
        (Finding(BATTERY, ServiceOutcome.OK, 12.5, "mV"), "unit"),
        (Finding(BATTERY, ServiceOutcome.OK, float("nan"), "V"), "value"),
        (Finding(FLUID, ServiceOutcome.OK, float("inf"), "%"), "value"),
    ],
)
async def test_a_finding_that_cannot_be_is_named_and_the_visit_goes_on(
    town: Town, home: Household, garage: Garage, finding: Finding, field: str
) -> None:
    visit = await checked_in(town, home, garage)
    with pytest.raises(InvalidInput) as refused:
        await finish(town, garage, visit, Finding(OIL, ServiceOutcome.OK), finding)
    assert refused.value.field == f"records[1].{field}"
    assert refused.value.fix
    assert (await town.stored(visit)).state is ProposalState.CHECKED_IN


@pytest.mark.parametrize("odometer_m", [-1, 2**32, ODOMETER_M - 1])
async def test_an_odometer_that_cannot_be_is_named(
    town: Town, home: Household, garage: Garage, odometer_m: int
) -> None:
    visit = await checked_in(town, home, garage)
    with pytest.raises(InvalidInput) as refused:
        await finish(town, garage, visit, REPLACED, odometer_m=odometer_m)
    assert refused.value.field == "odometer_m"


async def test_a_car_is_checked_in_only_to_a_confirmed_appointment(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage, start_ms=TOMORROW)
    with pytest.raises(Conflict):
        await check_in(town.office, proposal_id=sent.proposal_id, odometer_m=1, **garage.party)
