"""Consents are kept version by version, and how each ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consent_grants", sa.Column("ended_ms", sa.BigInteger))
    op.execute("UPDATE consent_grants SET ended_ms = withdrawn_ms")
    op.create_index(
        "ix_consent_grants_running",
        "consent_grants",
        ["expires_ms"],
        postgresql_where=sa.text("ended_ms IS NULL"),
        sqlite_where=sa.text("ended_ms IS NULL"),
    )
    op.create_table(
        "consent_versions",
        sa.Column(
            "grant_id",
            sa.Text,
            sa.ForeignKey("consent_grants.grant_id", deferrable=True, initially="DEFERRED"),
            primary_key=True,
        ),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
    # What was said before the present version is not known any more.
    op.execute(
        "INSERT INTO consent_versions (grant_id, version, document)"
        " SELECT grant_id, version, document FROM consent_grants"
    )


def downgrade() -> None:
    op.drop_table("consent_versions")
    op.drop_index("ix_consent_grants_running", "consent_grants")
    op.drop_column("consent_grants", "ended_ms")
