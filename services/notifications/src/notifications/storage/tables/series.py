"""Series that are told as one."""

from sqlalchemy import Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

series = Table(
    "series",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("zone", Text, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("calendar_uid", Text, nullable=False),
    Column("rrule", Text, nullable=True),
    Column("goes_on", Boolean, nullable=False),
    Column("dates", JSONB, nullable=False),
    instant("ends_at"),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
    Index("series_ended_idx", "ends_at"),
)

series_sequences = Table(
    "series_sequences",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("series_id", Uuid, nullable=False),
    Column("next", Integer, nullable=False),
    instant("updated_at"),
    PrimaryKeyConstraint("organization_id", "series_id"),
    Index("series_sequences_updated_idx", "updated_at"),
    comment="The next SEQUENCE. No projection: a rebuild that began anew would be ignored by calendars.",
)
