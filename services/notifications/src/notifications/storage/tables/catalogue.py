"""Names and addresses of businesses, resources and services, as their states tell them."""

from sqlalchemy import Boolean, Column, Integer, PrimaryKeyConstraint, Table, Text, Uuid

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

catalogue = Table(
    "catalogue",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=True),
    Column("locale", Text, nullable=True),
    Column("country", Text, nullable=True),
    Column("email", Text, nullable=True),
    Column("phone", Text, nullable=True),
    Column("address", Text, nullable=True),
    Column("user_id", Text, nullable=True),
    Column("business_id", Uuid, nullable=True),
    Column("client_confirms", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "kind", "id"),
)
