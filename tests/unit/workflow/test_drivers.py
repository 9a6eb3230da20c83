"""A car is lent by a code, until either side, or a sale, ends it; the other side hears of it."""

from __future__ import annotations

import pytest

from domain.consent import Purpose
from domain.errors import Conflict, InvalidInput, NotFound
from domain.need import NeedState
from tests.support.lending import end, lend, letters
from tests.support.moments import DAY, NOW
from tests.support.outlets import KeptReminders
from tests.support.town import OIL, PADS, Garage, Household, Town
from workflow import negotiate
from workflow.consents import consents_of, withdraw_consent
from workflow.dossiers import car_dossier, overview_of, proposal_of
from workflow.drivers import (
    INVITATION_MS,
    drivers_of,
    drives_of,
    end_driving,
    invitations_of,
    invite_driver,
    join_car,
    let_driver,
    remind_driver,
    revoke_invitations,
)
from workflow.export import person_dossier
from workflow.needs import snooze
from workflow.reminders import dispatch_reminders
from workflow.sale import sell_vehicle

# The code.


async def test_a_code_is_good_for_one_person_once(town: Town, home: Household) -> None:
    code, expires_ms = await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id)
    assert expires_ms == NOW + INVITATION_MS
    first, second = await town.owner(), await town.owner()
    typed = code.replace("-", " ").lower()
    assert (await join_car(town.office, customer_id=first.customer_id, code=typed)).vehicle == home.car
    with pytest.raises(InvalidInput, match="used or has run out"):
        await join_car(town.office, customer_id=second.customer_id, code=code)
    assert [one.driving.customer_id for one in await listed(town, home)] == [first.customer_id]


async def listed(town: Town, home: Household) -> list[object]:
    return list(await drivers_of(town.office, customer_id=home.id, vehicle_id=home.car_id))


async def test_a_code_runs_out(town: Town, home: Household) -> None:
    code, _ = await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id)
    town.later(INVITATION_MS)
    driver = await town.owner()
    with pytest.raises(InvalidInput, match="has run out") as refused:
        await join_car(town.office, customer_id=driver.customer_id, code=code)
    assert (refused.value.field, refused.value.fix) == ("code", "ask the car's owner for a new one")


async def test_who_owns_the_car_can_not_drive_it_for_themselves_and_the_code_stays_good(
    town: Town, home: Household
) -> None:
    code, _ = await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id)
    with pytest.raises(Conflict, match="yours"):
        await join_car(town.office, customer_id=home.id, code=code)
    driver = await town.owner()
    await join_car(town.office, customer_id=driver.customer_id, code=code)


async def test_nobody_drives_a_car_twice(town: Town, home: Household) -> None:
    lent = await lend(town, home)
    code, _ = await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id)
    with pytest.raises(Conflict, match="already"):
        await join_car(town.office, customer_id=lent.id, code=code)
    assert len(await listed(town, home)) == 1


async def test_unused_codes_are_seen_and_revoked(town: Town, home: Household) -> None:
    code, expires_ms = await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id)
    about = {"customer_id": home.id, "vehicle_id": home.car_id}
    assert [one.expires_ms for one in await invitations_of(town.office, **about)] == [expires_ms]
    car = await car_dossier(town.office, **about)
    assert [one.expires_ms for one in car.invitations] == [expires_ms]
    assert await revoke_invitations(town.office, **about) == 1
    assert await invitations_of(town.office, **about) == []
    with pytest.raises(InvalidInput):
        await join_car(town.office, customer_id=(await town.owner()).customer_id, code=code)
    stranger = {"customer_id": (await town.owner()).customer_id, "vehicle_id": home.car_id}
    for step in (invitations_of, revoke_invitations):
        with pytest.raises(NotFound):
            await step(town.office, **stranger)


async def test_only_the_owner_lends_the_car(town: Town, home: Household) -> None:
    lent = await lend(town, home)
    for other in (lent.id, (await town.owner()).customer_id):
        with pytest.raises(NotFound):
            await invite_driver(town.office, customer_id=other, vehicle_id=home.car_id)
        with pytest.raises(NotFound):
            await drivers_of(town.office, customer_id=other, vehicle_id=home.car_id)
        with pytest.raises(NotFound):
            await let_driver(town.office, customer_id=other, vehicle_id=home.car_id, driver_id=lent.id, may_book=True)
    with pytest.raises(NotFound):
        await end_driving(
            town.office, customer_id=(await town.owner()).customer_id, vehicle_id=home.car_id, driver_id=lent.id
        )


async def test_the_owner_hears_that_the_code_was_used(town: Town, home: Household) -> None:
    await lend(town, home)
    assert await letters(town) == {home.id: ["Somebody drives your car now"]}


# The end of it.


