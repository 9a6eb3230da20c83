"""Machine clients of dealers, and the access tokens they hold; of secrets and tokens only hashes are kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, select, update

from adapters.records.repository import Repository
from adapters.records.tables import access_tokens, machine_clients
from domain.errors import Conflict
from domain.machine_client import AccessToken, MachineClient, Scope


class SqlMachineClients(Repository):
    async def add(self, client: MachineClient) -> None:
        await self._insert_or_conflict(machine_clients, _columns(client), "there is a client with this id already")

    async def get(self, client_id: str) -> MachineClient | None:
        row = await self._one(select(machine_clients).where(machine_clients.c.client_id == client_id))
        return None if row is None else _client(row)

    async def of_dealer(self, dealer_id: str) -> list[MachineClient]:
        query = select(machine_clients).where(machine_clients.c.dealer_id == dealer_id)
        rows = await self._all(query.order_by(machine_clients.c.created_ms, machine_clients.c.client_id))
        return [_client(row) for row in rows]

    async def update(self, client: MachineClient) -> None:
        change = update(machine_clients).where(machine_clients.c.client_id == client.client_id)
        if await self._changed(change.values(**_columns(client))) == 0:
            raise Conflict("there is no such client to change")

    async def add_token(self, token: AccessToken) -> None:
        row = {
            "token_hash": token.token_hash,
            "client_id": token.client_id,
            "scopes": " ".join(token.scopes),
            "expires_ms": token.expires_ms,
        }
        await self._insert_or_conflict(access_tokens, row, "this token exists already")

    async def by_token(self, token_hash: str) -> tuple[AccessToken, MachineClient] | None:
        row = await self._one(
            select(machine_clients, access_tokens.c.scopes.label("token_scopes"), access_tokens.c.expires_ms)
            .join(access_tokens, access_tokens.c.client_id == machine_clients.c.client_id)
            .where(access_tokens.c.token_hash == token_hash)
        )
        if row is None:
            return None
        return AccessToken(token_hash, row.client_id, _scopes(row.token_scopes), row.expires_ms), _client(row)

    async def end_tokens(self, client_id: str) -> None:
        await self._connection.execute(delete(access_tokens).where(access_tokens.c.client_id == client_id))

    async def forget_tokens_before(self, now_ms: int) -> None:
        await self._connection.execute(delete(access_tokens).where(access_tokens.c.expires_ms <= now_ms))


def _scopes(text: str) -> tuple[Scope, ...]:
    return tuple(Scope(name) for name in text.split())


def _columns(client: MachineClient) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "dealer_id": client.dealer_id,
        "name": client.name,
        "secret_hash": client.secret_hash,
        "scopes": " ".join(client.scopes),
        "created_ms": client.created_ms,
        "created_by": client.created_by,
        "revoked_ms": client.revoked_ms,
    }


def _client(row: Row[Any]) -> MachineClient:
    return MachineClient(
        client_id=row.client_id,
        dealer_id=row.dealer_id,
        name=row.name,
        secret_hash=row.secret_hash,
        scopes=_scopes(row.scopes),
        created_ms=row.created_ms,
        created_by=row.created_by,
        revoked_ms=row.revoked_ms,
    )
