"""The tables of the records database, for SQLite and PostgreSQL alike.

The columns are what queries and constraints need; what is richer lies whole in a `document` column (JSON text, see
`documents`). Names, e-mail addresses and VINs stand in `vehicles`, `customers`, `accounts` and `dealers` only, but for
what an owner's own reminder or a permitted delivery says while it waits in the outbox.

Three things are in the migrations only, as each database says them in its own way: that holds of one resource never
overlap (`EXCLUDE USING gist` on PostgreSQL, triggers on SQLite), that the timeline counts its events and keeps their
order (triggers), and the extension btree_gist.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives out growing row ids for INTEGER PRIMARY KEY only.
SEQUENCE = BigInteger().with_variant(Integer, "sqlite")


def _to(column: str) -> ForeignKey:
    """A reference that is checked at commit, so that a use case writes in the order that reads well."""
    return ForeignKey(column, deferrable=True, initially="DEFERRED")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


vehicles = Table(
    "vehicles",
    metadata,
    Column("vehicle_id", Text, primary_key=True),
    Column("make", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("model_year", Integer, nullable=False),
    Column("attributes", Text, nullable=False),
    Column("vin", Text, nullable=False),
    Column("label", Text, nullable=False),
)

vehicle_credentials = Table(
    "vehicle_credentials",
    metadata,
    Column("credential_hash", Text, primary_key=True),
    Column("vehicle_id", Text, _to("vehicles.vehicle_id"), nullable=False, index=True),
    Column("created_ms", BigInteger, nullable=False),
)

enrolment_tokens = Table(
    "enrolment_tokens",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("created_ms", BigInteger, nullable=False),
)

# Cars that were enrolled before this was kept have no row: they speak for themselves only.
enrolments = Table(
    "enrolments",
    metadata,
    Column("vehicle_id", Text, _to("vehicles.vehicle_id"), primary_key=True),
    Column("token_hash", Text, _to("enrolment_tokens.token_hash"), nullable=False),
)

claim_codes = Table(
    "claim_codes",
    metadata,
    Column("vehicle_id", Text, _to("vehicles.vehicle_id"), primary_key=True),
    Column("code_hash", Text, nullable=False, unique=True),
    Column("expires_ms", BigInteger, nullable=False),
)

customers = Table(
    "customers",
    metadata,
    Column("customer_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
)

ownerships = Table(
    "ownerships",
    metadata,
    Column("ownership_id", SEQUENCE, primary_key=True),
    Column("vehicle_id", Text, _to("vehicles.vehicle_id"), nullable=False),
    Column("customer_id", Text, _to("customers.customer_id"), nullable=False, index=True),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger),
    Index("uq_ownerships_present", "vehicle_id", unique=True, **_where("until_ms IS NULL")),
    sqlite_autoincrement=True,
)

# Who drives a car that is another's, and since when.
drivings = Table(
    "drivings",
    metadata,
    Column("driving_id", SEQUENCE, primary_key=True),
    Column("vehicle_id", Text, _to("vehicles.vehicle_id"), nullable=False),
    Column("customer_id", Text, _to("customers.customer_id"), nullable=False, index=True),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger),
    Column("may_book", Boolean, nullable=False),
    Column("wants_reminders", Boolean, nullable=False),
    Index("uq_drivings_present", "vehicle_id", "customer_id", unique=True, **_where("until_ms IS NULL")),
    sqlite_autoincrement=True,
)

driver_invitations = Table(
    "driver_invitations",
    metadata,
    Column("code_hash", Text, primary_key=True),
    Column("vehicle_id", Text, _to("vehicles.vehicle_id"), nullable=False, index=True),
    Column("owner_id", Text, _to("customers.customer_id"), nullable=False),
    Column("may_book", Boolean, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

dealers = Table(
    "dealers",
    metadata,
    Column("dealer_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("document", Text, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("email", Text, nullable=False),
    # The address case-folded: SQLite's lower() knows ASCII only, so the folding is ours on both databases.
    Column("email_folded", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("customer_id", Text, _to("customers.customer_id"), index=True),
    Column("dealer_id", Text, _to("dealers.dealer_id"), index=True),
    Column("name", Text, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("account_id", Text, _to("accounts.account_id"), nullable=False, index=True),
    Column("expires_ms", BigInteger, nullable=False),
    Column("is_single_use", Boolean, nullable=False),
)

sign_in_guesses = Table(
    "sign_in_guesses",
    metadata,
    Column("key", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_ms", BigInteger, nullable=False, index=True),
    Column("succeeded_ms", BigInteger),
)

machine_clients = Table(
    "machine_clients",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("dealer_id", Text, _to("dealers.dealer_id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("secret_hash", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", Text, _to("accounts.account_id"), nullable=False),
    Column("revoked_ms", BigInteger),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("client_id", Text, _to("machine_clients.client_id"), nullable=False, index=True),
    Column("scopes", Text, nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
)

consent_grants = Table(
    "consent_grants",
    metadata,
    Column("grant_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("customer_id", Text, _to("customers.customer_id"), nullable=False, index=True),
    Column("vehicle_id", Text, _to("vehicles.vehicle_id"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("dealer_id", Text, _to("dealers.dealer_id"), index=True),
    Column("granted_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("withdrawn_ms", BigInteger),
    # When its end was noted: it was withdrawn, its car was sold, or its time was over.
    Column("ended_ms", BigInteger),
    Column("document", Text, nullable=False),
    Index("ix_consent_grants_standing", "vehicle_id", "purpose", **_where("withdrawn_ms IS NULL")),
    Index("ix_consent_grants_running", "expires_ms", **_where("ended_ms IS NULL")),
)

consent_versions = Table(
    "consent_versions",
    metadata,
    Column("grant_id", Text, _to("consent_grants.grant_id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Text, nullable=False),
)

# The tables that follow the stream (assessments, evidence, needs, judged_labels, timeline) hold the pseudonymous
# vehicle id without a reference: a car that is erased while its last uploads are on their way must not stop a batch.
assessments = Table(
    "assessments",
    metadata,
    Column("vehicle_id", Text, primary_key=True),
    Column("item", Text, primary_key=True),
    Column("event_ms", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("prediction_id", Text, primary_key=True),
    Column("vehicle_id", Text, nullable=False, index=True),
    Column("item", Text, nullable=False),
    Column("event_ms", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("kept_ms", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
)

needs = Table(
    "needs",
    metadata,
    Column("need_id", Text, primary_key=True),
    Column("vehicle_id", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("is_live", Boolean, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("snoozed_until_ms", BigInteger),
    Column("row_version", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Index("uq_needs_live", "vehicle_id", "item", unique=True, **_where("is_live")),
    Index("ix_needs_of_vehicle", "vehicle_id", "item", "opened_ms"),
    Index("ix_needs_snoozed", "snoozed_until_ms", **_where("state = 'snoozed'")),
)

proposals = Table(
    "proposals",
    metadata,
    Column("proposal_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("customer_id", Text, _to("customers.customer_id"), nullable=False, index=True),
    Column("vehicle_id", Text, _to("vehicles.vehicle_id"), nullable=False, index=True),
    Column("dealer_id", Text, _to("dealers.dealer_id"), nullable=False),
    Column("grant_id", Text, _to("consent_grants.grant_id"), nullable=False, index=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_proposals_of_dealer", "dealer_id", "state", "created_ms"),
    Index("ix_proposals_waiting", "expires_ms", **_where("state IN ('draft', 'sent', 'countered', 'accepted')")),
)

proposal_steps = Table(
    "proposal_steps",
    metadata,
    Column("proposal_id", Text, _to("proposals.proposal_id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("customer_id", Text, nullable=False),
    Column("dealer_id", Text, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
)

resource_holds = Table(
    "resource_holds",
    metadata,
    Column("hold_id", SEQUENCE, primary_key=True),
    Column("dealer_id", Text, _to("dealers.dealer_id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("proposal_id", Text, _to("proposals.proposal_id"), nullable=False, index=True),
    CheckConstraint("start_ms < end_ms", name="span"),
    Index("ix_resource_holds_of_resource", "dealer_id", "kind", "resource_id", "start_ms"),
    sqlite_autoincrement=True,
)

service_records = Table(
    "service_records",
    metadata,
    Column("record_id", Text, primary_key=True),
    Column("vehicle_id", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("performed_ms", BigInteger, nullable=False),
    Column("proposal_id", Text, _to("proposals.proposal_id"), index=True),
    Column("customer_id", Text, index=True),
    Column("dealer_id", Text, index=True),
    Column("document", Text, nullable=False),
    Index("ix_service_records_of_vehicle", "vehicle_id", "performed_ms"),
)

judged_labels = Table(
    "judged_labels",
    metadata,
    Column("label_id", Text, primary_key=True),
    Column("vehicle_id", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("known_ms", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_judged_labels_of_item", "item", "known_ms"),
    Index("ix_judged_labels_of_vehicle", "vehicle_id", "known_ms"),
)

# Which reminder went to whom in which letter; `token` stands in the letter's link.
letters = Table(
    "letters",
    metadata,
    Column("reminder_id", Text, primary_key=True),
    Column("letter_id", Text, nullable=False),
    Column("customer_id", Text, _to("customers.customer_id"), nullable=False),
    Column("vehicle_id", Text, nullable=False),
    Column("token", Text, nullable=False, index=True),
    Column("sent_ms", BigInteger),
    Column("opened_ms", BigInteger),
    Index("ix_letters_of_customer", "customer_id", "sent_ms"),
    Index("ix_letters_of_letter", "letter_id"),
)

OUTBOX_WAITING = "done_ms IS NULL AND dead_ms IS NULL"

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", SEQUENCE, primary_key=True),
    Column("kind", Text, nullable=False),
    # A delivery or reminder is put once, by its own id.
    Column("put_once", Text, unique=True),
    Column("topic", Text),
    Column("message_key", Text),
    Column("body", LargeBinary),
    Column("document", Text),
    Column("customer_id", Text),
    Column("dealer_id", Text),
    Column("grant_id", Text, index=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("lease_until_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    # When it was over: sent, or dropped for the reason.
    Column("done_ms", BigInteger),
    Column("dropped_reason", Text),
    # When a delivery was given up, until it is replayed.
    Column("dead_ms", BigInteger),
    # The ended attempts of a delivery, as JSON.
    Column("attempt_log", Text),
    Index("ix_outbox_waiting", "kind", "outbox_id", **_where(OUTBOX_WAITING)),
    Index("ix_outbox_order", "topic", "message_key", "outbox_id", **_where(OUTBOX_WAITING)),
    Index(
        "ix_outbox_dealers_order",
        "dealer_id",
        "message_key",
        "outbox_id",
        **_where(f"kind = 'delivery' AND {OUTBOX_WAITING}"),
    ),
    Index("ix_outbox_of_dealer", "dealer_id", "outbox_id", **_where("kind = 'delivery'")),
    Index("ix_outbox_over", "done_ms", **_where("done_ms IS NOT NULL")),
    Index("ix_outbox_dead", "dead_ms", **_where("dead_ms IS NOT NULL")),
    sqlite_autoincrement=True,
)

CONFIRMED = "kind = 'proposal-confirmed'"

timeline = Table(
    "timeline",
    metadata,
    Column("seq", SEQUENCE, primary_key=True),
    Column("event_id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("vehicle_id", Text, nullable=False),
    Column("customer_id", Text),
    Column("dealer_id", Text),
    Column("time_ms", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_timeline_of_vehicle", "vehicle_id", "seq"),
    Index("ix_timeline_of_customer", "customer_id", "seq"),
    Index("ix_timeline_of_dealer", "dealer_id", "seq"),
    Index("ix_timeline_confirmed", "seq", **_where(CONFIRMED)),
    sqlite_autoincrement=True,
)

# Kept by a trigger as the timeline grows: counting a million events for every look at the funnel would not do.
event_counts = Table(
    "event_counts",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("amount", BigInteger, nullable=False),
)

# Whose call it is stands here without a reference: accounts and machine clients both send keys.
idempotent_calls = Table(
    "idempotent_calls",
    metadata,
    Column("caller_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("claimed_until_ms", BigInteger, nullable=False),
    Column("status", Integer),
    Column("body", Text),
    Column("created_ms", BigInteger, nullable=False, index=True),
)
