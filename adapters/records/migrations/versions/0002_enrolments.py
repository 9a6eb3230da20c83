"""Which token a car was enrolled with: who bears it may send that car's uploads in batches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "enrolments",
        sa.Column("vehicle_id", sa.Text, _to("vehicles.vehicle_id"), primary_key=True),
        sa.Column("token_hash", sa.Text, _to("enrolment_tokens.token_hash"), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("enrolments")


def _to(column: str) -> sa.ForeignKey:
    return sa.ForeignKey(column, deferrable=True, initially="DEFERRED")
