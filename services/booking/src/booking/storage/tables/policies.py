"""Projections of what other services own and booking judges by."""

from sqlalchemy import ARRAY, BigInteger, Column, Index, PrimaryKeyConstraint, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from booking.storage.tables.base import instant, metadata, organization

schedules = Table(
    "schedules",
    metadata,
    organization(),
    Column("owner_id", Uuid, nullable=False),
    Column("owner_kind", Text, nullable=False),
    Column("schedule", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "owner_id"),
)

external_busy = Table(
    "external_busy",
    metadata,
    organization(),
    Column("key", Text, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("resource_id", Uuid, nullable=False),
    instant("starts_at"),
    instant("ends_at"),
    Column("version", BigInteger, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "key"),
    Index(None, "organization_id", "resource_id", "ends_at"),
    Index(None, "ends_at"),
    comment="Keyed by organization and the topic's record key: a tombstone says nothing else.",
)

organization_channels = Table(
    "organization_channels",
    metadata,
    organization(),
    Column("channels", ARRAY(Text), nullable=False),
    Column("version", BigInteger, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id"),
)

client_preferences = Table(
    "client_preferences",
    metadata,
    organization(),
    Column("client_id", Uuid, nullable=False),
    Column("opted_out", ARRAY(Text), nullable=False),
    Column("version", BigInteger, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "client_id"),
)
