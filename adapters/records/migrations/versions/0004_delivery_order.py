"""Deliveries keep their attempts, wait for older ones of their subject, and are given up after some days."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0005"
branch_labels = None
depends_on = None

WAITING_BEFORE = "done_ms IS NULL AND dropped_reason IS NULL"
WAITING = "done_ms IS NULL AND dead_ms IS NULL"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("dead_ms", sa.BigInteger))
    op.add_column("outbox", sa.Column("attempt_log", sa.Text))
    # When a row was dropped had not been kept; its creation is the latest that is known.
    op.execute("UPDATE outbox SET done_ms = created_ms WHERE dropped_reason IS NOT NULL AND done_ms IS NULL")
    _give_subjects()
    _replace_waiting_indexes(WAITING)
    _index("ix_outbox_dealers_order", ["dealer_id", "message_key", "outbox_id"], f"kind = 'delivery' AND {WAITING}")
    _index("ix_outbox_of_dealer", ["dealer_id", "outbox_id"], "kind = 'delivery'")
    _index("ix_outbox_over", ["done_ms"], "done_ms IS NOT NULL")
    _index("ix_outbox_dead", ["dead_ms"], "dead_ms IS NOT NULL")


def downgrade() -> None:
    """What was given up is tried again, as the earlier version knows no end of trying."""
    for name in ("ix_outbox_dealers_order", "ix_outbox_of_dealer", "ix_outbox_over", "ix_outbox_dead"):
        op.drop_index(name, "outbox")
    op.execute("UPDATE outbox SET done_ms = NULL WHERE dropped_reason IS NOT NULL")
    op.execute("UPDATE outbox SET message_key = NULL WHERE kind = 'delivery'")
    _replace_waiting_indexes(WAITING_BEFORE)
    op.drop_column("outbox", "attempt_log")
    op.drop_column("outbox", "dead_ms")


def _give_subjects() -> None:
    """Until now every delivery was about a proposal, and named `<proposal>:<version>`."""
    outbox = sa.table("outbox", *(sa.column(n) for n in ("outbox_id", "kind", "put_once", "message_key", "done_ms")))
    waiting = sa.select(outbox.c.outbox_id, outbox.c.put_once).where(
        outbox.c.kind == "delivery", outbox.c.done_ms.is_(None), outbox.c.put_once.is_not(None)
    )
    connection = op.get_bind()
    for outbox_id, put_once in connection.execute(waiting).all():
        subject = put_once.removeprefix("delivery/").rpartition(":")[0]
        connection.execute(sa.update(outbox).where(outbox.c.outbox_id == outbox_id).values(message_key=subject or None))


def _replace_waiting_indexes(waiting: str) -> None:
    for name, columns in (
        ("ix_outbox_waiting", ["kind", "outbox_id"]),
        ("ix_outbox_order", ["topic", "message_key", "outbox_id"]),
    ):
        op.drop_index(name, "outbox")
        _index(name, columns, waiting)


def _index(name: str, columns: list[str], condition: str) -> None:
    op.create_index(name, "outbox", columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))
