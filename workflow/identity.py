"""Accounts and sessions of the built-in identity: argon2id passwords, random tokens of which only hashes are kept."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import InvalidInput, NotFound, Unauthenticated
from domain.people import Account, Customer, Role, Session
from workflow.access import Caller, hash_token
from workflow.guesses import blame_address, count_guess, forgive_guess
from workflow.machine_clients import TOKEN_PREFIX, machine_caller
from workflow.notices import PASSWORD, SESSIONS, notify
from workflow.ports import Office

SESSION_MS = 8 * 3_600_000
LINK_MS = 24 * 3_600_000
PASSWORD_LENGTH = (10, 200)


@dataclass(frozen=True, slots=True)
class SignIn:
    """A fresh session; `token` is shown once."""

    token: str
    account: Account
    expires_ms: int


def check_credentials(email: str, password: str) -> str:
    """The e-mail in its kept form; InvalidInput names which of the two is wrong."""
    email = email.strip().lower()
    name, _, host = email.partition("@")
    if not name or not host or len(email) > 254 or any(c.isspace() for c in email):
        raise InvalidInput("that is no e-mail address", field="email", fix="write it like name@example.org")
    shortest, longest = PASSWORD_LENGTH
    if not shortest <= len(password) <= longest:
        raise InvalidInput(
            f"a password has {shortest} to {longest} characters", field="password", fix="choose another one"
        )
    return email


async def register_customer(
    office: Office, *, name: str, email: str, password: str, locale: str = "en", time_zone: str = "UTC"
) -> Customer:
    """A new owner with an account; Conflict when the e-mail is taken."""
    email = check_credentials(email, password)
    if not name.strip():
        raise InvalidInput("a name is missing", field="name", fix="say how to address you")
    hashed = await office.passwords.hash(password)
    customer = Customer(office.ids.new("customer"), name.strip(), email, locale, time_zone)
    async with office.unit_of_work() as uow:
        await uow.people.add_customer(customer)
        await uow.people.add_account(
            Account(
                office.ids.new("account"),
                Role.OWNER,
                email,
                hashed,
                customer_id=customer.customer_id,
                name=customer.name,
            )
        )
    return customer


async def add_operator(office: Office, *, name: str, email: str, password: str) -> Account:
    """An operator's account; Conflict when the e-mail is taken."""
    email = check_credentials(email, password)
    if not name.strip():
        raise InvalidInput("a name is missing", field="name", fix="say how to address the operator")
    hashed = await office.passwords.hash(password)
    account = Account(office.ids.new("account"), Role.OPERATOR, email, hashed, name=name.strip())
    async with office.unit_of_work() as uow:
        await uow.people.add_account(account)
    return account


async def sign_in(office: Office, *, email: str, password: str, address: str = "") -> SignIn:
    """A session for the right e-mail and password; the same Unauthenticated for every way of being wrong.

    `address` is where the try comes from. TooManyTries when too many before it have failed: then the password is not
    looked at, be it right or wrong.
    """
    await count_guess(office, email, address)
    async with office.unit_of_work() as uow:
        account = await uow.people.account_by_email(email.strip().lower())
    # An unknown address costs the same hash as a wrong password: the time tells nothing.
    known = account.password_hash if account else await _decoy(office)
    if not await office.passwords.verify(known, password) or account is None:
        await blame_address(office, email, address)
        raise Unauthenticated("e-mail or password is wrong")
    await forgive_guess(office, email, address)
    return await _begin_session(office, account)


_decoys: dict[int, str] = {}


async def _decoy(office: Office) -> str:
    key = id(office.passwords)
    if key not in _decoys:
        _decoys[key] = await office.passwords.hash("no account has this password")
    return _decoys[key]


async def make_sign_in_link(office: Office, account_id: str) -> str:
    """A token that signs the account in once, within a day."""
    token = office.ids.secret()
    async with office.unit_of_work() as uow:
        if await uow.people.account(account_id) is None:
            raise NotFound("there is no such account")
        await uow.people.add_session(
            Session(hash_token(token), account_id, office.wall.now_ms() + LINK_MS, is_single_use=True)
        )
    return token


async def redeem_sign_in_link(office: Office, token: str) -> SignIn:
    """A session from a sign-in link, which is used up."""
    async with office.unit_of_work() as uow:
        link = await uow.people.session(hash_token(token))
        if link is None or not link.is_single_use or office.wall.now_ms() >= link.expires_ms:
            raise Unauthenticated("this sign-in link was used already or has run out")
        await uow.people.end_session(link.token_hash)
        account = await uow.people.account(link.account_id)
    if account is None:
        raise Unauthenticated("the account is gone")
    return await _begin_session(office, account)


async def _begin_session(office: Office, account: Account) -> SignIn:
    token, expires = office.ids.secret(), office.wall.now_ms() + SESSION_MS
    async with office.unit_of_work() as uow:
        await uow.people.add_session(Session(hash_token(token), account.account_id, expires))
    return SignIn(token, account, expires)


async def caller_of(office: Office, token: str) -> Caller:
    """Who bears this session or access token; Unauthenticated when nobody (any longer) does."""
    if token.startswith(TOKEN_PREFIX):
        return await machine_caller(office, token)
    async with office.unit_of_work() as uow:
        session = await uow.people.session(hash_token(token))
        if session is None or session.is_single_use or office.wall.now_ms() >= session.expires_ms:
            raise Unauthenticated("sign in first: the session is unknown or has run out")
        account = await uow.people.account(session.account_id)
    if account is None:
        raise Unauthenticated("the account is gone")
    return Caller(account.account_id, account.role, account.customer_id, account.dealer_id, account.name)


async def change_password(office: Office, *, account_id: str, current: str, new: str, token: str = "") -> None:
    """Another password for who knows the present one; every session of the account ends but that of `token`.

    Unauthenticated when the present one is wrong (it counts as a failed sign-in), InvalidInput for one that can't be.
    """
    async with office.unit_of_work() as uow:
        account = await uow.people.account(account_id)
    if account is None:
        raise NotFound("there is no such account")
    shortest, longest = PASSWORD_LENGTH
    if not shortest <= len(new) <= longest or new == current:
        raise InvalidInput(
            f"a new password has {shortest} to {longest} characters and is not the old one",
            field="new",
            fix="choose another one",
        )
    await count_guess(office, account.email, "")
    if not await office.passwords.verify(account.password_hash, current):
        raise Unauthenticated("the present password is wrong")
    await forgive_guess(office, account.email, "")
    hashed = await office.passwords.hash(new)
    async with office.unit_of_work() as uow:
        await uow.people.set_password(account_id, hashed)
        await uow.people.end_sessions_of(account_id, but=hash_token(token) if token else "")
        if account.customer_id is not None:
            await notify(uow, account.customer_id, PASSWORD, office.clock.now_ms())


async def sign_out_everywhere(office: Office, *, account_id: str) -> None:
    """End every session of the account, and every sign-in link that was not used."""
    async with office.unit_of_work() as uow:
        account = await uow.people.account(account_id)
        await uow.people.end_sessions_of(account_id)
        if account is not None and account.customer_id is not None:
            await notify(uow, account.customer_id, SESSIONS, office.clock.now_ms())


async def sign_out(office: Office, token: str) -> None:
    """End the session at once."""
    async with office.unit_of_work() as uow:
        await uow.people.end_session(hash_token(token))
