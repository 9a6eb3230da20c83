"""The outbox: what a transaction wants sent, leased to whoever sends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    FromClause,
    Row,
    Select,
    Update,
    and_,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from adapters.records.connection import Answer, Parameters, RecordsConnection
from adapters.records.documents import from_document, to_document
from adapters.records.repository import Repository, insert_new
from adapters.records.statement import Statement
from adapters.records.tables import outbox
from workflow.outbox_rows import Delivery, OutboxRow, Reminder, TopicMessage

TOPIC, DELIVERY, REMINDER = "topic", "delivery", "reminder"


class SqlOutbox(Repository):
    """Rows wait in memory until the unit of work ends or looks at the outbox, and are then written together."""

    def __init__(self, connection: RecordsConnection) -> None:
        super().__init__(connection)
        self._put: list[dict[str, Any]] = []

    async def put(self, row: TopicMessage | Delivery | Reminder, now_ms: int) -> None:
        """Add a row. A delivery or reminder whose id is here already is not added again.

        It is due at once by whatever clock it is claimed with: `now_ms` may be of a domain clock that runs ahead.
        """
        self._put.append(
            _columns(row) | {"created_ms": now_ms, "due_ms": 0, "lease_until_ms": 0, "attempts": 0, "last_error": ""}
        )

    async def flush(self) -> None:
        """Write what was put; the unit of work calls it before it commits."""
        if self._put:
            rows, self._put = self._put, []
            await self._connection.write(insert_new(outbox, self._is_postgres), rows)

    async def _execute(self, statement: Statement | Executable, parameters: Parameters = None) -> Answer:
        await self.flush()
        return await super()._execute(statement, parameters)

    async def claim(self, kind: str, limit: int, now_ms: int, lease_ms: int) -> list[OutboxRow]:
        """Lease due rows; `attempts` of a row is how often it was claimed before."""
        query = select(outbox.c.outbox_id).where(is_free(kind, now_ms))
        query = query.order_by(outbox.c.outbox_id).limit(limit)
        is_ordered = kind == TOPIC
        query = query.where(~_is_behind_another(now_ms)) if is_ordered else query.with_for_update(skip_locked=True)
        candidates = [row.outbox_id for row in await self._all(query)]
        if not candidates:
            return []
        locked = await self._all(lock_those_free(candidates, now_ms))
        rows = await self._without_overtaking(candidates, locked) if kind == TOPIC else locked
        await self._execute(lease(rows, now_ms + lease_ms))
        return [_outbox_row(row) for row in rows]

    async def done(self, outbox_ids: Sequence[int], now_ms: int) -> None:
        if outbox_ids:
            await self._execute(
                update(outbox)
                .where(outbox.c.outbox_id.in_(sorted(outbox_ids)), is_not_over())
                .values(done_ms=now_ms, last_error="")
            )

    async def retry(self, outbox_id: int, at_ms: int, error: str) -> None:
        await self._execute(
            update(outbox)
            .where(outbox.c.outbox_id == outbox_id, is_not_over())
            .values(due_ms=at_ms, lease_until_ms=0, last_error=error[:500])
        )

    async def drop(self, outbox_id: int, why: str, now_ms: int) -> None:
        # What must not be sent need not be kept either: the row stays, its content goes.
        await self._execute(
            update(outbox)
            .where(outbox.c.outbox_id == outbox_id, is_not_over())
            .values(dropped_reason=why, done_ms=now_ms, lease_until_ms=0, body=None, document=None)
        )

    async def waiting(self, now_ms: int) -> int:
        row = await self._one(
            select(func.count().label("rows")).select_from(outbox).where(is_waiting(outbox), outbox.c.due_ms <= now_ms)
        )
        return 0 if row is None else int(row.rows)

    async def forget(self, *, over_before_ms: int, dead_before_ms: int, limit: int) -> int:
        over = select(outbox.c.outbox_id).where(
            or_(outbox.c.done_ms < over_before_ms, outbox.c.dead_ms < dead_before_ms)
        )
        return await self._changed(delete(outbox).where(outbox.c.outbox_id.in_(over.limit(limit))))

    async def _without_overtaking(self, candidates: list[int], locked: Sequence[Row[Any]]) -> list[Row[Any]]:
        """The locked rows, less those whose older sister of the same key slipped away between look and lock.

        She is with a claimer who has not committed yet, or has been given back to wait; or she is done, and the younger
        ones go with the next claim.
        """
        missing = set(candidates) - {row.outbox_id for row in locked}
        if not missing:
            return list(locked)
        slipped = await self._all(
            select(outbox.c.outbox_id, outbox.c.topic, outbox.c.message_key).where(outbox.c.outbox_id.in_(missing))
        )
        oldest: dict[tuple[str, str], int] = {}
        for row in slipped:
            key = (row.topic, row.message_key)
            oldest[key] = min(row.outbox_id, oldest.get(key, row.outbox_id))
        return [row for row in locked if row.outbox_id < oldest.get((row.topic, row.message_key), row.outbox_id + 1)]


def lock_those_free(candidates: Sequence[int], now_ms: int) -> Select[Any]:
    """These rows, in their order: those that nobody took between the look at them and this lock."""
    free = and_(outbox.c.outbox_id.in_(candidates), is_not_over(), _is_due(now_ms))
    return select(outbox).where(free).order_by(outbox.c.outbox_id).with_for_update(skip_locked=True)


def lease(rows: Sequence[Row[Any]], until_ms: int) -> Update:
    """Give these rows to who claims them, until then."""
    own = update(outbox).where(outbox.c.outbox_id.in_([row.outbox_id for row in rows]))
    return own.values(lease_until_ms=until_ms, attempts=outbox.c.attempts + 1)


def is_waiting(rows: FromClause) -> ColumnElement[bool]:
    """Neither over nor given up."""
    return and_(rows.c.done_ms.is_(None), rows.c.dead_ms.is_(None))


def is_not_over() -> ColumnElement[bool]:
    """As `is_waiting`, of rows that are named by their ids.

    In other words, as PostgreSQL would take an index of the waiting rows for the condition and read it from end to end:
    its statistics are of a moment at which next to none waited.
    """
    return func.coalesce(outbox.c.done_ms, outbox.c.dead_ms).is_(None)


def is_kind(rows: FromClause, kind: str) -> ColumnElement[bool]:
    """The kind as a constant: behind a parameter a prepared plan cannot tell which index of one kind will do."""
    return rows.c.kind == literal(kind, literal_execute=True)


def is_free(kind: str, now_ms: int) -> ColumnElement[bool]:
    """Due, and with nobody."""
    return and_(is_kind(outbox, kind), is_waiting(outbox), _is_due(now_ms))


def _is_due(now_ms: int) -> ColumnElement[bool]:
    return and_(outbox.c.due_ms <= now_ms, outbox.c.lease_until_ms <= now_ms)


def _is_behind_another(now_ms: int) -> ColumnElement[bool]:
    """Whether an older row of the key is with another claimer, or waits to be tried again.

    Those rows are gathered once: looked for by each candidate, they cost as many looks at all that waits as there are
    candidates, whenever the planner takes the table of its last statistics, with nothing waiting, for today's.
    """
    older = outbox.alias("older")
    held = (
        select(older.c.topic, older.c.message_key, func.min(older.c.outbox_id).label("first"))
        .where(is_kind(older, TOPIC), is_waiting(older), or_(older.c.lease_until_ms > now_ms, older.c.due_ms > now_ms))
        .group_by(older.c.topic, older.c.message_key)
        .cte("held")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return exists().where(
        held.c.topic == outbox.c.topic, held.c.message_key == outbox.c.message_key, held.c.first < outbox.c.outbox_id
    )


def _columns(row: TopicMessage | Delivery | Reminder) -> dict[str, Any]:
    # Every kind names every column, so that one prepared statement serves all.
    nothing = dict.fromkeys(
        ("put_once", "topic", "message_key", "body", "document", "customer_id", "dealer_id", "grant_id")
    )
    if isinstance(row, TopicMessage):
        return nothing | {"kind": TOPIC, "topic": row.topic, "message_key": row.key, "body": row.value}
    if isinstance(row, Delivery):
        return nothing | {
            "kind": DELIVERY,
            "put_once": f"{DELIVERY}/{row.delivery_id}",
            "dealer_id": row.dealer_id,
            "grant_id": row.grant_id,
            "message_key": row.subject or None,
            "document": to_document(row),
        }
    return nothing | {
        "kind": REMINDER,
        "put_once": f"{REMINDER}/{row.reminder_id}",
        "customer_id": row.customer_id,
        "document": to_document(row),
    }


def _outbox_row(row: Row[Any]) -> OutboxRow:
    if row.kind == TOPIC:
        message = TopicMessage(row.topic, row.message_key, row.body)
        return OutboxRow(row.outbox_id, message=message, attempts=row.attempts)
    return OutboxRow(row.outbox_id, reminder=from_document(row.document, Reminder), attempts=row.attempts)
