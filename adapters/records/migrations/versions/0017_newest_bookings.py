"""The newest confirmations are found without a look at all that ever happened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    confirmed = sa.text("kind = 'proposal-confirmed'")
    op.create_index("ix_timeline_confirmed", "timeline", ["seq"], postgresql_where=confirmed, sqlite_where=confirmed)


def downgrade() -> None:
    op.drop_index("ix_timeline_confirmed", "timeline")
