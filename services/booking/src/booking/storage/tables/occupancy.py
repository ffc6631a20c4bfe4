"""Who takes whose time: appointments and holds, in one exclusion set."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
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
    Column("blocked_from", DateTime(timezone=True), Computed("lower(blocked)", persisted=True), nullable=False),
    Column("blocked_to", DateTime(timezone=True), Computed("upper(blocked)", persisted=True), nullable=False),
    Column(
        "is_long",
        Boolean,
        Computed("upper(blocked) - lower(blocked) > interval '1 day'", persisted=True),
        nullable=False,
    ),
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
    # What is read is found by these: `&&` is not leakproof, so row-level security keeps it from the constraint's index.
    Index(None, "organization_id", "resource_id", "blocked_from"),
    Index("occupancy_long_idx", "organization_id", "resource_id", "blocked_to", postgresql_where=text("is_long")),
    Index(
        "occupancy_expiring_idx",
        "organization_id",
        "resource_id",
        "expires_at",
        postgresql_where=text("expires_at IS NOT NULL"),
    ),
    # Whose turn it is.
    Index(None, "organization_id", "resource_id", "taken_at"),
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
    # The topic of holds is keyed by the id alone.
    UniqueConstraint("id"),
    Index(None, "expires_at"),
)
