"""The keys that sign tokens."""

from sqlalchemy import Column, LargeBinary, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from dashboard.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", Text, nullable=False),
    Column("sealed_private", LargeBinary, nullable=False),
    Column("public", JSONB, nullable=False),
    instant("created_at"),
    instant("signs_from"),
    instant("signs_until"),
    instant("published_until"),
    PrimaryKeyConstraint("id"),
)
