"""Letters: which reminders went to whom, and which were opened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "letters",
        sa.Column("reminder_id", sa.Text, primary_key=True),
        sa.Column("letter_id", sa.Text, nullable=False),
        sa.Column(
            "customer_id",
            sa.Text,
            sa.ForeignKey("customers.customer_id", deferrable=True, initially="DEFERRED"),
            nullable=False,
        ),
        sa.Column("vehicle_id", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False, index=True),
        sa.Column("sent_ms", sa.BigInteger),
        sa.Column("opened_ms", sa.BigInteger),
        sa.Index("ix_letters_of_customer", "customer_id", "sent_ms"),
        sa.Index("ix_letters_of_letter", "letter_id"),
    )


def downgrade() -> None:
    op.drop_table("letters")
