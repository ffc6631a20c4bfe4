"""What booking remembers, table by table.

Every table begins its keys with the organization: row-level security binds the application's role to one,
and a composite foreign key cannot point into another tenant. The appointment tables have no foreign keys to
the catalogue: catalogue rows are archived, never deleted, and the booking statement compares the policy
version that the ids were resolved against, while key-share locks on one business row cost a fifth of the rate.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB, TSTZRANGE, ExcludeConstraint

from slotstream_servicekit.http.idempotency import idempotency_table
from slotstream_servicekit.inbox import inbox_table
from slotstream_servicekit.outbox import outbox_table

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
    }
)

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
idempotency_keys = idempotency_table(metadata)


def _organization() -> Column[Any]:
    return Column("organization_id", Uuid, nullable=False)


def _instant(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _versioned() -> tuple[Column[Any], ...]:
    return (
        Column("archived", Boolean, nullable=False, server_default=text("false")),
        _instant("created_at"),
        _instant("updated_at"),
        Column("version", Integer, nullable=False, server_default=text("1")),
    )


organizations = Table(
    "organizations",
    metadata,
    Column("organization_id", Uuid, primary_key=True),
    Column("policy_version", BigInteger, nullable=False, server_default=text("1")),
)

businesses = Table(
    "businesses",
    metadata,
    _organization(),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("phone_region", Text, nullable=False),
    Column("country", Text),
    Column("currency", Text, nullable=False),
    Column("email", Text),
    Column("phone", Text),
    Column("address", Text),
    Column("assignment", Text, nullable=False),
    *_versioned(),
    PrimaryKeyConstraint("organization_id", "id"),
)

resources = Table(
    "resources",
    metadata,
    _organization(),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("email", Text),
    Column("phone", Text),
    Column("user_id", Text),
    *_versioned(),
    PrimaryKeyConstraint("organization_id", "id"),
    CheckConstraint("kind IN ('staff', 'room', 'equipment', 'business')", name="kind"),
)

resource_businesses = Table(
    "resource_businesses",
    metadata,
    _organization(),
    Column("resource_id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    PrimaryKeyConstraint("organization_id", "resource_id", "business_id"),
    ForeignKeyConstraint(["organization_id", "resource_id"], ["resources.organization_id", "resources.id"]),
    ForeignKeyConstraint(["organization_id", "business_id"], ["businesses.organization_id", "businesses.id"]),
)

services = Table(
    "services",
    metadata,
    _organization(),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("duration_minutes", Integer, nullable=False),
    Column("buffer_before_minutes", Integer, nullable=False, server_default=text("0")),
    Column("buffer_after_minutes", Integer, nullable=False, server_default=text("0")),
    Column("minimum_notice_minutes", Integer, nullable=False, server_default=text("0")),
    Column("booking_window_days", Integer),
    Column("slot_interval_minutes", Integer, nullable=False, server_default=text("15")),
    Column("capacity", Integer, nullable=False, server_default=text("1")),
    Column("requires", JSONB, nullable=False, server_default=text("'[]'")),
    Column("price_amount", Numeric),
    Column("price_currency", Text),
    Column("needs_approval", Boolean, nullable=False, server_default=text("false")),
    Column("pending_occupies", Boolean, nullable=False, server_default=text("true")),
    Column("client_confirms", Boolean, nullable=False, server_default=text("false")),
    Column("cancellation_notice_minutes", Integer, nullable=False, server_default=text("0")),
    Column("reschedule_notice_minutes", Integer, nullable=False, server_default=text("0")),
    Column("max_reschedules", Integer),
    *_versioned(),
    PrimaryKeyConstraint("organization_id", "id"),
    ForeignKeyConstraint(["organization_id", "business_id"], ["businesses.organization_id", "businesses.id"]),
    CheckConstraint("duration_minutes > 0 AND capacity > 0 AND slot_interval_minutes > 0", name="sane"),
)

actions = Table(
    "actions",
    metadata,
    _organization(),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("position", Integer, nullable=False, server_default=text("0")),
    *_versioned(),
    PrimaryKeyConstraint("organization_id", "id"),
)

clients = Table(
    "clients",
    metadata,
    _organization(),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("phone", Text),
    Column("email", Text),
    Column("locale", Text),
    Column("zone", Text),
    Column("consent", ARRAY(Text), nullable=False),
    Column("merged_into", Uuid),
    Column("erased", Boolean, nullable=False, server_default=text("false")),
    Column("search", Text, nullable=False, server_default=text("''")),
    *_versioned(),
    PrimaryKeyConstraint("organization_id", "id"),
    Index("clients_phone_idx", "organization_id", "phone", postgresql_where=text("phone IS NOT NULL")),
    Index("clients_email_idx", "organization_id", "email", postgresql_where=text("email IS NOT NULL")),
    Index(
        "clients_search_idx",
        "search",
        postgresql_using="gin",
        postgresql_ops={"search": "gin_trgm_ops"},
    ),
)

appointments = Table(
    "appointments",
    metadata,
    _organization(),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("zone", Text, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("service_id", Uuid),
    Column("service_name", Text, nullable=False),
    Column("action_id", Uuid),
    Column("action_name", Text),
    _instant("starts_at"),
    _instant("ends_at"),
    Column("buffer_before_minutes", Integer, nullable=False),
    Column("buffer_after_minutes", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("origin_kind", Text, nullable=False),
    Column("origin_reference_id", Text),
    Column("origin_url", Text),
    Column("notes", Text),
    Column("internal_notes", Text),
    Column("share_with_client", Boolean, nullable=False),
    Column("notify_client", Boolean, nullable=False),
    Column("series_id", Uuid),
    Column("rescheduled_from", Uuid),
    Column("rescheduled_to", Uuid),
    _instant("previous_starts_at", nullable=True),
    Column("reschedule_count", Integer, nullable=False),
    Column("calendar_uid", Text, nullable=False),
    Column("calendar_sequence", Integer, nullable=False),
    Column("quoted_amount", Numeric),
    Column("quoted_currency", Text),
    Column("actual_amount", Numeric),
    Column("actual_currency", Text),
    Column("external_id", Text),
    Column("batch_id", Uuid),
    Column("archived", Boolean, nullable=False),
    Column("occupies", Boolean, nullable=False),
    _instant("created_at"),
    _instant("updated_at"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "id"),
    ForeignKeyConstraint(["organization_id", "client_id"], ["clients.organization_id", "clients.id"]),
    CheckConstraint("ends_at > starts_at", name="times"),
    Index(None, "organization_id", "starts_at", "id"),
    Index(None, "organization_id", "client_id", "starts_at"),
    Index("appointments_batch_idx", "organization_id", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
    Index(
        "appointments_series_idx",
        "organization_id",
        "series_id",
        postgresql_where=text("series_id IS NOT NULL"),
    ),
)

appointment_resources = Table(
    "appointment_resources",
    metadata,
    _organization(),
    Column("appointment_id", Uuid, nullable=False),
    Column("place", SmallInteger, nullable=False),
    Column("resource_id", Uuid, nullable=False),
    Column("seat", Integer, nullable=False),
    _instant("starts_at"),
    PrimaryKeyConstraint("organization_id", "appointment_id", "place"),
    Index(None, "organization_id", "resource_id", "starts_at"),
)

occupancy = Table(
    "occupancy",
    metadata,
    _organization(),
    Column("resource_id", Uuid, nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("seat", Integer, nullable=False, server_default=text("0")),
    Column("blocked", TSTZRANGE, nullable=False),
    Column("holder_id", Uuid, nullable=False),
    Column("forced", Boolean, nullable=False, server_default=text("false")),
    _instant("expires_at", nullable=True),
    Column("taken_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("organization_id", "resource_id", "session_id", "seat"),
    CheckConstraint("NOT isempty(blocked) AND NOT lower_inf(blocked) AND NOT upper_inf(blocked)", name="blocked"),
    ExcludeConstraint(
        ("organization_id", "="),
        ("resource_id", "="),
        ("blocked", "&&"),
        ("session_id", "<>"),
        name="occupancy_one_session_at_a_time",
        using="gist",
    ),
    Index(None, "organization_id", "holder_id"),
    comment=(
        "Who takes a resource's time, buffers included. Two sessions of a resource never overlap. An ordinary"
        " appointment or hold is a session of its own; the seats of a group share one; an override joins the"
        " sessions it overlaps, so that the constraint still guards them against everybody else."
    ),
)

holds = Table(
    "holds",
    metadata,
    _organization(),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("service_id", Uuid),
    Column("client_id", Uuid),
    _instant("starts_at"),
    _instant("ends_at"),
    Column("resource_ids", ARRAY(Uuid), nullable=False),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("call_id", Text),
    _instant("expires_at"),
    _instant("created_at"),
    PrimaryKeyConstraint("organization_id", "id"),
    Index(None, "expires_at"),
)

history = Table(
    "history",
    metadata,
    _organization(),
    Column("appointment_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("verb", Text, nullable=False),
    _instant("at"),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("call_id", Text),
    Column("on_behalf_of", Uuid),
    Column("reason", Text),
    Column("fields", JSON, nullable=False),
    Column("state", JSON, nullable=False),
    PrimaryKeyConstraint("organization_id", "appointment_id", "version"),
    comment="Append-only: one row per change, with the appointment as it was known after it.",
)

overrides = Table(
    "overrides",
    metadata,
    _organization(),
    Column("appointment_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    _instant("at"),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("rules", ARRAY(Text), nullable=False),
    Column("conflicts_with", ARRAY(Text), nullable=False),
    PrimaryKeyConstraint("organization_id", "appointment_id", "version"),
    Index(None, "organization_id", "at"),
)

command_results = Table(
    "command_results",
    metadata,
    _organization(),
    Column("command_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", JSON, nullable=False),
    _instant("created_at"),
    PrimaryKeyConstraint("organization_id", "command_id"),
    Index(None, "created_at"),
)

schedules = Table(
    "schedules",
    metadata,
    _organization(),
    Column("owner_id", Uuid, nullable=False),
    Column("owner_kind", Text, nullable=False),
    Column("schedule", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
    _instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "owner_id"),
)

external_busy = Table(
    "external_busy",
    metadata,
    _organization(),
    Column("key", Text, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("resource_id", Uuid, nullable=False),
    _instant("starts_at"),
    _instant("ends_at"),
    Column("version", BigInteger, nullable=False),
    _instant("applied_at"),
    PrimaryKeyConstraint("key"),
    Index(None, "organization_id", "resource_id", "ends_at"),
    comment="Keyed by the topic's record key: a tombstone says nothing else.",
)

TENANT_TABLES = tuple(table.name for table in metadata.sorted_tables if "organization_id" in table.c)
