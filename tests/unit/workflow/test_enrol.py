"""A car comes in and is claimed by who sits in it; its past is checked before it is believed."""

from __future__ import annotations

from typing import Any

import pytest

from domain.consent import Purpose
from domain.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from domain.need import NeedState
from domain.service_record import ServiceOutcome, ServiceRecord
from tests.support.moments import DAY, HOUR, NOW
from tests.support.outlets import KeptTopics
from tests.support.town import OIL, PADS, Household, Town
from workflow.codes import ALPHABET
from workflow.consents import consents_of
from workflow.dispatch import dispatch_topics
from workflow.dossiers import car_dossier, cars_of
from workflow.enrol import (
    CLAIM_CODE_MS,
    PastService,
    claim_vehicle,
    enrol_vehicle,
    issue_enrolment_token,
    record_service_history,
    show_claim_code,
    vehicle_of,
)
from workflow.messages import SERVICE_RECORDS, decode


async def test_a_car_is_known_by_its_own_credential(town: Town) -> None:
    car, credential = await town.car(vin="TESTVN00000000017")
    other, other_credential = await town.car()
    assert await vehicle_of(town.office, credential) == car
    assert await vehicle_of(town.office, other_credential) == other
    assert car.vehicle_id != other.vehicle_id
    assert car.vin not in car.vehicle_id


async def test_a_credential_nobody_was_given_opens_nothing(town: Town) -> None:
    await town.car()
    with pytest.raises(Unauthenticated):
        await vehicle_of(town.office, "made up")


