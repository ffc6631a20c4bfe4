"""The browsers that take push messages."""

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, PrimaryKeyConstraint, Table, Text, Uuid, text

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

push_subscriptions = Table(
    "push_subscriptions",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("client_id", Uuid, nullable=True),
    Column("user_id", Text, nullable=True),
    Column("endpoint", Text, nullable=False),
    Column("p256dh", LargeBinary, nullable=False),
    Column("auth", LargeBinary, nullable=False),
    Column("device", Text, nullable=True),
    instant("created_at"),
    PrimaryKeyConstraint("organization_id", "id"),
    CheckConstraint("(client_id IS NULL) <> (user_id IS NULL)", name="push_subscriptions_have_one_person"),
    Index(
        "push_subscriptions_client_idx",
        "organization_id",
        "client_id",
        "endpoint",
        unique=True,
        postgresql_where=text("client_id IS NOT NULL"),
    ),
    Index(
        "push_subscriptions_user_idx",
        "organization_id",
        "user_id",
        "endpoint",
        unique=True,
        postgresql_where=text("user_id IS NOT NULL"),
    ),
)
