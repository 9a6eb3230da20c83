"""Who drives a car, on both databases: one code, one driver; a right that was looked at outlasts the step."""

from __future__ import annotations

import asyncio

import pytest

from adapters.records import Records
from domain.errors import Conflict
from domain.people import DriverInvitation, Driving
from tests.contract.samples import NOW
from tests.support.moments import DAY
from tests.support.town import Household, Town

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

    async def come() -> DriverInvitation | None:
        async with records.unit_of_work() as uow:
            return await uow.drivers.take_invitation(CODE, NOW)

    taken = await asyncio.gather(*(come() for _ in range(20)))
    assert [one for one in taken if one is not None] == [invitation]


async def test_a_code_that_has_run_out_is_none(records: Records) -> None:
    home = await Town(records).household()
    async with records.unit_of_work() as uow:
        await uow.drivers.invite(CODE, DriverInvitation(home.car_id, home.id, True, NOW))
        assert await uow.drivers.take_invitation(CODE, NOW) is None
        assert await uow.drivers.take_invitation(CODE, NOW - 1) is not None


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
        await uow.drivers.update(changed)
        assert await uow.drivers.driving(home.car_id, driver) == changed
        assert await uow.drivers.driven_by(driver) == [(home.car, changed)]
        await uow.drivers.end_all(home.car_id, NOW + 1)
        assert await uow.drivers.driving(home.car_id, driver) is None
        assert await uow.drivers.driven_by(driver) == []
    with pytest.raises(Conflict, match="no longer"):
        async with records.unit_of_work() as uow:
            await uow.drivers.update(changed)


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
