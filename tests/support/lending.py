"""A car of the town that is lent to somebody."""

from __future__ import annotations

from dataclasses import dataclass

from domain.people import Customer
from tests.support.outlets import KeptReminders
from tests.support.town import Household, Town
from workflow.drivers import end_driving, invite_driver, join_car
from workflow.reminders import dispatch_reminders


@dataclass(frozen=True)
class Lent:
    """A car that is lent, and to whom."""

    home: Household
    driver: Customer

    @property
    def id(self) -> str:
        return self.driver.customer_id


async def lend(town: Town, home: Household, *, may_book: bool = True, wants_reminders: bool = False) -> Lent:
    code, _ = await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id, may_book=may_book)
    driver = await town.owner()
    await join_car(town.office, customer_id=driver.customer_id, code=code, wants_reminders=wants_reminders)
    return Lent(home, driver)


async def end(town: Town, lent: Lent, by: str) -> None:
    await end_driving(town.office, customer_id=by, vehicle_id=lent.home.car_id, driver_id=lent.id)


async def letters(town: Town) -> dict[str, list[str]]:
    """The subjects of what is due now, by who gets it."""
    outlet = KeptReminders()
    await dispatch_reminders(town.office, outlet)
    kept: dict[str, list[str]] = {}
    for customer, letter, _ in outlet.kept:
        kept.setdefault(customer.customer_id, []).append(letter.subject)
    return kept
