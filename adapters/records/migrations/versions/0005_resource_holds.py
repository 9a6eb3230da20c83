"""Technicians and loaner cars are held like bays, and a day may be open in several spans."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0007"
branch_labels = None
depends_on = None

Document = dict[str, Any]


def upgrade() -> None:
    _create("resource_holds", ("kind", "resource_id"))
    op.execute(
        "INSERT INTO resource_holds (dealer_id, kind, resource_id, start_ms, end_ms, proposal_id)"
        " SELECT dealer_id, 'bay', bay_id, start_ms, end_ms, proposal_id FROM bay_holds ORDER BY hold_id"
    )
    op.drop_table("bay_holds")
    _rewrite_dealers(_with_spans)


def downgrade() -> None:
    """Bays alone stay held; of a day's spans there is one, from the first opening to the last closing."""
    _create("bay_holds", ("bay_id",))
    op.execute(
        "INSERT INTO bay_holds (dealer_id, bay_id, start_ms, end_ms, proposal_id)"
        " SELECT dealer_id, resource_id, start_ms, end_ms, proposal_id FROM resource_holds WHERE kind = 'bay'"
        " ORDER BY hold_id"
    )
    op.drop_table("resource_holds")
    _rewrite_dealers(_with_one_span)


def _create(table: str, resource: tuple[str, ...]) -> None:
    """A table of holds of which no two of one resource overlap, whoever writes them; times are half-open."""
    of_resource = "of_bay" if table == "bay_holds" else "of_resource"
    op.create_table(
        table,
        sa.Column("hold_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("dealer_id", sa.Text, _to("dealers.dealer_id"), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in resource),
        sa.Column("start_ms", sa.BigInteger, nullable=False),
        sa.Column("end_ms", sa.BigInteger, nullable=False),
        sa.Column("proposal_id", sa.Text, _to("proposals.proposal_id"), nullable=False, index=True),
        sa.CheckConstraint("start_ms < end_ms", name="span"),
        sa.Index(f"ix_{table}_{of_resource}", "dealer_id", *resource, "start_ms"),
        sqlite_autoincrement=True,
    )
    same = ("dealer_id", *resource)
    if op.get_bind().dialect.name == "postgresql":
        equal = ", ".join(f"{column} WITH =" for column in same)
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_no_overlap"
            f" EXCLUDE USING gist ({equal}, int8range(start_ms, end_ms) WITH &&)"
        )
        return
    equal = " AND ".join(f"other.{column} = NEW.{column}" for column in same)
    overlapping = (
        f"EXISTS (SELECT 1 FROM {table} AS other WHERE {equal} AND other.start_ms < NEW.end_ms"  # noqa: S608
        " AND NEW.start_ms < other.end_ms AND other.hold_id IS NOT NEW.hold_id)"
    )
    for name, moment in (("on_insert", "INSERT"), ("on_update", "UPDATE")):
        op.execute(
            f"CREATE TRIGGER {table}_no_overlap_{name} BEFORE {moment} ON {table} WHEN {overlapping}"
            f" BEGIN SELECT RAISE(ABORT, '{table}_no_overlap'); END"
        )


def _rewrite_dealers(change: Callable[[Document], None]) -> None:
    dealers = sa.table("dealers", sa.column("dealer_id"), sa.column("document"))
    connection = op.get_bind()
    for dealer_id, text in connection.execute(sa.select(dealers.c.dealer_id, dealers.c.document)).all():
        document = json.loads(text)
        change(document)
        whole = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        connection.execute(sa.update(dealers).where(dealers.c.dealer_id == dealer_id).values(document=whole))


def _with_spans(dealer: Document) -> None:
    days = dealer["hours"]["days"]
    dealer["hours"]["days"] = {day: [span] for day, span in days.items()}


def _with_one_span(dealer: Document) -> None:
    hours = dealer["hours"]
    hours["days"] = {day: [spans[0][0], spans[-1][1]] for day, spans in hours["days"].items() if spans}
    hours.pop("holidays", None)
    for name in ("technicians", "loaners"):
        dealer.pop(name, None)


def _to(column: str) -> sa.ForeignKey:
    return sa.ForeignKey(column, deferrable=True, initially="DEFERRED")
