"""Failed tries to sign in, counted by what they had in common."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select, update

from adapters.records.repository import Repository
from adapters.records.tables import sign_in_guesses
from workflow.party_ports import Guesses


class SqlSignInGuesses(Repository):
    async def lock(self, keys: Collection[str], now_ms: int) -> dict[str, Guesses]:
        # In one order everywhere, so that two who share keys wait for each other and don't deadlock.
        for key in sorted(keys):
            await self._insert_new(sign_in_guesses, {"key": key, "failures": 0, "last_ms": now_ms})
        rows = await self._all(
            select(sign_in_guesses)
            .where(sign_in_guesses.c.key.in_(sorted(keys)))
            .order_by(sign_in_guesses.c.key)
            .with_for_update()
        )
        return {row.key: Guesses(row.failures, row.last_ms, row.succeeded_ms) for row in rows}

    async def set(self, key: str, failures: int, last_ms: int, *, succeeded_ms: int | None = None) -> None:
        values: dict[str, int] = {"failures": failures, "last_ms": last_ms}
        if succeeded_ms is not None:
            values["succeeded_ms"] = succeeded_ms
        await self._connection.execute(update(sign_in_guesses).where(sign_in_guesses.c.key == key).values(**values))

    async def forget_before(self, last_ms: int) -> None:
        await self._connection.execute(delete(sign_in_guesses).where(sign_in_guesses.c.last_ms < last_ms))
