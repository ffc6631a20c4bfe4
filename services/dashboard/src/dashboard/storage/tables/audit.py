"""Who did what."""

from sqlalchemy import Column, PrimaryKeyConstraint, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from dashboard.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    instant("at"),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("address", Text, nullable=True),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    PrimaryKeyConstraint("organization_id", "id"),
)
