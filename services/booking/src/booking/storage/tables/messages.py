"""A projection of what became of messages about appointments, for their history."""

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table, Text, Uuid, text

from booking.storage.tables.base import instant, metadata, organization

message_events = Table(
    "message_events",
    metadata,
    organization(),
    Column("message_id", Uuid, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("appointment_id", Uuid),
    Column("client_id", Uuid),
    Column("resource_id", Uuid),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", Text),
    instant("due_at"),
    instant("occurred_at"),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "message_id", "version", "outcome"),
    Index(
        "message_events_appointment_idx",
        "organization_id",
        "appointment_id",
        postgresql_where=text("appointment_id IS NOT NULL"),
    ),
)
