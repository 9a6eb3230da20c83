"""Guessing passwords slows down, for whoever guesses, and keeps nobody else out."""

from __future__ import annotations

import asyncio

import pytest

from domain.errors import TooManyTries, Unauthenticated
from tests.support.town import PASSWORD, Household, Town
from workflow.guesses import FORGOTTEN_MS, FROM_ADDRESS, ON_ACCOUNT, ON_ACCOUNT_FROM_ADDRESS
from workflow.identity import SignIn, sign_in

HOME, ELSEWHERE = "198.51.100.7", "203.0.113.9"
FREE = ON_ACCOUNT_FROM_ADDRESS.free


async def _sign_in(town: Town, home: Household, address: str) -> SignIn:
    return await sign_in(town.office, email=home.owner.email, password=PASSWORD, address=address)


async def _guess(town: Town, email: str, address: str) -> None:
    with pytest.raises(Unauthenticated):
        await sign_in(town.office, email=email, password="not the password", address=address)


async def _refused_s(town: Town, email: str, address: str, password: str = PASSWORD) -> int:
    """For how many seconds a try is put off."""
    with pytest.raises(TooManyTries) as refused:
        await sign_in(town.office, email=email, password=password, address=address)
    return refused.value.retry_after_s


async def test_after_a_few_failures_each_try_waits_twice_as_long_even_the_right_one(
    town: Town, home: Household
) -> None:
    for _ in range(FREE):
        await _guess(town, home.owner.email, ELSEWHERE)
    for wait_s in (1, 2, 4, 8):
        assert await _refused_s(town, home.owner.email, ELSEWHERE) == wait_s
        town.later(wait_s * 1_000)
        await _guess(town, home.owner.email, ELSEWHERE)
    town.later(16_000)
    assert (await _sign_in(town, home, ELSEWHERE)).account.customer_id == home.id
    # The right password ends it.
    await _guess(town, home.owner.email, ELSEWHERE)
    await _sign_in(town, home, ELSEWHERE)


async def test_what_comes_too_early_makes_no_wait_longer(town: Town, home: Household) -> None:
    for _ in range(FREE):
        await _guess(town, home.owner.email, ELSEWHERE)
    assert {await _refused_s(town, home.owner.email, ELSEWHERE) for _ in range(20)} == {1}


async def test_an_account_that_does_not_exist_is_limited_alike(town: Town) -> None:
    for _ in range(FREE):
        await _guess(town, "nobody@example.test", ELSEWHERE)
    assert await _refused_s(town, " Nobody@example.TEST ", ELSEWHERE) == 1


async def test_many_guesses_at_once_are_not_all_let_through(town: Town, home: Household) -> None:
    tries = [
        sign_in(town.office, email=home.owner.email, password="not the password", address=ELSEWHERE) for _ in range(30)
    ]
    ends = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(end, Unauthenticated) for end in ends) == FREE
    assert sum(isinstance(end, TooManyTries) for end in ends) == 30 - FREE


async def test_guesses_from_elsewhere_do_not_keep_the_owner_out(town: Town, home: Household) -> None:
    await _sign_in(town, home, HOME)
    for n in range(ON_ACCOUNT.free):
        await _guess(town, home.owner.email, f"203.0.113.{n}")
    # Guesses from ever new addresses wait, at most a minute; the owner's own address does not.
    assert await _refused_s(town, home.owner.email, "192.0.2.1") == 1
    assert (await _sign_in(town, home, HOME)).account.customer_id == home.id


async def test_an_address_that_fails_at_many_accounts_waits_but_for_those_who_are_known_there(
    town: Town, home: Household
) -> None:
    newcomer = await town.household()
    await _sign_in(town, home, HOME)
    for n in range(FROM_ADDRESS.free):
        await _guess(town, f"guessed-{n}@example.test", HOME)
    assert await _refused_s(town, newcomer.owner.email, HOME) == 1
    assert (await _sign_in(town, home, HOME)).account.customer_id == home.id


async def test_addresses_of_one_ipv6_network_are_one(town: Town, home: Household) -> None:
    for n in range(FREE):
        await _guess(town, home.owner.email, f"2001:db8:1:2::{n + 1}")
    assert await _refused_s(town, home.owner.email, "2001:db8:1:2:ffff::1") == 1
    await _guess(town, home.owner.email, "2001:db8:1:3::1")


async def test_failures_are_forgotten_after_a_day(town: Town, home: Household) -> None:
    for _ in range(FREE):
        await _guess(town, home.owner.email, ELSEWHERE)
    town.later(FORGOTTEN_MS)
    for _ in range(FREE):
        await _guess(town, home.owner.email, ELSEWHERE)
    assert await _refused_s(town, home.owner.email, ELSEWHERE) == 1
