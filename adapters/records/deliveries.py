"""Deliveries to dealers' webhooks: rows of the outbox that wait for each other by subject and are tried for days."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Executable, Row, and_, bindparam, exists, func, select, update

from adapters.records.connection import Answer, Parameters, RecordsConnection
from adapters.records.documents import from_document, to_document
from adapters.records.outbox import (
    DELIVERY,
    SqlOutbox,
    is_free,
    is_kind,
    is_not_over,
    is_waiting,
    lease,
    lock_those_free,
)
from adapters.records.repository import Repository
from adapters.records.statement import Statement
from adapters.records.tables import outbox
from domain.delivery_state import DeliveryState
from workflow.outbox_rows import AttemptEnd, ClaimedDelivery, Delivery, DeliveryAttempt, DeliveryRecord

_END = Statement(
    update(outbox)
    .where(outbox.c.outbox_id == bindparam("of_row"), is_not_over())
    .values(
        lease_until_ms=0,
        due_ms=bindparam("due"),
        done_ms=bindparam("done"),
        dead_ms=bindparam("dead"),
        last_error=bindparam("error"),
        attempt_log=bindparam("log"),
    )
)
_ATTEMPTS = msgspec.json.Decoder(tuple[DeliveryAttempt, ...])


class SqlDeliveries(Repository):
    def __init__(self, connection: RecordsConnection, outbox_rows: SqlOutbox) -> None:
        super().__init__(connection)
        self._outbox = outbox_rows

    async def _execute(self, statement: Statement | Executable, parameters: Parameters = None) -> Answer:
        await self._outbox.flush()
        return await super()._execute(statement, parameters)

    async def claim(
        self, limit: int, now_ms: int, lease_ms: int, *, per_dealer: int, without: Collection[str] = ()
    ) -> list[ClaimedDelivery]:
        place = func.row_number().over(partition_by=outbox.c.dealer_id, order_by=outbox.c.outbox_id).label("place")
        ranked = (
            select(outbox.c.outbox_id, place)
            .where(is_free(DELIVERY, now_ms), outbox.c.dealer_id.not_in(without), ~_is_behind_another())
            .subquery()
        )
        first = select(ranked.c.outbox_id).where(ranked.c.place <= per_dealer).order_by(ranked.c.outbox_id).limit(limit)
        candidates = [row.outbox_id for row in await self._all(first)]
        if not candidates:
            return []
        locked = await self._all(lock_those_free(candidates, now_ms))
        await self._execute(lease(locked, now_ms + lease_ms))
        return [
            ClaimedDelivery(
                row.outbox_id, from_document(row.document, Delivery), row.attempts, attempts_of(row.attempt_log)
            )
            for row in locked
        ]

    async def release(self, outbox_ids: Collection[int]) -> None:
        if outbox_ids:
            await self._execute(
                update(outbox)
                .where(outbox.c.outbox_id.in_(outbox_ids), is_not_over())
                .values(lease_until_ms=0, attempts=outbox.c.attempts - 1)
            )

    async def end(self, ends: Sequence[AttemptEnd]) -> None:
        if ends:
            await self._outbox.flush()
            in_order = sorted(ends, key=lambda end: end.claimed.outbox_id)
            await self._connection.write(_END, [_ended(end) for end in in_order])

    async def find(self, delivery_id: str) -> DeliveryRecord | None:
        row = await self._one(select(outbox).where(outbox.c.put_once == f"{DELIVERY}/{delivery_id}"))
        return None if row is None else _record(row)

    async def page(
        self, *, dealer_id: str | None, state: DeliveryState | None, before: int | None, limit: int
    ) -> list[DeliveryRecord]:
        query = select(outbox).where(outbox.c.kind == DELIVERY)
        if dealer_id is not None:
            query = query.where(outbox.c.dealer_id == dealer_id)
        if state is not None:
            query = query.where(_stands(state))
        if before is not None:
            query = query.where(outbox.c.outbox_id < before)
        rows = await self._all(query.order_by(outbox.c.outbox_id.desc()).limit(limit))
        return [_record(row) for row in rows]

    async def replay(self, outbox_ids: Collection[int], now_ms: int) -> None:
        await self._execute(
            update(outbox)
            .where(outbox.c.outbox_id.in_(outbox_ids), outbox.c.dropped_reason.is_(None))
            .values(done_ms=None, dead_ms=None, due_ms=0, attempts=0, created_ms=now_ms)
        )

    async def give_up_before(self, created_ms: int, now_ms: int) -> None:
        await self._execute(
            update(outbox)
            .where(
                outbox.c.kind == DELIVERY,
                is_waiting(outbox),
                outbox.c.created_ms < created_ms,
                outbox.c.lease_until_ms <= now_ms,
            )
            .values(dead_ms=now_ms)
        )

    async def drop_under(self, grant_id: str, why: str, now_ms: int) -> None:
        # What carries nothing needs no consent, and says so in its document: it is looked at here, not by the database.
        rows = await self._all(
            select(outbox.c.outbox_id, outbox.c.document)
            .where(
                outbox.c.grant_id == grant_id,
                outbox.c.kind == DELIVERY,
                outbox.c.done_ms.is_(None),
                outbox.c.lease_until_ms <= now_ms,
            )
            .with_for_update()
        )
        ended = [row.outbox_id for row in rows if from_document(row.document, Delivery).needs_consent]
        if ended:
            await self._execute(
                update(outbox)
                .where(outbox.c.outbox_id.in_(ended))
                .values(dropped_reason=why, done_ms=now_ms, dead_ms=None, document=None)
            )

    async def rewrite_under(self, grant_id: str, rewritten: Callable[[Delivery], Delivery]) -> None:
        rows = await self._all(
            select(outbox.c.outbox_id, outbox.c.document)
            .where(outbox.c.grant_id == grant_id, outbox.c.kind == DELIVERY, outbox.c.document.is_not(None))
            .order_by(outbox.c.outbox_id)
            .with_for_update()
        )
        for row in rows:
            delivery = from_document(row.document, Delivery)
            if delivery.needs_consent:
                change = update(outbox).where(outbox.c.outbox_id == row.outbox_id)
                await self._execute(change.values(document=to_document(rewritten(delivery))))


def attempts_of(log: str | None) -> tuple[DeliveryAttempt, ...]:
    """The attempts in a row's log, the oldest first."""
    return _ATTEMPTS.decode(log) if log else ()


