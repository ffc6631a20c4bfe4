"""The tables. Projections carry the version they were told and when they were last told it (`applied_at`)."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from slotstream_servicekit.http.idempotency import idempotency_table
from slotstream_servicekit.outbox import outbox_table
from slotstream_servicekit.schema import instant

metadata: Final = MetaData()

schedules = Table(
    "schedules",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("owner_id", Uuid, nullable=False),
    Column("owner_kind", Text, nullable=False),
    Column("rules", JSONB, nullable=False),
    Column("holiday_rule", JSONB, nullable=True),
    Column("version", BigInteger, nullable=False),
    instant("updated_at"),
    PrimaryKeyConstraint("organization_id", "owner_id"),
    CheckConstraint("owner_kind IN ('resource', 'business')", name="schedules_owner_kind"),
)

businesses = Table(
    "businesses",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
)

resources = Table(
    "resources",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("business_ids", ARRAY(Uuid), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("user_id", Text, nullable=True),
    Column("archived", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
)

services = Table(
    "services",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("duration_minutes", Integer, nullable=False),
    Column("buffer_before_minutes", Integer, nullable=False),
    Column("buffer_after_minutes", Integer, nullable=False),
    Column("minimum_notice_minutes", Integer, nullable=False),
    Column("booking_window_days", Integer, nullable=True),
    Column("slot_interval_minutes", Integer, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("requires", JSONB, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
)

appointments = Table(
    "appointments",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("service_id", Uuid, nullable=True),
    Column("service_name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("resource_ids", ARRAY(Uuid), nullable=False),
    instant("starts_at"),
    instant("ends_at"),
    instant("blocked_from"),
    instant("blocked_to"),
    Column("occupies", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
    Index("appointments_ends_idx", "organization_id", "ends_at", "starts_at"),
)

# What appointments take of each resource, in whole epoch seconds as the rules of time reckon: starts rounded down,
# ends up. Written with the appointment, so that one resource's time is read without any other's.
occupancy = Table(
    "occupancy",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("appointment_id", Uuid, nullable=False),
    Column("resource_id", Uuid, nullable=False),
    Column("service_id", Uuid, nullable=True),
    Column("blocked_from", BigInteger, nullable=False),
    Column("blocked_to", BigInteger, nullable=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "appointment_id", "resource_id"),
    ForeignKeyConstraint(
        ["organization_id", "appointment_id"],
        ["appointments.organization_id", "appointments.id"],
        name="occupancy_appointment_fkey",
        ondelete="CASCADE",
    ),
    Index("occupancy_taken_idx", "organization_id", "resource_id", "blocked_to", "blocked_from"),
)

external_busy = Table(
    "external_busy",
    metadata,
    Column("key", Text, nullable=False),
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("resource_id", Uuid, nullable=False),
    instant("starts_at"),
    instant("ends_at"),
    Column("version", BigInteger, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "key"),
    Index("external_busy_key_idx", "key"),
    Index("external_busy_taken_idx", "organization_id", "resource_id", "ends_at", "starts_at"),
)

# Slots held while somebody fills in a form. Few and short-lived: read beside `occupancy`, swept when they have expired.
holds = Table(
    "holds",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("service_id", Uuid, nullable=True),
    Column("resource_ids", ARRAY(Uuid), nullable=False),
    instant("starts_at"),
    instant("ends_at"),
    instant("blocked_from"),
    instant("blocked_to"),
    instant("expires_at"),
    Column("version", BigInteger, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
    Index("holds_expires_idx", "expires_at"),
)

# One counter per organization for each half of what answers are made of: `rules` (catalogue and schedules) and
# `taken` (occupancy, holds and external busy time). Caches compare them. Triggers keep them, so that no writer can
# forget to, not even a rebuild's sweep. A counter's row stays locked until its writer commits, so whoever reads a count
# sees everything that was counted up to it.
projection_versions = Table(
    "projection_versions",
    metadata,
    Column("organization_id", Uuid, primary_key=True),
    Column("rules", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False),
)

# The count of `taken` at which the time of each resource changed last: after a change, only these are read again.
resource_versions = Table(
    "resource_versions",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("resource_id", Uuid, nullable=False),
    Column("taken", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "resource_id"),
    Index("resource_versions_taken_idx", "organization_id", "taken"),
)

outbox = outbox_table(metadata)
idempotency_keys = idempotency_table(metadata)
