"""What happened to appointments, and the constraints that were set aside."""

from sqlalchemy import ARRAY, Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSON

from booking.storage.tables.base import instant, metadata, organization

history = Table(
    "history",
    metadata,
    organization(),
    Column("appointment_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("verb", Text, nullable=False),
    instant("at"),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("call_id", Text),
    Column("on_behalf_of", Uuid),
    Column("reason", Text),
    Column("fields", JSON, nullable=False),
    Column("state", JSON, nullable=False),
    Column("tell_client", Boolean),
    PrimaryKeyConstraint("organization_id", "appointment_id", "version"),
    comment="Append-only: one row per change, with the appointment as it was known after it.",
)

overrides = Table(
    "overrides",
    metadata,
    organization(),
    Column("appointment_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    instant("at"),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("rules", ARRAY(Text), nullable=False),
    Column("conflicts_with", ARRAY(Text), nullable=False),
    PrimaryKeyConstraint("organization_id", "appointment_id", "version"),
    Index(None, "organization_id", "at"),
)

former_clients = Table(
    "former_clients",
    metadata,
    organization(),
    Column("client_id", Uuid, nullable=False),
    Column("appointment_id", Uuid, nullable=False),
    PrimaryKeyConstraint("organization_id", "client_id", "appointment_id"),
    comment="Whom appointments were for until that was corrected.",
)
"""The states in the history say from when until when; this finds them when the person is erased."""
