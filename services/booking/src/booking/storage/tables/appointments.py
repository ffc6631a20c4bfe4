"""Appointments and whom they are with."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint

from booking.domain.appointments import FIELDS
from booking.storage.tables.base import columns_of, instant, metadata, organization

EXTERNAL_IDS: Final = "appointments_external_id_key"
"""One appointment for each external id of a business and source; cancelling it or moving it sets the id free."""
LASTS_LONG: Final = "ends_at - starts_at > '7 days'::interval"
OPEN_AND_ARCHIVED: Final = "archived AND status IN ('pending', 'scheduled', 'confirmed')"
"""What must never be: hidden, and still to come."""

appointments = Table(
    "appointments",
    metadata,
    *columns_of(FIELDS),
    # What lists sort prices by, paid before quoted: numbers are compared by functions that are not leakproof, so
    # row-level security would keep a condition on them from the index.
    Column(
        "price_rank",
        BigInteger,
        Computed("(coalesce(actual_amount, quoted_amount) * 1000)::bigint", persisted=True),
    ),
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["organization_id", "client_id"], ["clients.organization_id", "clients.id"]),
    CheckConstraint("ends_at > starts_at", name="times"),
    # Checked at the end of a statement, or, while an appointment is moved, of its transaction: the one that replaces
    # another comes before the other is closed.
    ExcludeConstraint(
        ("organization_id", "="),
        ("business_id", "="),
        ("source", "="),
        ("external_id", "="),
        name=EXTERNAL_IDS,
        using="btree",
        where=text("external_id IS NOT NULL AND status NOT IN ('cancelled', 'rescheduled')"),
        deferrable=True,
    ),
    Index(None, "organization_id", "starts_at", "id"),
    # What a list can be sorted by: without them, each page of a large book sorts all of it.
    Index(None, "organization_id", "created_at", "id"),
    Index(None, "organization_id", "updated_at", "id"),
    Index(None, "organization_id", "price_rank", "id"),
    Index(None, "organization_id", "client_id", "starts_at"),
    Index(
        "appointments_custom_idx",
        "organization_id",
        "service_name",
        "starts_at",
        postgresql_where=text("service_id IS NULL"),
    ),
    # A report's range may lie in the middle of one of the few that last long.
    Index("appointments_long_idx", "organization_id", "ends_at", postgresql_where=text(LASTS_LONG)),
    Index("appointments_batch_idx", "organization_id", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
    Index(
        "appointments_series_idx",
        "organization_id",
        "series_id",
        postgresql_where=text("series_id IS NOT NULL"),
    ),
    # Empty as long as nothing is wrong: the auditor asks for it all the time.
    Index("appointments_open_and_archived_idx", "id", postgresql_where=text(OPEN_AND_ARCHIVED)),
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
