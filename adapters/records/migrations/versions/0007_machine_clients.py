"""Machine clients with their access tokens, and calls that are claimed under an Idempotency-Key before they act."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_machine_clients()
    _create_idempotent_calls()
    op.execute(
        "INSERT INTO idempotent_calls (caller_id, key, fingerprint, claimed_until_ms, status, body, created_ms) "
        "SELECT account_id, key, fingerprint, 0, status, body, created_ms FROM idempotent_replies"
    )
    op.drop_table("idempotent_replies")


def downgrade() -> None:
    op.create_table(
        "idempotent_replies",
        _reference("account_id", "accounts.account_id", primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    # What machine clients called, and what was never answered, has no place in the earlier table.
    op.execute(
        "INSERT INTO idempotent_replies (account_id, key, fingerprint, status, body, created_ms) "
        "SELECT caller_id, key, fingerprint, status, body, created_ms FROM idempotent_calls "
        "WHERE status IS NOT NULL AND body IS NOT NULL AND caller_id IN (SELECT account_id FROM accounts)"
    )
    op.drop_table("idempotent_calls")
    op.drop_table("access_tokens")
    op.drop_table("machine_clients")


def _create_machine_clients() -> None:
    op.create_table(
        "machine_clients",
        sa.Column("client_id", sa.Text, primary_key=True),
        _reference("dealer_id", "dealers.dealer_id", nullable=False, index=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        _reference("created_by", "accounts.account_id", nullable=False),
        sa.Column("revoked_ms", sa.BigInteger),
    )
    op.create_table(
        "access_tokens",
        sa.Column("token_hash", sa.Text, primary_key=True),
        _reference("client_id", "machine_clients.client_id", nullable=False, index=True),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False, index=True),
    )


def _create_idempotent_calls() -> None:
    op.create_table(
        "idempotent_calls",
        sa.Column("caller_id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("claimed_until_ms", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("body", sa.Text),
        sa.Column("created_ms", sa.BigInteger, nullable=False, index=True),
    )


def _reference(name: str, target: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, sa.ForeignKey(target, deferrable=True, initially="DEFERRED"), **options)
