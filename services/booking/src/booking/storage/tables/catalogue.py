"""The catalogue: an organization's businesses, resources, services and actions."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from booking.storage.tables.base import metadata, organization, versioned

organizations = Table(
    "organizations",
    metadata,
    Column("organization_id", Uuid, primary_key=True),
    Column("policy_version", BigInteger, nullable=False, server_default=text("1")),
)

businesses = Table(
    "businesses",
    metadata,
    organization(),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("phone_region", Text, nullable=False),
    Column("country", Text),
    Column("currency", Text, nullable=False),
    Column("email", Text),
    Column("phone", Text),
    Column("address", Text),
    Column("assignment", Text, nullable=False),
    Column("public_booking", Boolean, nullable=False, server_default=text("false")),
    Column("verify_by_code", Boolean, nullable=False, server_default=text("false")),
    Column("embed_origins", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    *versioned(),
    PrimaryKeyConstraint("organization_id", "id"),
    UniqueConstraint("id"),
)

resources = Table(
    "resources",
    metadata,
    organization(),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("email", Text),
    Column("phone", Text),
    Column("user_id", Text),
    *versioned(),
    PrimaryKeyConstraint("organization_id", "id"),
    UniqueConstraint("id"),
    CheckConstraint("kind IN ('staff', 'room', 'equipment', 'business')", name="kind"),
)

resource_businesses = Table(
    "resource_businesses",
    metadata,
    organization(),
    Column("resource_id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    PrimaryKeyConstraint("organization_id", "resource_id", "business_id"),
    ForeignKeyConstraint(["organization_id", "resource_id"], ["resources.organization_id", "resources.id"]),
    ForeignKeyConstraint(["organization_id", "business_id"], ["businesses.organization_id", "businesses.id"]),
)

services = Table(
    "services",
    metadata,
    organization(),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("duration_minutes", Integer, nullable=False),
    Column("buffer_before_minutes", Integer, nullable=False, server_default=text("0")),
    Column("buffer_after_minutes", Integer, nullable=False, server_default=text("0")),
    Column("minimum_notice_minutes", Integer, nullable=False, server_default=text("0")),
    Column("booking_window_days", Integer),
    Column("slot_interval_minutes", Integer, nullable=False, server_default=text("15")),
    Column("capacity", Integer, nullable=False, server_default=text("1")),
    Column("requires", JSONB, nullable=False, server_default=text("'[]'")),
    Column("price_amount", Numeric),
    Column("price_currency", Text),
    Column("needs_approval", Boolean, nullable=False, server_default=text("false")),
    Column("pending_occupies", Boolean, nullable=False, server_default=text("true")),
    Column("client_confirms", Boolean, nullable=False, server_default=text("false")),
    Column("cancellation_notice_minutes", Integer, nullable=False, server_default=text("0")),
    Column("reschedule_notice_minutes", Integer, nullable=False, server_default=text("0")),
    Column("max_reschedules", Integer),
    Column("public_booking", Boolean, nullable=False, server_default=text("false")),
    *versioned(),
    PrimaryKeyConstraint("organization_id", "id"),
    UniqueConstraint("id"),
    ForeignKeyConstraint(["organization_id", "business_id"], ["businesses.organization_id", "businesses.id"]),
    CheckConstraint("duration_minutes > 0 AND capacity > 0 AND slot_interval_minutes > 0", name="sane"),
)

actions = Table(
    "actions",
    metadata,
    organization(),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("position", Integer, nullable=False, server_default=text("0")),
    *versioned(),
    PrimaryKeyConstraint("organization_id", "id"),
    UniqueConstraint("id"),
)
