"""Clients as booking tells them, who of them was erased, and what they want to be told."""

from sqlalchemy import ARRAY, Boolean, Column, DateTime, Index, Integer, PrimaryKeyConstraint, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

clients = Table(
    "clients",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=True),
    Column("phone", Text, nullable=True),
    Column("locale", Text, nullable=True),
    Column("zone", Text, nullable=True),
    Column("consent", ARRAY(Text), nullable=True),
    Column("merged_into", Uuid, nullable=True),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
    Index("clients_id_idx", "id"),
    Index("clients_phone_idx", "phone", postgresql_where=text("phone IS NOT NULL")),
    Index("clients_merged_into_idx", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
)

erased_clients = Table(
    "erased_clients",
    metadata,
    Column("client_id", Uuid, primary_key=True),
    Column("erased_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    comment="Ids only, which are unique across organizations: no old record brings an erased client back.",
)

preferences = Table(
    "preferences",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("opted_out", JSONB, nullable=False),
    Column("stopped", Boolean, nullable=False, server_default=text("false")),
    instant("unsubscribed_at", nullable=True),
    Column("unsubscribed_by", Text, nullable=True),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "client_id"),
)
