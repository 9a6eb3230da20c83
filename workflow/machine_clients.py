"""Machine clients of dealers: made and revoked by people, signed in by client credentials (RFC 6749, section 4.4)."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from domain.errors import InvalidInput, NotFound, Unauthenticated
from domain.machine_client import LONGEST_NAME, AccessToken, MachineClient, Scope, scopes_of
from domain.people import Role
from workflow.access import Caller, hash_token, require_own_site
from workflow.known_dealer import known_dealer
from workflow.ports import Office

TOKEN_MS = 30 * 60_000
TOKEN_PREFIX = "pitcall_at_"  # noqa: S105 - tells a token from a session, and a scanner of leaked secrets what it is
SECRET_PREFIX = "pitcall_cs_"  # noqa: S105
MOST_CLIENTS = 50


@dataclass(frozen=True, slots=True)
class NewClient:
    """A fresh client; `secret` is shown once."""

    client: MachineClient
    secret: str


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A fresh access token; `token` is shown once."""

    token: str
    scopes: tuple[Scope, ...]
    lasts_s: int


async def make_client(office: Office, caller: Caller, *, dealer_id: str, name: str, scopes: Iterable[str]) -> NewClient:
    """A client for one of the dealer's systems; InvalidInput names what is missing, NotFound for a foreign dealer."""
    require_own_site(caller, dealer_id)
    if not 1 <= len(name.strip()) <= LONGEST_NAME:
        raise InvalidInput("a name is missing or too long", field="name", fix="say which system this is for")
    granted = scopes_of(scopes, field="scopes")
    if not granted:
        raise InvalidInput("a client without a scope may do nothing", field="scopes", fix="of " + ", ".join(Scope))
    secret = SECRET_PREFIX + office.ids.secret(32)
    client = MachineClient(
        client_id=office.ids.new("client"),
        dealer_id=dealer_id,
        name=name.strip(),
        secret_hash=hash_token(secret),
        scopes=granted,
        created_ms=office.wall.now_ms(),
        created_by=caller.account_id,
    )
    async with office.unit_of_work() as uow:
        await known_dealer(uow, dealer_id)
        live = [c for c in await uow.machine_clients.of_dealer(dealer_id) if c.is_live]
        if len(live) >= MOST_CLIENTS:
            raise InvalidInput(f"a dealer has at most {MOST_CLIENTS} clients", field="name", fix="revoke one first")
        await uow.machine_clients.add(client)
    return NewClient(client, secret)


async def clients_of(office: Office, caller: Caller, *, dealer_id: str) -> list[MachineClient]:
    """All clients of the dealer, revoked ones too, the oldest first."""
    require_own_site(caller, dealer_id)
    async with office.unit_of_work() as uow:
        await known_dealer(uow, dealer_id)
        return await uow.machine_clients.of_dealer(dealer_id)


async def revoke_client(office: Office, caller: Caller, *, dealer_id: str, client_id: str) -> MachineClient:
    """End a client and every token it holds, at once; revoking again changes nothing."""
    require_own_site(caller, dealer_id)
    async with office.unit_of_work() as uow:
        client = await uow.machine_clients.get(client_id)
        if client is None or client.dealer_id != dealer_id:
            raise NotFound("there is no such client")
        revoked = client.revoked(office.wall.now_ms())
        await uow.machine_clients.update(revoked)
        await uow.machine_clients.end_tokens(client_id)
    return revoked


async def issue_token(office: Office, *, client_id: str, secret: str, scopes: Iterable[str] = ()) -> IssuedToken:
    """A token for the right id and secret; the same Unauthenticated for every way of being wrong.

    Without `scopes` it gets all of the client's; InvalidInput (field `scope`) for one the client does not have.
    """
    now = office.wall.now_ms()
    given = hash_token(secret)
    async with office.unit_of_work() as uow:
        client = await uow.machine_clients.get(client_id)
        known = client.secret_hash if client else hash_token("")
        # The secret is as random as a key: comparing its hash in constant time is all that guessing could be told.
        if not hmac.compare_digest(known, given) or client is None or not client.is_live:
            raise Unauthenticated("the client id or its secret is wrong")
        wanted = scopes_of(scopes, field="scope") or client.scopes
        if not set(wanted) <= set(client.scopes):
            raise InvalidInput(
                "the client does not have every scope asked for", field="scope", fix="of " + ", ".join(client.scopes)
            )
        token = TOKEN_PREFIX + office.ids.secret(32)
        await uow.machine_clients.forget_tokens_before(now)
        await uow.machine_clients.add_token(AccessToken(hash_token(token), client_id, wanted, now + TOKEN_MS))
    return IssuedToken(token, wanted, TOKEN_MS // 1000)


async def machine_caller(office: Office, token: str) -> Caller:
    """Which client bears this access token; Unauthenticated once it has run out or the client was revoked."""
    async with office.unit_of_work() as uow:
        found = await uow.machine_clients.by_token(hash_token(token))
    if found is None:
        raise Unauthenticated("this access token is unknown or was revoked")
    access, client = found
    if not client.is_live or office.wall.now_ms() >= access.expires_ms:
        raise Unauthenticated("this access token has run out: ask for another")
    scopes = frozenset(access.scopes) & frozenset(client.scopes)
    return Caller(client.client_id, Role.MACHINE, dealer_id=client.dealer_id, name=client.name, scopes=scopes)
