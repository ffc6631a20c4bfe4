"""Appointments as their events tell them, and the texts that only their states hold."""

from sqlalchemy import Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

appointments = Table(
    "appointments",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("zone", Text, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("service_id", Uuid, nullable=True),
    Column("service_name", Text, nullable=False),
    Column("location_kind", Text, nullable=False),
    Column("action_name", Text, nullable=True),
    instant("starts_at"),
    instant("ends_at"),
    Column("status", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("notify_client", Boolean, nullable=False),
    Column("share_with_client", Boolean, nullable=False),
    Column("rescheduled_from", Uuid, nullable=True),
    Column("rescheduled_to", Uuid, nullable=True),
    instant("previous_starts_at", nullable=True),
    Column("calendar_uid", Text, nullable=False),
    Column("calendar_sequence", Integer, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("staff", JSONB, nullable=False),
    instant("created_at"),
    instant("updated_at"),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
    Index("appointments_chain_idx", "organization_id", "calendar_uid"),
    Index("appointments_client_idx", "organization_id", "client_id"),
    Index("appointments_ended_idx", "ends_at"),
    Index("appointments_day_idx", "organization_id", "ends_at"),
)

appointment_texts = Table(
    "appointment_texts",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("service_name", Text, nullable=True),
    Column("location_text", Text, nullable=True),
    Column("location_url", Text, nullable=True),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
)
