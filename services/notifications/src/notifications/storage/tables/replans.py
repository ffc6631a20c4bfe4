"""What has to be planned anew, step by step."""

from sqlalchemy import Column, PrimaryKeyConstraint, Table, Text, Uuid

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

replans = Table(
    "replans",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("subject", Text, nullable=False),
    instant("requested_at"),
    instant("next_step_at"),
    instant("after_at", nullable=True),
    Column("after_id", Uuid, nullable=True),
    PrimaryKeyConstraint("organization_id", "subject"),
    comment="One row for each change whose messages are planned anew, until that is done.",
)
