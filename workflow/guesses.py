"""Limits on guessing passwords: per address, per account, and per account from one address.

A try at an account is counted as a failure before the password is looked at, so that many at once are not all let
through; the right password takes its count back. An address is counted when it has failed: many people may sign in
from one at the same moment. Nothing here asks whether the account exists: an unknown one is limited alike.
"""

from __future__ import annotations

import hashlib
import ipaddress

from domain.errors import TooManyTries
from domain.guess_limit import GuessLimit
from workflow.party_ports import Guesses
from workflow.ports import Office

MINUTE_MS = 60_000
DAY_MS = 86_400_000
FORGOTTEN_MS = DAY_MS
"""After a day without another failure all of them are forgotten."""
KNOWN_MS = 90 * DAY_MS
"""So long an account's own address stays known after signing in from it."""

ON_ACCOUNT_FROM_ADDRESS = GuessLimit(free=5, first_ms=1_000, most_ms=15 * MINUTE_MS)
# These two do not hold where an account signed in from the address before: else whoever guesses could keep its owner
# out, from anywhere or from a network that both are in.
FROM_ADDRESS = GuessLimit(free=50, first_ms=1_000, most_ms=15 * MINUTE_MS)
ON_ACCOUNT = GuessLimit(free=50, first_ms=1_000, most_ms=MINUTE_MS)


async def count_guess(office: Office, email: str, address: str) -> None:
    """Count a try to sign in before it is made; TooManyTries, and nothing counted, when it comes too early.

    `address` is the network address it comes from; empty where there is none, as in a use case run by a program.
    """
    now = office.wall.now_ms()
    from_address, on_account, both = _keys(email, address)
    async with office.unit_of_work() as uow:
        await uow.guesses.forget_before(now - KNOWN_MS)
        found = await uow.guesses.lock([from_address, on_account, both], now)
        limits = {both: ON_ACCOUNT_FROM_ADDRESS}
        if (found[both].succeeded_ms or 0) <= now - KNOWN_MS:
            limits |= {from_address: FROM_ADDRESS, on_account: ON_ACCOUNT}
        # A clock that was set back must keep nobody out: what was counted ahead of it counts as of now.
        wait_ms = max(
            limit.wait_ms(_remembered(found[key], now)) - max(0, now - found[key].last_ms)
            for key, limit in limits.items()
        )
        if wait_ms > 0:
            raise TooManyTries("too many tries to sign in: wait a little", retry_after_s=-(-wait_ms // 1_000))
        for key in (on_account, both):
            await uow.guesses.set(key, _remembered(found[key], now) + 1, now)


async def blame_address(office: Office, email: str, address: str) -> None:
    """Count a failure of the address."""
    now = office.wall.now_ms()
    from_address, _, _ = _keys(email, address)
    async with office.unit_of_work() as uow:
        found = await uow.guesses.lock([from_address], now)
        await uow.guesses.set(from_address, _remembered(found[from_address], now) + 1, now)


async def forgive_guess(office: Office, email: str, address: str) -> None:
    """Take back the count of a try that had the right password, and know the address from now on."""
    now = office.wall.now_ms()
    _, on_account, both = _keys(email, address)
    async with office.unit_of_work() as uow:
        found = await uow.guesses.lock([on_account, both], now)
        # Of all addresses one less, not none: what others guess meanwhile stays counted.
        await uow.guesses.set(on_account, max(0, found[on_account].failures - 1), found[on_account].last_ms)
        await uow.guesses.set(both, 0, now, succeeded_ms=now)


def _remembered(guesses: Guesses, now_ms: int) -> int:
    return guesses.failures if guesses.last_ms > now_ms - FORGOTTEN_MS else 0


def _keys(email: str, address: str) -> tuple[str, str, str]:
    """What is counted under: hashes, so that the table names nobody."""
    account, network = email.strip().casefold(), _network(address)
    names = (f"address\n{network}", f"account\n{account}", f"both\n{network}\n{account}")
    first, second, third = (hashlib.sha256(name.encode()).hexdigest() for name in names)
    return first, second, third


def _network(address: str) -> str:
    """The address, or of IPv6 its /64: that much belongs to whoever has one of them."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