@pytest.mark.parametrize("by_owner", [True, False])
async def test_from_its_end_on_a_driver_sees_and_does_nothing_and_the_other_side_hears(
    town: Town, home: Household, garage: Garage, by_owner: bool
) -> None:
    sent = await town.sent(home, garage)
    lent = await lend(town, home, wants_reminders=True)
    await letters(town)
    town.later(1)
    await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    need = await town.need(home, OIL)
    await end(town, lent, home.id if by_owner else lent.id)
    with pytest.raises(NotFound):
        await car_dossier(town.office, customer_id=lent.id, vehicle_id=home.car_id)
    with pytest.raises(NotFound):
        await proposal_of(town.office, customer_id=lent.id, proposal_id=sent.proposal_id)
    with pytest.raises(NotFound):
        await negotiate.confirm(town.office, customer_id=lent.id, proposal_id=sent.proposal_id)
    with pytest.raises(NotFound):
        await snooze(town.office, customer_id=lent.id, need_id=need.need_id, until_ms=NOW + DAY)
    with pytest.raises(NotFound):
        await remind_driver(town.office, customer_id=lent.id, vehicle_id=home.car_id, wants_reminders=True)
    with pytest.raises(NotFound):
        await end(town, lent, lent.id)
    assert await drives_of(town.office, lent.id) == [] and await listed(town, home) == []
    told = await letters(town)
    if by_owner:
        assert told.pop(lent.id) == ["A car is no longer yours to drive"], "and nothing of what waited for them"
    else:
        assert lent.id not in told and "A driver has left your car" in told[home.id]
    assert len(told[home.id]) >= 2, "the owner's own letters go"


async def test_a_sale_ends_it_and_unused_codes_with_it(town: Town, home: Household) -> None:
    lent = await lend(town, home)
    unused, _ = await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id)
    await letters(town)
    await sell_vehicle(town.office, customer_id=home.id, vehicle_id=home.car_id)
    with pytest.raises(NotFound):
        await car_dossier(town.office, customer_id=lent.id, vehicle_id=home.car_id)
    with pytest.raises(InvalidInput):
        await join_car(town.office, customer_id=(await town.owner()).customer_id, code=unused)
    assert (await letters(town))[lent.id] == ["A car is no longer yours to drive"]


# Letters.


async def test_a_driver_who_wants_them_gets_reminders_beside_the_owner(town: Town, home: Household) -> None:
    lent = await lend(town, home, wants_reminders=True)
    quiet = await lend(town, home)
    await letters(town)
    await town.need(home)
    outlet = KeptReminders()
    await dispatch_reminders(town.office, outlet)
    by_reader = {customer.customer_id: letter for customer, letter, _ in outlet.kept}
    assert set(by_reader) == {home.id, lent.id} and quiet.id not in by_reader
    page = f"https://x.example/owner/cars/{home.car_id}"
    assert page in by_reader[lent.id].with_links("https://x.example")
    assert "/owner/consents" not in by_reader[lent.id].with_links("https://x.example"), "they are not the driver's"
    assert "/owner/consents" in by_reader[home.id].with_links("https://x.example")
    assert (await town.live_need(home)).state is NeedState.REMINDED


async def test_no_driver_is_reminded_once_the_owner_wants_no_reminders_for_the_car(town: Town, home: Household) -> None:
    lent = await lend(town, home, wants_reminders=True)
    await letters(town)
    await town.need(home)
    grants = {grant.purpose: grant for grant in await consents_of(town.office, home.id)}
    await withdraw_consent(town.office, customer_id=home.id, grant_id=grants[Purpose.REMINDERS].grant_id)
    assert lent.id not in await letters(town)


async def test_a_driver_may_change_their_mind_about_reminders(town: Town, home: Household) -> None:
    lent = await lend(town, home, wants_reminders=True)
    await letters(town)
    await town.need(home)
    await remind_driver(town.office, customer_id=lent.id, vehicle_id=home.car_id, wants_reminders=False)
    assert set(await letters(town)) == {home.id}


async def test_who_books_hears_what_the_dealer_answers(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    booking, looking = await lend(town, home), await lend(town, home, may_book=False)
    await letters(town)
    await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    told = await letters(town)
    assert set(told) == {home.id, booking.id} and looking.id not in told


# What is kept.


async def test_the_export_says_who_drives_and_what_one_drove_and_did(
    town: Town, home: Household, garage: Garage
) -> None:
    sent = await town.sent(home, garage)
    lent = await lend(town, home)
    owners = await person_dossier(town.office, customer_id=home.id)
    assert [one.name for one in owners.cars[0].drivers] == [lent.driver.name]
    assert (owners.drivings, owners.steps_for_others) == ((), ())
    await negotiate.withdraw(town.office, customer_id=lent.id, proposal_id=sent.proposal_id)
    town.later(DAY)
    await end(town, lent, home.id)
    drivers = await person_dossier(town.office, customer_id=lent.id)
    assert [(one.vehicle_id, one.from_ms, one.until_ms) for one in drivers.drivings] == [(home.car_id, NOW, NOW + DAY)]
    assert [(step.proposal_id, step.state) for step in drivers.steps_for_others] == [(sent.proposal_id, "withdrawn")]
    assert (drivers.cars, drivers.proposals) == ((), ()), "what is the owner's is not the driver's to take along"


async def test_all_cars_are_overlooked_at_once_ones_own_and_those_that_one_drives(
    town: Town, home: Household, garage: Garage
) -> None:
    lent = await lend(town, home)
    await town.need(home, OIL)
    sent = await town.sent(home, garage)
    stranger = await town.household()
    await town.need(stranger)
    (own,) = await overview_of(town.office, home.id)
    assert (own.vehicle, own.is_driven, own.drivers, own.is_ready) == (home.car, False, (lent.driver.name,), True)
    assert {need.item for need in own.needs} == {OIL, PADS} and own.heard_ms == NOW
    assert [one.proposal_id for one in own.under_way] == [sent.proposal_id]
    (driven,) = await overview_of(town.office, lent.id)
    assert (driven.vehicle, driven.is_driven, driven.drivers, driven.needs) == (home.car, True, (), own.needs)
    await end(town, lent, home.id)
    assert await overview_of(town.office, lent.id) == []
    assert (await overview_of(town.office, home.id))[0].drivers == ()
