"""Events that browsers are told of as they come."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from dashboard.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

live_events = Table(
    "live_events",
    metadata,
    Column("seq", BigInteger, Identity(always=True, cache=1), nullable=False),
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("topic", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("business_id", Uuid, nullable=True),
    Column("resource_ids", ARRAY(Uuid), nullable=False),
    instant("created_at"),
    PrimaryKeyConstraint("seq"),
    UniqueConstraint("organization_id", "id", name="live_events_id_key"),
    Index("live_events_created_at_idx", "created_at"),
    Index("live_events_organization_id_seq_idx", "organization_id", "seq"),
)
