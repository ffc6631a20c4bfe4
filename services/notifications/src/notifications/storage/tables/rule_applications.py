"""Default reminders that are given to appointments which stand already."""

from sqlalchemy import Boolean, Column, Integer, PrimaryKeyConstraint, Table, Text, Uuid

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

rule_applications = Table(
    "rule_applications",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("rule_id", Uuid, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("looks_again", Boolean, nullable=False),
    Column("total", Integer, nullable=False),
    Column("planned", Integer, nullable=False),
    Column("too_late", Integer, nullable=False),
    Column("no_address", Integer, nullable=False),
    Column("landline", Integer, nullable=False),
    Column("appointment_pending", Integer, nullable=False),
    Column("notify_off", Integer, nullable=False),
    instant("requested_at"),
    instant("updated_at"),
    PrimaryKeyConstraint("organization_id", "rule_id"),
    comment="How far each default reminder has been given to appointments that stood already; replans has the rest.",
)
