"""When nobody is disturbed."""

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, Table, Text, Time, Uuid

from notifications.storage.tables.base import metadata

quiet_hours = Table(
    "quiet_hours",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("channel", Text, nullable=False),
    Column("begins", Time, nullable=False),
    Column("ends", Time, nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "channel"),
    comment="By the recipient's clock; the same time twice is none.",
)
