"""The calibration ledger: labels beside what had been promised. Labels from before are not judged afterwards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "judged_labels",
        sa.Column("label_id", sa.Text, primary_key=True),
        sa.Column("vehicle_id", sa.Text, nullable=False),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("known_ms", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Index("ix_judged_labels_of_item", "item", "known_ms"),
        sa.Index("ix_judged_labels_of_vehicle", "vehicle_id", "known_ms"),
    )


def downgrade() -> None:
    op.drop_table("judged_labels")
