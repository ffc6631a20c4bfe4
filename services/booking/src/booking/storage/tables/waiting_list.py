"""Clients who wait for a slot, and time that was freed and may be offered to them."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
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

from booking.storage.tables.base import instant, last_failure, metadata, organization

waiting_list_entries = Table(
    "waiting_list_entries",
    metadata,
    organization(),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("service_id", Uuid, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("resource_id", Uuid),
    instant("window_from"),
    instant("window_to"),
    Column("status", Text, nullable=False),
    Column("offer_id", Uuid),
    instant("offer_starts_at", nullable=True),
    instant("offer_ends_at", nullable=True),
    instant("offer_expires_at", nullable=True),
    Column("offered_starts", ARRAY(DateTime(timezone=True)), nullable=False, server_default=text("'{}'")),
    instant("put_off_until", nullable=True),
    *last_failure(),
    instant("created_at"),
    instant("updated_at"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "id"),
    # The topic of the waiting list is keyed by the id alone.
    UniqueConstraint("id"),
    Index("waiting_list_entries_page_idx", "organization_id", "created_at", "id"),
    Index(
        "waiting_list_entries_active_idx",
        "organization_id",
        "business_id",
        "created_at",
        "id",
        postgresql_where=text("status IN ('waiting', 'offered')"),
    ),
    Index("waiting_list_entries_offered_idx", "offer_expires_at", postgresql_where=text("status = 'offered'")),
    Index("waiting_list_entries_window_idx", "window_to", postgresql_where=text("status = 'waiting'")),
    Index("waiting_list_entries_client_idx", "organization_id", "client_id"),
    Index(
        "waiting_list_entries_offer_idx", "organization_id", "offer_id", postgresql_where=text("offer_id IS NOT NULL")
    ),
    Index(
        "waiting_list_entries_over_idx",
        "updated_at",
        postgresql_where=text("status IN ('booked', 'expired', 'withdrawn')"),
    ),
)

freed_times = Table(
    "freed_times",
    metadata,
    organization(),
    Column("id", Uuid, nullable=False),
    Column("freed_by", Uuid),
    Column("business_id", Uuid, nullable=False),
    instant("begins"),
    instant("ends"),
    instant("try_at"),
    instant("reached_at", nullable=True),
    Column("reached_id", Uuid),
    Column("is_wanted", Boolean, nullable=False, server_default=text("false")),
    *last_failure(),
    PrimaryKeyConstraint("organization_id", "id"),
    Index(None, "try_at"),
    comment="What the worker has still to offer to those who wait; gone as soon as nobody is left.",
)
