"""How much organizations send."""

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, Table, Text, Uuid

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

send_limits = Table(
    "send_limits",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("channel", Text, nullable=False),
    Column("per_minute", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "channel"),
)

send_allowances = Table(
    "send_allowances",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("bucket", Text, nullable=False),
    instant("taken_until"),
    PrimaryKeyConstraint("organization_id", "bucket"),
    Index("send_allowances_taken_idx", "taken_until"),
    comment="How far each organization's minutes are taken: what all workers and APIs go by.",
)
