"""What other services asked, and what they were answered."""

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSON

from booking.storage.tables.base import instant, metadata, organization

command_results = Table(
    "command_results",
    metadata,
    organization(),
    Column("command_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", JSON, nullable=False),
    instant("created_at"),
    PrimaryKeyConstraint("organization_id", "command_id"),
    Index(None, "created_at"),
)
