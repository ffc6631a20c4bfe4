"""Users of the dashboard, and what they have chosen for themselves."""

from sqlalchemy import ARRAY, Boolean, Column, Integer, PrimaryKeyConstraint, Table, Text, Time, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

users = Table(
    "users",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("role", Text, nullable=True),
    Column("state", Text, nullable=False),
    Column("business_ids", ARRAY(Uuid), nullable=True),
    Column("resource_id", Uuid, nullable=True),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
)

removed_users = Table(
    "removed_users",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("user_id", Text, nullable=False),
    instant("removed_at"),
    PrimaryKeyConstraint("organization_id", "user_id"),
    comment="Ids only: no old record brings somebody back, and nothing is sent to a calendar that names them.",
)

staff_preferences = Table(
    "staff_preferences",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("agenda_at", Time, nullable=True),
    Column("agenda_ahead", Boolean, nullable=False),
    Column("told_by", JSONB, nullable=True),
    Column("reminders", JSONB, nullable=True),
    instant("changed_at", nullable=True),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "user_id"),
)
