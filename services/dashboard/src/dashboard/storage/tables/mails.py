"""Mails that wait to be sent."""

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, Table, Text, Uuid, text

from dashboard.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

mails = Table(
    "mails",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("organization_id", Uuid, nullable=True),
    Column("user_id", Uuid, nullable=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    instant("due_at"),
    instant("created_at"),
    PrimaryKeyConstraint("id"),
    Index("mails_due_idx", "due_at"),
)
