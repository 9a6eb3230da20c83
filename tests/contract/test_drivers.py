"""Who drives a car, on both databases: one code, one driver; a right that was looked at outlasts the step."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from adapters.records import Records
from domain.errors import Conflict, InvalidInput, NotFound, TryAgain
from domain.people import DriverInvitation, Driving
from tests.contract.samples import NOW
from tests.support.moments import DAY
from tests.support.town import Household, Town
from workflow.drivers import invite_driver, join_car, let_driver, remind_driver
from workflow.sale import sell_vehicle

CODE = "a-hash"


@pytest.fixture
async def lent(records: Records) -> tuple[Household, str]:
    """A household, and somebody who drives its car."""
    town = Town(records)
    home, driver = await town.household(), (await town.owner()).customer_id
    async with records.unit_of_work() as uow:
        await uow.drivers.begin(Driving(home.car_id, driver, NOW, may_book=True))
    return home, driver


async def test_of_two_who_come_with_one_code_one_gets_it(records: Records) -> None:
    home = await Town(records).household()
    invitation = DriverInvitation(home.car_id, home.id, True, NOW + DAY)
    async with records.unit_of_work() as uow:
        await uow.drivers.invite(CODE, invitation)

    async def come() -> bool:
        async with records.unit_of_work() as uow:
            assert await uow.drivers.invitation(CODE, NOW) in (invitation, None)
            return await uow.drivers.take_invitation(CODE, NOW)

    assert sum(await asyncio.gather(*(come() for _ in range(20)))) == 1


async def test_a_code_that_has_run_out_is_none(records: Records) -> None:
    home = await Town(records).household()
    async with records.unit_of_work() as uow:
        await uow.drivers.invite(CODE, DriverInvitation(home.car_id, home.id, True, NOW))
        assert await uow.drivers.invitation(CODE, NOW) is None
        assert not await uow.drivers.take_invitation(CODE, NOW)
        assert len(await uow.drivers.invitations(home.car_id, NOW - 1)) == 1
        await uow.drivers.forget_invitations(NOW - 1)
        assert await uow.drivers.take_invitation(CODE, NOW - 1)


async def test_nobody_drives_a_car_twice_at_a_time_but_may_come_back(
    records: Records, lent: tuple[Household, str]
) -> None:
    home, driver = lent
    with pytest.raises(Conflict, match="already"):
        async with records.unit_of_work() as uow:
            await uow.drivers.begin(Driving(home.car_id, driver, NOW + 1, may_book=False))
    async with records.unit_of_work() as uow:
        assert await uow.drivers.end(home.car_id, driver, NOW + 2)
        assert not await uow.drivers.end(home.car_id, driver, NOW + 2)
        await uow.drivers.begin(Driving(home.car_id, driver, NOW + 3, may_book=False))
        assert await uow.drivers.of_vehicle(home.car_id) == [Driving(home.car_id, driver, NOW + 3, may_book=False)]


async def test_what_they_may_and_want_changes_while_they_drive(records: Records, lent: tuple[Household, str]) -> None:
    home, driver = lent
    changed = Driving(home.car_id, driver, NOW, may_book=False, wants_reminders=True)
    async with records.unit_of_work() as uow:
        assert await uow.drivers.let(home.car_id, driver, may_book=False)
        assert await uow.drivers.remind(home.car_id, driver, wants_reminders=True)
        assert await uow.drivers.driving(home.car_id, driver) == changed
        assert await uow.drivers.driven_by(driver) == [(home.car, changed)]
        await uow.drivers.end_all(home.car_id, NOW + 1)
        assert await uow.drivers.driving(home.car_id, driver) is None
        assert await uow.drivers.driven_by(driver) == []
        assert not await uow.drivers.let(home.car_id, driver, may_book=True)
        assert not await uow.drivers.remind(home.car_id, driver, wants_reminders=False)


async def test_whoever_comes_while_a_car_is_sold_drives_it_for_nobody(records: Records) -> None:
    """Codes are made out and used beside the sale: afterwards nobody drives the car, and no code of it counts."""
    town = Town(records)
    for _ in range(5):
        home = await town.household()
        guests = [(await town.owner()).customer_id for _ in range(3)]
        codes = [(await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id))[0] for _ in guests]

        async def join(guest: str, code: str) -> None:
            with contextlib.suppress(InvalidInput, TryAgain):
                await join_car(town.office, customer_id=guest, code=code)

        async def invite(home: Household = home) -> None:
            with contextlib.suppress(NotFound, TryAgain):
                await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id)

        sale = records.run(lambda home=home: sell_vehicle(town.office, customer_id=home.id, vehicle_id=home.car_id))
        joins = [join(guest, code) for guest, code in zip(guests, codes, strict=True)]
        await asyncio.gather(*joins, sale, *(invite() for _ in range(3)))
        async with records.unit_of_work() as uow:
            assert await uow.drivers.of_vehicle(home.car_id) == []
            assert await uow.drivers.invitations(home.car_id, 0) == []


async def test_many_who_change_and_look_at_one_driving_do_not_stop_each_other(
    records: Records, lent: tuple[Household, str]
) -> None:
    home, driver = lent
    town = Town(records)
    own = {"customer_id": home.id, "vehicle_id": home.car_id, "driver_id": driver}
    steps = [let_driver(town.office, may_book=bool(n % 2), **own) for n in range(6)]
    steps += [
        remind_driver(town.office, customer_id=driver, vehicle_id=home.car_id, wants_reminders=True) for _ in range(6)
    ]
    await asyncio.gather(*steps)
    async with records.unit_of_work() as uow:
        found = await uow.drivers.driving(home.car_id, driver)
    assert found is not None and found.wants_reminders, "no change is lost"


async def test_a_right_that_a_step_has_looked_at_ends_after_the_step(
    records: Records, lent: tuple[Household, str]
) -> None:
    home, driver = lent
    told: list[str] = []

    async def end() -> None:
        async with records.unit_of_work() as uow:
            await uow.drivers.end(home.car_id, driver, NOW + 1)
        told.append("ended")

    async with records.unit_of_work() as uow:
        assert await uow.drivers.driving(home.car_id, driver) is not None
        ending = asyncio.create_task(end())
        for _ in range(20):
            await asyncio.sleep(0.005)
        told.append("step")
    await ending
    assert told == ["step", "ended"]