async def test_without_an_enrolment_token_no_car_comes_in(town: Town) -> None:
    with pytest.raises(Unauthenticated):
        await _enrol(town, token="made up")
    async with town.records.unit_of_work() as uow:
        assert await uow.vehicles.count() == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"powertrain": "steam"}, "powertrain"), ({"mass_kg": 20.0}, "mass_kg"), ({"mass_kg": float("nan")}, "mass_kg")],
)
async def test_an_enrolment_names_the_field_that_is_wrong(town: Town, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await _enrol(town, **changes)
    assert (refused.value.field, bool(refused.value.fix)) == (field, True)


async def _enrol(town: Town, **changes: Any) -> None:
    about = {
        "token": await issue_enrolment_token(town.office),
        "make": "Testmobil",
        "model": "Eins",
        "model_year": 2021,
        "powertrain": "petrol",
        "mass_kg": 1400.0,
        "built_ms": 0,
    }
    await enrol_vehicle(town.office, **(about | changes))


async def test_who_reads_the_code_in_the_car_becomes_its_owner(town: Town) -> None:
    owner, (car, _) = await town.owner(), await town.car()
    code, expires_ms = await show_claim_code(town.office, car.vehicle_id)
    assert set(code.replace("-", "")) <= set(ALPHABET)
    assert expires_ms == town.wall.now_ms() + CLAIM_CODE_MS
    claimed = await claim_vehicle(
        town.office,
        customer_id=owner.customer_id,
        code=f" {code.lower()} ",
        label="The blue one",
        consents=[Purpose.PREDICTION, Purpose.REMINDERS],
    )
    assert await cars_of(town.office, owner.customer_id) == [claimed]
    assert (claimed.vehicle_id, claimed.label) == (car.vehicle_id, "The blue one")
    grants = await consents_of(town.office, owner.customer_id)
    assert {grant.purpose for grant in grants} == {Purpose.PREDICTION, Purpose.REMINDERS}


async def test_a_code_works_once(town: Town) -> None:
    first, second, (car, _) = await town.owner(), await town.owner(), await town.car()
    code, _ = await show_claim_code(town.office, car.vehicle_id)
    await claim_vehicle(town.office, customer_id=first.customer_id, code=code)
    for owner in (first, second):
        with pytest.raises(InvalidInput) as refused:
            await claim_vehicle(town.office, customer_id=owner.customer_id, code=code)
        assert refused.value.field == "code"


async def test_a_code_runs_out_by_the_wall_clock(town: Town) -> None:
    owner, (car, _) = await town.owner(), await town.car()
    code, expires_ms = await show_claim_code(town.office, car.vehicle_id)
    town.wall.set(expires_ms)
    with pytest.raises(InvalidInput, match="run out"):
        await claim_vehicle(town.office, customer_id=owner.customer_id, code=code)


async def test_a_new_code_replaces_the_one_before(town: Town) -> None:
    owner, (car, _) = await town.owner(), await town.car()
    old, _ = await show_claim_code(town.office, car.vehicle_id)
    new, _ = await show_claim_code(town.office, car.vehicle_id)
    with pytest.raises(InvalidInput):
        await claim_vehicle(town.office, customer_id=owner.customer_id, code=old)
    await claim_vehicle(town.office, customer_id=owner.customer_id, code=new)


async def test_a_car_that_has_an_owner_is_not_claimed_by_another(town: Town, home: Household) -> None:
    other = await town.owner()
    code, _ = await show_claim_code(town.office, home.car_id)
    with pytest.raises(Conflict, match="has an owner already"):
        await claim_vehicle(town.office, customer_id=other.customer_id, code=code)
    assert await cars_of(town.office, other.customer_id) == []
    assert len(await cars_of(town.office, home.id)) == 1


async def test_claiming_ones_own_car_again_grants_nothing_twice(town: Town, home: Household) -> None:
    code, _ = await show_claim_code(town.office, home.car_id)
    await claim_vehicle(town.office, customer_id=home.id, code=code, consents=[Purpose.PREDICTION])
    purposes = [grant.purpose for grant in await consents_of(town.office, home.id)]
    assert purposes.count(Purpose.PREDICTION) == 1
    assert len(await cars_of(town.office, home.id)) == 1


async def test_booking_is_not_granted_by_a_tick_on_claiming_and_the_code_is_not_lost(town: Town) -> None:
    owner, (car, _) = await town.owner(), await town.car()
    code, _ = await show_claim_code(town.office, car.vehicle_id)
    with pytest.raises(InvalidInput) as refused:
        await claim_vehicle(town.office, customer_id=owner.customer_id, code=code, consents=[Purpose.BOOKING])
    assert refused.value.field == "consents"
    await claim_vehicle(town.office, customer_id=owner.customer_id, code=code)


def past(**changes: Any) -> PastService:
    about = {
        "item": PADS,
        "outcome": ServiceOutcome.REPLACED,
        "performed_ms": NOW - 400 * DAY,
        "odometer_m": 40_000_000,
    }
    return PastService(**(about | changes))


async def record(town: Town, home: Household, *records: PastService) -> int:
    return await record_service_history(town.office, customer_id=home.id, vehicle_id=home.car_id, records=list(records))


async def test_a_past_service_sets_a_baseline_and_teaches_nobody(town: Town, home: Household) -> None:
    assert await record(town, home, past(value=3.5, unit="mm"), past(item=OIL)) == 2
    topics = KeptTopics()
    await dispatch_topics(town.office, topics)
    told = [decode(m.value, ServiceRecord) for m in topics.kept if m.topic == SERVICE_RECORDS]
    assert [(r.item, r.source, r.teaches, r.vehicle_id) for r in told] == [
        (PADS, "owner", False, home.car_id),
        (OIL, "owner", False, home.car_id),
    ]


async def test_the_same_past_service_said_twice_is_one(town: Town, home: Household) -> None:
    assert await record(town, home, past()) == 1
    assert await record(town, home, past(), past(item=OIL)) == 1
    car = await car_dossier(town.office, customer_id=home.id, vehicle_id=home.car_id)
    assert len(car.service_records) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"item": "flux_capacitor"}, "item"),
        ({"performed_ms": NOW + 1}, "performed_ms"),
        ({"odometer_m": -1}, "odometer_m"),
        ({"odometer_m": 2**32}, "odometer_m"),
        ({"outcome": ServiceOutcome.MEASURED}, "value"),
        ({"value": 3.0, "unit": "inch"}, "unit"),
        ({"value": 300.0, "unit": "mm"}, "value"),
        ({"value": -1.0, "unit": "mm"}, "value"),
        ({"value": float("nan"), "unit": "mm"}, "value"),
        ({"value": float("inf"), "unit": "mm"}, "value"),
    ],
)
async def test_a_past_service_that_cannot_be_is_named_and_nothing_is_kept(
    town: Town, home: Household, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await record(town, home, past(item=OIL), past(**changes))
    assert refused.value.field == f"records[1].{field}"
    assert refused.value.fix
    car = await car_dossier(town.office, customer_id=home.id, vehicle_id=home.car_id)
    assert car.service_records == ()


async def test_nobody_writes_the_past_of_anothers_car(town: Town, home: Household) -> None:
    other = await town.owner()
    with pytest.raises(NotFound):
        await record_service_history(
            town.office, customer_id=other.customer_id, vehicle_id=home.car_id, records=[past()]
        )


async def test_a_past_service_of_an_item_that_the_car_has_not_is_refused_and_says_what_it_has(
    town: Town, home: Household
) -> None:
    with pytest.raises(InvalidInput, match="power train petrol has no item 'traction_battery'") as caught:
        await record(town, home, past(item="traction_battery"))
    assert caught.value.field == "records[0].item" and "engine_oil" in caught.value.fix
    with pytest.raises(InvalidInput, match="there is no item 'wings'"):
        await record(town, home, past(item="wings"))


async def test_a_service_done_elsewhere_resolves_the_need_that_stood(town: Town, home: Household) -> None:
    need = await town.need(home)
    town.later(DAY)
    await record(town, home, past(performed_ms=town.clock.now_ms() - HOUR))
    resolved = await town.latest_need(home)
    assert (resolved.need_id, resolved.state) == (need.need_id, NeedState.RESOLVED)


@pytest.mark.parametrize(
    "changes",
    [{}, {"performed_ms": NOW + HOUR, "outcome": ServiceOutcome.OK}, {"performed_ms": NOW + HOUR, "item": OIL}],
)
async def test_an_old_service_or_a_mere_look_or_another_item_resolves_nothing(
    town: Town, home: Household, changes: dict[str, Any]
) -> None:
    await town.need(home)
    town.later(DAY)
    await record(town, home, past(**changes))
    assert (await town.live_need(home)).state is NeedState.OPEN
