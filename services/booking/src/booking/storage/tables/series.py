"""Appointments that recur: the rule, and what became of each of its dates."""

from sqlalchemy import (
    ARRAY,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from booking.domain.appointments import DETAILS, FIELDS
from booking.storage.tables.base import columns_of, instant, last_failure, metadata, organization

series = Table(
    "series",
    metadata,
    organization(),
    Column("id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("zone", Text, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("service_id", Uuid),
    Column("service_name", Text),
    Column("duration_minutes", Integer),
    Column("resource_ids", ARRAY(Uuid)),
    *columns_of({name: FIELDS[name] for name in DETAILS}),
    Column("rule", JSONB, nullable=False),
    Column("first_local", DateTime, nullable=False),
    Column("until_on", Date),
    Column("on_conflict", Text, nullable=False),
    Column("override_reason", Text),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("call_id", Text),
    Column("extended_to", Date, nullable=False),
    instant("extend_at", nullable=True),
    instant("created_at"),
    instant("updated_at"),
    Column("calendar_uid", Text),
    Column("version", Integer, nullable=False),
    *last_failure(),
    PrimaryKeyConstraint("organization_id", "id"),
    UniqueConstraint("id"),
    Index("series_created_at_idx", "organization_id", "created_at", "id"),
    Index("series_extend_at_idx", "extend_at", postgresql_where=text("extend_at IS NOT NULL")),
)

series_occurrences = Table(
    "series_occurrences",
    metadata,
    organization(),
    Column("series_id", Uuid, nullable=False),
    Column("occurs_on", Date, nullable=False),
    instant("starts_at"),
    Column("clock", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("appointment_id", Uuid),
    Column("reasons", JSONB, nullable=False),
    PrimaryKeyConstraint("organization_id", "series_id", "occurs_on"),
    ForeignKeyConstraint(["organization_id", "series_id"], ["series.organization_id", "series.id"]),
)
