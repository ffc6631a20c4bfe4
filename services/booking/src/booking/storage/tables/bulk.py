"""Bulk orders that are done by the worker, and what became of each appointment."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from booking.storage.tables.base import instant, last_failure, metadata, organization

bulk_jobs = Table(
    "bulk_jobs",
    metadata,
    organization(),
    Column("id", Uuid, nullable=False),
    Column("verb", Text, nullable=False),
    Column("arguments", JSONB, nullable=False),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("call_id", Text),
    Column("business_ids", ARRAY(Uuid)),
    Column("resource_id", Uuid),
    Column("correlation_id", Text, nullable=False),
    Column("traceparent", Text),
    Column("status", Text, nullable=False),
    Column("total", Integer, nullable=False),
    Column("succeeded", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    instant("created_at"),
    instant("updated_at"),
    *last_failure(),
    instant("cancelled_at", nullable=True),
    Column("cancelled_by", Text),
    PrimaryKeyConstraint("organization_id", "id"),
    Index("bulk_jobs_running_idx", "updated_at", "id", postgresql_where=text("status = 'running'")),
    Index(None, "created_at"),
)

bulk_items = Table(
    "bulk_items",
    metadata,
    organization(),
    Column("job_id", Uuid, nullable=False),
    Column("position", Integer, nullable=False),
    Column("appointment_id", Uuid, nullable=False),
    Column("ok", Boolean),
    Column("problem", JSONB),
    PrimaryKeyConstraint("organization_id", "job_id", "position"),
    ForeignKeyConstraint(
        ["organization_id", "job_id"], ["bulk_jobs.organization_id", "bulk_jobs.id"], ondelete="CASCADE"
    ),
)