def _stands(state: DeliveryState) -> ColumnElement[bool]:
    over, dropped = outbox.c.done_ms.is_not(None), outbox.c.dropped_reason.is_not(None)
    return {
        DeliveryState.WAITING: is_waiting(outbox),
        DeliveryState.DELIVERED: and_(over, ~dropped),
        DeliveryState.DROPPED: dropped,
        DeliveryState.GIVEN_UP: outbox.c.dead_ms.is_not(None),
    }[state]


def _record(row: Row[Any]) -> DeliveryRecord:
    if row.dropped_reason is not None:
        state = DeliveryState.DROPPED
    elif row.dead_ms is not None:
        state = DeliveryState.GIVEN_UP
    else:
        state = DeliveryState.WAITING if row.done_ms is None else DeliveryState.DELIVERED
    return DeliveryRecord(
        outbox_id=row.outbox_id,
        delivery_id=row.put_once.removeprefix(f"{DELIVERY}/"),
        dealer_id=row.dealer_id,
        state=state,
        delivery=None if row.document is None else from_document(row.document, Delivery),
        tries=row.attempts,
        attempts=attempts_of(row.attempt_log),
        due_ms=row.due_ms,
        over_ms=row.dead_ms if row.done_ms is None else row.done_ms,
        dropped_reason=row.dropped_reason or "",
    )


def _ended(end: AttemptEnd) -> dict[str, object]:
    went = not end.attempt.error
    log = (*end.claimed.attempts, end.attempt)
    return {
        "of_row": end.claimed.outbox_id,
        "due": 0 if end.again_ms is None else end.again_ms,
        "done": end.attempt.ended_ms if went else None,
        "dead": end.attempt.ended_ms if not went and end.again_ms is None else None,
        "error": end.attempt.error,
        "log": msgspec.json.encode(log).decode(),
    }


def _is_behind_another() -> ColumnElement[bool]:
    """Whether an older delivery about the same waits, is under way, or is to be tried again."""
    older = outbox.alias("older")
    return exists().where(
        is_kind(older, DELIVERY),
        older.c.dealer_id == outbox.c.dealer_id,
        older.c.message_key == outbox.c.message_key,
        older.c.outbox_id < outbox.c.outbox_id,
        is_waiting(older),
    )
