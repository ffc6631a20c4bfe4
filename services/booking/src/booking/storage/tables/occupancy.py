"""Who takes whose time: appointments and holds, in one exclusion set."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint

from booking.storage.tables.base import instant, metadata, organization

occupancy = Table(
    "occupancy",
    metadata,
    organization(),
    Column("resource_id", Uuid, nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("seat", Integer, nullable=False, server_default=text("0")),
    Column("blocked", TSTZRANGE, nullable=False),
    Column("holder_id", Uuid, nullable=False),
    Column("forced", Boolean, nullable=False, server_default=text("false")),
    instant("expires_at", nullable=True),
    Column("taken_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("organization_id", "resource_id", "session_id", "seat"),
    CheckConstraint("NOT isempty(blocked) AND NOT lower_inf(blocked) AND NOT upper_inf(blocked)", name="blocked"),
    ExcludeConstraint(
        ("organization_id", "="),
        ("resource_id", "="),
        ("blocked", "&&"),
        ("session_id", "<>"),
        name="occupancy_one_session_at_a_time",
        using="gist",
    ),
    Index(None, "organization_id", "holder_id"),
    comment=(
        "Who takes a resource's time, buffers included. Two sessions of a resource never overlap. An ordinary"
        " appointment or hold is a session of its own; the seats of a group share one; an override joins the"
        " sessions it overlaps, so that the constraint still guards them against everybody else."
    ),
)

holds = Table(
    "holds",
    metadata,
    organization(),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("service_id", Uuid),
    Column("client_id", Uuid),
    instant("starts_at"),
    instant("ends_at"),
    Column("resource_ids", ARRAY(Uuid), nullable=False),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("call_id", Text),
    instant("expires_at"),
    instant("created_at"),
    PrimaryKeyConstraint("organization_id", "id"),
    Index(None, "expires_at"),
)
