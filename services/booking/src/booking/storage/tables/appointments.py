"""Appointments and whom they are with."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Uuid,
    text,
)

from booking.domain.appointments import FIELDS
from booking.storage.tables.base import columns_of, instant, metadata, organization

appointments = Table(
    "appointments",
    metadata,
    *columns_of(FIELDS),
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["organization_id", "client_id"], ["clients.organization_id", "clients.id"]),
    CheckConstraint("ends_at > starts_at", name="times"),
    Index(None, "organization_id", "starts_at", "id"),
    Index(None, "organization_id", "client_id", "starts_at"),
    Index(
        "appointments_custom_idx",
        "organization_id",
        "service_name",
        "starts_at",
        postgresql_where=text("service_id IS NULL"),
    ),
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
    organization(),
    Column("appointment_id", Uuid, nullable=False),
    Column("place", SmallInteger, nullable=False),
    Column("resource_id", Uuid, nullable=False),
    Column("seat", Integer, nullable=False),
    instant("starts_at"),
    PrimaryKeyConstraint("organization_id", "appointment_id", "place"),
    Index(None, "organization_id", "resource_id", "starts_at"),
)
