"""Failed tries to sign in are counted, so that guessing slows down."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_in_guesses",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False, index=True),
        sa.Column("succeeded_ms", sa.BigInteger),
    )


def downgrade() -> None:
    op.drop_table("sign_in_guesses")
