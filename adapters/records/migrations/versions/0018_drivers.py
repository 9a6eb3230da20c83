"""Drivers: who drives a car that is another's, and the codes by which owners let them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
PRESENT = sa.text("until_ms IS NULL")


def _to(column: str) -> sa.ForeignKey:
    return sa.ForeignKey(column, deferrable=True, initially="DEFERRED")


def upgrade() -> None:
    op.create_table(
        "drivings",
        sa.Column("driving_id", SEQUENCE, primary_key=True),
        sa.Column("vehicle_id", sa.Text, _to("vehicles.vehicle_id"), nullable=False),
        sa.Column("customer_id", sa.Text, _to("customers.customer_id"), nullable=False, index=True),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger),
        sa.Column("may_book", sa.Boolean, nullable=False),
        sa.Column("wants_reminders", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_drivings_present",
        "drivings",
        ["vehicle_id", "customer_id"],
        unique=True,
        sqlite_where=PRESENT,
        postgresql_where=PRESENT,
    )
    op.create_table(
        "driver_invitations",
        sa.Column("code_hash", sa.Text, primary_key=True),
        sa.Column("vehicle_id", sa.Text, _to("vehicles.vehicle_id"), nullable=False, index=True),
        sa.Column("owner_id", sa.Text, _to("customers.customer_id"), nullable=False),
        sa.Column("may_book", sa.Boolean, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("driver_invitations")
    op.drop_table("drivings")
