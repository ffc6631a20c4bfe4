"""The texts that an organization wrote itself."""

from sqlalchemy import Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, Uuid, text

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

templates = Table(
    "templates",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=True),
    Column("kind", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=True),
    Column("is_default", Boolean, nullable=False, server_default=text("true")),
    Column("archived", Boolean, nullable=False, server_default=text("false")),
    instant("created_at"),
    instant("updated_at"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "id"),
    Index(
        "templates_default_idx",
        "organization_id",
        "business_id",
        "kind",
        "audience",
        "channel",
        "locale",
        unique=True,
        postgresql_where=text("is_default AND NOT archived"),
        postgresql_nulls_not_distinct=True,
    ),
)
