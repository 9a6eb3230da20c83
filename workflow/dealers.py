"""Dealers: approved by an operator, never by themselves; and what their sites have to promise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from domain.errors import InvalidInput
from domain.opening_hours import Holiday, OpeningHours
from domain.people import Account, Dealer, Role
from domain.site import Site, make_site
from workflow.dealer_webhooks import webhook_secret
from workflow.identity import check_credentials
from workflow.known_dealer import known_dealer
from workflow.ports import Office

LONGEST_NAME = 200
Technicians = Sequence[tuple[str, Sequence[str]]]


async def approve_dealer(
    office: Office,
    *,
    name: str,
    address: str,
    hours: OpeningHours,
    bays: int,
    advisor_name: str,
    advisor_email: str,
    advisor_password: str,
    webhook_url: str = "",
    technicians: Technicians = (),
    loaners: Sequence[str] = (),
) -> tuple[Dealer, Account]:
    """A new dealer with its site and its first service advisor; Conflict when the advisor's e-mail is taken."""
    email = check_credentials(advisor_email, advisor_password)
    site = make_site(hours, bays, technicians, loaners, office.catalogue.skills)
    hashed = await office.passwords.hash(advisor_password)
    dealer = Dealer(
        dealer_id=office.ids.new("dealer"),
        name=name,
        address=address,
        hours=site.hours,
        bays=site.bays,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret(office.ids) if webhook_url else "",
        technicians=site.technicians,
        loaners=site.loaners,
    )
    account = Account(
        office.ids.new("account"), Role.ADVISOR, email, hashed, dealer_id=dealer.dealer_id, name=advisor_name
    )
    async with office.unit_of_work() as uow:
        await uow.people.add_dealer(dealer)
        await uow.people.add_account(account)
    return dealer, account


async def change_site(
    office: Office,
    *,
    dealer_id: str,
    hours: OpeningHours,
    bays: int,
    technicians: Technicians = (),
    loaners: Sequence[str] = (),
) -> Site:
    """What the dealer promises from now on. What was promised before stands, and stays held."""
    site = make_site(hours, bays, technicians, loaners, office.catalogue.skills)
    async with office.unit_of_work() as uow:
        await uow.holds.take_turn(dealer_id)
        dealer = await known_dealer(uow, dealer_id)
        await uow.people.update_dealer(dealer.at(site))
    return site


async def close_day(office: Office, *, dealer_id: str, day: date, name: str) -> None:
    """Promise nothing on the day from now on; what is promised already stands. The name replaces an earlier one."""
    if len(name) > LONGEST_NAME:
        raise InvalidInput("the name is too long", field="name", fix=f"use at most {LONGEST_NAME} characters")
    await _change_hours(office, dealer_id, lambda hours: hours.closed_on(Holiday(day, name)))


async def open_day(office: Office, *, dealer_id: str, day: date) -> None:
    """Take a holiday back; nothing changes where there is none."""
    await _change_hours(office, dealer_id, lambda hours: hours.opened_on(day))


async def _change_hours(office: Office, dealer_id: str, change: Callable[[OpeningHours], OpeningHours]) -> None:
    async with office.unit_of_work() as uow:
        await uow.holds.take_turn(dealer_id)
        dealer = await known_dealer(uow, dealer_id)
        await uow.people.update_dealer(replace(dealer, hours=change(dealer.hours)))


async def site_of(office: Office, dealer_id: str) -> Site:
    """The dealer's site as it stands."""
    async with office.unit_of_work() as uow:
        dealer = await known_dealer(uow, dealer_id)
    return dealer.site


async def dealers(office: Office) -> list[Dealer]:
    """All approved dealers."""
    async with office.unit_of_work() as uow:
        return await uow.people.dealers()
