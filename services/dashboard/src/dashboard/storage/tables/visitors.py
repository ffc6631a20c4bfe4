"""What is kept of visitors of the public pages: codes that they are sent, and links that lead nowhere any more."""

from sqlalchemy import Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, Uuid, text

from dashboard.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

booking_codes = Table(
    "booking_codes",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("draft_id", Uuid, nullable=False),
    Column("recipient", LargeBinary, nullable=False),
    Column("network", LargeBinary, nullable=False),
    Column("business_name", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    instant("used_at", nullable=True),
    instant("created_at"),
    instant("expires_at"),
    PrimaryKeyConstraint("id"),
    Index("booking_codes_recipient_idx", "recipient", "created_at"),
    Index("booking_codes_network_idx", "network", "created_at"),
    Index("booking_codes_created_at_idx", "created_at"),
)

client_link_revocations = Table(
    "client_link_revocations",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("client_id", Uuid, nullable=False),
    instant("revoked_at"),
    PrimaryKeyConstraint("organization_id", "client_id"),
    comment="Links of the client that were made up to this instant lead nowhere any more.",
)
