"""Organizations, their users, and what users prefer."""

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from dashboard.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

organizations = Table(
    "organizations",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    instant("created_at"),
    PrimaryKeyConstraint("organization_id"),
)

users = Table(
    "users",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("email", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("business_ids", ARRAY(Uuid), nullable=True),
    Column("resource_id", Uuid, nullable=True),
    instant("last_sign_in_at", nullable=True),
    instant("created_at"),
    instant("updated_at"),
    Column("version", Integer, nullable=False),
    Column("published_version", Integer, nullable=True),
    PrimaryKeyConstraint("organization_id", "id"),
    CheckConstraint("state IN ('invited', 'active', 'deactivated')", name="users_state_is_known"),
    UniqueConstraint("id", name="users_id_key"),
    UniqueConstraint("organization_id", "email", name="users_email_key"),
)

user_preferences = Table(
    "user_preferences",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("moves", Text, nullable=True),
    Column("density", Text, nullable=True),
    Column("hidden_columns", ARRAY(Text), nullable=True),
    instant("updated_at"),
    PrimaryKeyConstraint("organization_id", "user_id"),
    ForeignKeyConstraint(
        ["organization_id", "user_id"],
        ["users.organization_id", "users.id"],
        name="user_preferences_user_fkey",
        ondelete="CASCADE",
    ),
)
