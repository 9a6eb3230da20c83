"""Row-level security on PostgreSQL: a transaction that says for whom it reads is shown that party's rows only.

It stands behind the party in every query. A transaction that says nothing (decisions, the stream, the outbox) sees all.
SQLite has nothing of the kind: there the queries alone tell parties apart.
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

PARTY = "(SELECT coalesce(current_setting('pitcall.party', true), ''))"
CARS = f"(SELECT vehicle_id FROM ownerships WHERE customer_id = {PARTY} AND until_ms IS NULL)"  # noqa: S608
ASKED = f"(SELECT vehicle_id FROM proposals WHERE dealer_id = {PARTY})"  # noqa: S608
OF_BOTH = f"customer_id = {PARTY} OR dealer_id = {PARTY}"
OF_A_CAR = f"vehicle_id IN {CARS}"
# By table: whose rows a party may see.
RULES = {
    "consent_grants": OF_BOTH,
    "consent_versions": "grant_id IN (SELECT grant_id FROM consent_grants)",
    "proposals": OF_BOTH,
    "proposal_steps": OF_BOTH,
    "resource_holds": f"dealer_id = {PARTY}",
    "service_records": OF_BOTH,
    "outbox": OF_BOTH,
    "letters": f"customer_id = {PARTY}",
    "timeline": f"{OF_BOTH} OR (customer_id IS NULL AND dealer_id IS NULL AND {OF_A_CAR})",
    "needs": f"{OF_A_CAR} OR vehicle_id IN {ASKED}",
    "assessments": OF_A_CAR,
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    # A table with references that are still to be checked cannot be altered.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table, rule in RULES.items():
        op.execute(f"CREATE POLICY party ON {table} USING ({PARTY} = '' OR {rule})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        # The product's role owns its tables, and owners are let through otherwise.
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in RULES:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute(f"DROP POLICY party ON {table}")
