"""Where clients answer mails, and what their calendars said last."""

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, Table, Text, Uuid

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

reply_addresses = Table(
    "reply_addresses",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("digest", Text, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("calendar_uid", Text, nullable=False),
    instant("given_at"),
    PrimaryKeyConstraint("organization_id", "digest"),
    Index("reply_addresses_client_idx", "organization_id", "client_id"),
    Index("reply_addresses_given_idx", "given_at"),
    comment="Digests: who reads them cannot write to the addresses.",
)

calendar_replies = Table(
    "calendar_replies",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("digest", Text, nullable=False),
    Column("recurs_at", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    instant("stamped_at"),
    instant("received_at"),
    PrimaryKeyConstraint("organization_id", "digest", "recurs_at"),
    Index("calendar_replies_received_idx", "received_at"),
    comment="The newest answer of each calendar entry, of each date by itself; of a single one the date is empty.",
)
