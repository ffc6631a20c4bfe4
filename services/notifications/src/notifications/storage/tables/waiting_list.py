"""Clients who wait, as booking told last what they are offered."""

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, Table, Text, Uuid, text

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

waiting_list_entries = Table(
    "waiting_list_entries",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("service_id", Uuid, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("offer_id", Uuid, nullable=True),
    instant("offer_starts_at", nullable=True),
    instant("offer_ends_at", nullable=True),
    instant("offer_expires_at", nullable=True),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
    Index(
        "waiting_list_entries_offer_idx", "organization_id", "offer_id", postgresql_where=text("offer_id IS NOT NULL")
    ),
    Index("waiting_list_entries_applied_idx", "applied_at"),
)
