"""The reminders of single appointments: by a rule, or asked for."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

reminders = Table(
    "reminders",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("calendar_uid", Text, nullable=False),
    Column("rule_id", Uuid, nullable=True),
    Column("channel", Text, nullable=False),
    Column("minutes_before", Integer, nullable=False),
    Column("by_clock", Boolean, nullable=False, server_default=text("false")),
    Column("template_id", Uuid, nullable=True),
    Column("removed", Boolean, nullable=False, server_default=text("false")),
    instant("created_at"),
    instant("asked_at", nullable=True),
    PrimaryKeyConstraint("organization_id", "id"),
    UniqueConstraint("organization_id", "calendar_uid", "rule_id", name="reminders_rule_key"),
    ForeignKeyConstraint(
        ["organization_id", "template_id"],
        ["templates.organization_id", "templates.id"],
        name="reminders_template_fkey",
    ),
    CheckConstraint("minutes_before > 0", name="reminders_are_before"),
    Index(
        "reminders_once_idx",
        "organization_id",
        "calendar_uid",
        "channel",
        "minutes_before",
        "by_clock",
        unique=True,
        postgresql_where=text("NOT removed"),
    ),
    Index("reminders_created_idx", "created_at"),
)
