"""The first schema of the records."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# In the order in which they can be made: what is referred to comes first.
TABLES = (
    "customers",
    "vehicles",
    "vehicle_credentials",
    "enrolment_tokens",
    "claim_codes",
    "ownerships",
    "dealers",
    "accounts",
    "sessions",
    "idempotent_replies",
    "assessments",
    "evidence",
    "needs",
    "consent_grants",
    "proposals",
    "proposal_steps",
    "bay_holds",
    "service_records",
    "outbox",
    "timeline",
    "event_counts",
)


def upgrade() -> None:
    _create_vehicles()
    _create_people()
    _create_what_the_stream_finds()
    _create_consents_and_proposals()
    _create_bays()
    _forbid_overlaps()
    _create_service_records()
    _create_outbox()
    _create_timeline()


def downgrade() -> None:
    # The extension btree_gist stays: others in the database may have come to use it.
    for table in reversed(TABLES):
        op.drop_table(table)


def _create_vehicles() -> None:
    op.create_table(
        "customers",
        _key("customer_id"),
        _text("name"),
        _text("email"),
        _text("locale"),
        _text("time_zone"),
    )
    op.create_table(
        "vehicles",
        _key("vehicle_id"),
        _text("make"),
        _text("model"),
        sa.Column("model_year", sa.Integer, nullable=False),
        _text("attributes"),
        _text("vin"),
        _text("label"),
    )
    op.create_table(
        "vehicle_credentials",
        _key("credential_hash"),
        _reference("vehicle_id", "vehicles.vehicle_id", nullable=False, index=True),
        _number("created_ms"),
    )
    op.create_table(
        "enrolment_tokens",
        _key("token_hash"),
        _number("created_ms"),
    )
    op.create_table(
        "claim_codes",
        _reference("vehicle_id", "vehicles.vehicle_id", primary_key=True),
        _text("code_hash", unique=True),
        _number("expires_ms"),
    )
    op.create_table(
        "ownerships",
        _sequence("ownership_id"),
        _reference("vehicle_id", "vehicles.vehicle_id", nullable=False),
        _reference("customer_id", "customers.customer_id", nullable=False, index=True),
        _number("from_ms"),
        _number("until_ms", nullable=True),
        sa.Index("uq_ownerships_present", "vehicle_id", unique=True, **_where("until_ms IS NULL")),
        sqlite_autoincrement=True,
    )


def _create_people() -> None:
    op.create_table(
        "dealers",
        _key("dealer_id"),
        _text("name"),
        _text("document"),
    )
    op.create_table(
        "accounts",
        _key("account_id"),
        _text("role"),
        _text("email"),
        _text("email_folded", unique=True),
        _text("password_hash"),
        _reference("customer_id", "customers.customer_id", index=True),
        _reference("dealer_id", "dealers.dealer_id", index=True),
        _text("name"),
    )
    op.create_table(
        "sessions",
        _key("token_hash"),
        _reference("account_id", "accounts.account_id", nullable=False, index=True),
        _number("expires_ms"),
        sa.Column("is_single_use", sa.Boolean, nullable=False),
    )
    op.create_table(
        "idempotent_replies",
        _reference("account_id", "accounts.account_id", primary_key=True),
        _key("key"),
        _text("fingerprint"),
        sa.Column("status", sa.Integer, nullable=False),
        _text("body"),
        _number("created_ms"),
    )


def _create_what_the_stream_finds() -> None:
    op.create_table(
        "assessments",
        _key("vehicle_id"),
        _key("item"),
        _number("event_ms"),
        _text("document"),
    )
    op.create_table(
        "evidence",
        _key("prediction_id"),
        _text("vehicle_id", index=True),
        _text("item"),
        _number("event_ms"),
        _text("why"),
        _number("kept_ms"),
        _text("document"),
    )
    op.create_table(
        "needs",
        _key("need_id"),
        _text("vehicle_id"),
        _text("item"),
        _text("state"),
        sa.Column("is_live", sa.Boolean, nullable=False),
        _number("opened_ms"),
        _number("updated_ms"),
        _number("snoozed_until_ms", nullable=True),
        sa.Column("row_version", sa.Integer, nullable=False),
        _text("document"),
        sa.Index("uq_needs_live", "vehicle_id", "item", unique=True, **_where("is_live")),
        sa.Index("ix_needs_of_vehicle", "vehicle_id", "item", "opened_ms"),
        sa.Index("ix_needs_snoozed", "snoozed_until_ms", **_where("state = 'snoozed'")),
    )


def _create_consents_and_proposals() -> None:
    op.create_table(
        "consent_grants",
        _key("grant_id"),
        sa.Column("version", sa.Integer, nullable=False),
        _reference("customer_id", "customers.customer_id", nullable=False, index=True),
        _reference("vehicle_id", "vehicles.vehicle_id", nullable=False),
        _text("purpose"),
        _reference("dealer_id", "dealers.dealer_id", index=True),
        _number("granted_ms"),
        _number("expires_ms", nullable=True),
        _number("withdrawn_ms", nullable=True),
        _text("document"),
        sa.Index("ix_consent_grants_standing", "vehicle_id", "purpose", **_where("withdrawn_ms IS NULL")),
    )
    op.create_table(
        "proposals",
        _key("proposal_id"),
        sa.Column("version", sa.Integer, nullable=False),
        _text("state"),
        _reference("customer_id", "customers.customer_id", nullable=False, index=True),
        _reference("vehicle_id", "vehicles.vehicle_id", nullable=False, index=True),
        _reference("dealer_id", "dealers.dealer_id", nullable=False),
        _reference("grant_id", "consent_grants.grant_id", nullable=False, index=True),
        _number("created_ms"),
        _number("expires_ms"),
        _text("document"),
        sa.Index("ix_proposals_of_dealer", "dealer_id", "state", "created_ms"),
        sa.Index("ix_proposals_waiting", "expires_ms", **_where("state IN ('draft', 'sent', 'countered', 'accepted')")),
    )
    op.create_table(
        "proposal_steps",
        _reference("proposal_id", "proposals.proposal_id", primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        _text("customer_id"),
        _text("dealer_id"),
        _number("time_ms"),
        _text("document"),
    )


def _create_bays() -> None:
    op.create_table(
        "bay_holds",
        _sequence("hold_id"),
        _reference("dealer_id", "dealers.dealer_id", nullable=False),
        _text("bay_id"),
        _number("start_ms"),
        _number("end_ms"),
        _reference("proposal_id", "proposals.proposal_id", nullable=False, index=True),
        sa.CheckConstraint("start_ms < end_ms", name="span"),
        sa.Index("ix_bay_holds_of_bay", "dealer_id", "bay_id", "start_ms"),
        sqlite_autoincrement=True,
    )


def _create_service_records() -> None:
    op.create_table(
        "service_records",
        _key("record_id"),
        _text("vehicle_id"),
        _text("item"),
        _number("performed_ms"),
        _reference("proposal_id", "proposals.proposal_id", index=True),
        _text("customer_id", nullable=True, index=True),
        _text("dealer_id", nullable=True, index=True),
        _text("document"),
        sa.Index("ix_service_records_of_vehicle", "vehicle_id", "performed_ms"),
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        _sequence("outbox_id"),
        _text("kind"),
        _text("put_once", nullable=True, unique=True),
        _text("topic", nullable=True),
        _text("message_key", nullable=True),
        sa.Column("body", sa.LargeBinary),
        _text("document", nullable=True),
        _text("customer_id", nullable=True),
        _text("dealer_id", nullable=True),
        _text("grant_id", nullable=True, index=True),
        _number("created_ms"),
        _number("due_ms"),
        _number("lease_until_ms"),
        sa.Column("attempts", sa.Integer, nullable=False),
        _text("last_error"),
        _number("done_ms", nullable=True),
        _text("dropped_reason", nullable=True),
        sa.Index("ix_outbox_waiting", "kind", "outbox_id", **_where("done_ms IS NULL AND dropped_reason IS NULL")),
        sa.Index(
            "ix_outbox_order",
            "topic",
            "message_key",
            "outbox_id",
            **_where("done_ms IS NULL AND dropped_reason IS NULL"),
        ),
        sqlite_autoincrement=True,
    )


def _create_timeline() -> None:
    op.create_table(
        "timeline",
        _sequence("seq"),
        _text("event_id", unique=True),
        _text("kind"),
        _text("vehicle_id"),
        _text("customer_id", nullable=True),
        _text("dealer_id", nullable=True),
        _number("time_ms"),
        _text("document"),
        sa.Index("ix_timeline_of_vehicle", "vehicle_id", "seq"),
        sa.Index("ix_timeline_of_customer", "customer_id", "seq"),
        sa.Index("ix_timeline_of_dealer", "dealer_id", "seq"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "event_counts",
        _key("kind"),
        _number("amount"),
    )


def _forbid_overlaps() -> None:
    """No two holds of one bay overlap, whoever writes them: times are half-open, [start_ms, end_ms)."""
    if op.get_bind().dialect.name == "postgresql":
        # Trusted since PostgreSQL 13: the database's owner may create it.
        op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        op.execute(
            "ALTER TABLE bay_holds ADD CONSTRAINT bay_holds_no_overlap EXCLUDE USING gist"
            " (dealer_id WITH =, bay_id WITH =, int8range(start_ms, end_ms) WITH &&)"
        )
        return
    overlapping = (
        "EXISTS (SELECT 1 FROM bay_holds AS other WHERE other.dealer_id = NEW.dealer_id AND other.bay_id = NEW.bay_id"
        " AND other.start_ms < NEW.end_ms AND NEW.start_ms < other.end_ms AND other.hold_id IS NOT NEW.hold_id)"
    )
    for name, moment in (("on_insert", "INSERT"), ("on_update", "UPDATE")):
        op.execute(
            f"CREATE TRIGGER bay_holds_no_overlap_{name} BEFORE {moment} ON bay_holds WHEN {overlapping}"
            " BEGIN SELECT RAISE(ABORT, 'bay_holds_no_overlap'); END"
        )


def _key(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, primary_key=True)


def _sequence(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)


def _text(
    name: str, *, nullable: bool = False, unique: bool | None = None, index: bool | None = None
) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=nullable, unique=unique, index=index)


def _number(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _reference(
    name: str, to: str, *, nullable: bool = True, primary_key: bool = False, index: bool | None = None
) -> sa.Column[Any]:
    """A reference that is checked at commit."""
    key = sa.ForeignKey(to, deferrable=True, initially="DEFERRED")
    return sa.Column(name, sa.Text, key, nullable=nullable and not primary_key, primary_key=primary_key, index=index)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
