"""The timeline keeps its order and its counts itself, so that an event is one statement to write."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0009"
branch_labels = None
depends_on = None

# Of advisory locks: the timeline's (see `adapters.records.advisory_locks`).
LOCK = "7402, 0"

COUNT = (
    "INSERT INTO event_counts (kind, amount) VALUES (NEW.kind, 1)"
    " ON CONFLICT (kind) DO UPDATE SET amount = event_counts.amount + 1;"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE TRIGGER timeline_count AFTER INSERT ON timeline BEGIN {COUNT} END")
        return
    # Before the statement, and so before its rows get their numbers.
    op.execute(
        "CREATE FUNCTION timeline_in_order() RETURNS trigger LANGUAGE plpgsql"
        f" AS $$ BEGIN PERFORM pg_advisory_xact_lock({LOCK}); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER timeline_in_order BEFORE INSERT ON timeline"
        " FOR EACH STATEMENT EXECUTE FUNCTION timeline_in_order()"
    )
    op.execute(
        f"CREATE FUNCTION timeline_count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {COUNT} RETURN NULL; END $$"
    )
    op.execute("CREATE TRIGGER timeline_count AFTER INSERT ON timeline FOR EACH ROW EXECUTE FUNCTION timeline_count()")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER timeline_count")
        return
    for name in ("timeline_in_order", "timeline_count"):
        op.execute(f"DROP TRIGGER {name} ON timeline")
        op.execute(f"DROP FUNCTION {name}()")
