"""API clients and the digests of their secrets."""

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from dashboard.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

api_clients = Table(
    "api_clients",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("business_ids", ARRAY(Uuid), nullable=True),
    Column("state", Text, nullable=False),
    Column("rotation", Integer, nullable=False),
    instant("last_used_at", nullable=True),
    instant("created_at"),
    instant("updated_at"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "id"),
    CheckConstraint("state IN ('active', 'deactivated')", name="api_clients_state_is_known"),
    UniqueConstraint("id", name="api_clients_id_key"),
)

api_client_secrets = Table(
    "api_client_secrets",
    metadata,
    Column("digest", LargeBinary, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("organization_id", Uuid, nullable=False),
    instant("created_at"),
    instant("expires_at", nullable=True),
    PrimaryKeyConstraint("digest"),
    ForeignKeyConstraint(
        ["organization_id", "client_id"],
        ["api_clients.organization_id", "api_clients.id"],
        name="api_client_secrets_client_fkey",
        ondelete="CASCADE",
    ),
    Index("api_client_secrets_client_idx", "client_id"),
)
