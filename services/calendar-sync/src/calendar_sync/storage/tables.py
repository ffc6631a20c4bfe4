"""The tables. Every key begins with the organization, so that a foreign id of another tenant matches nothing.

An id that a caller may choose is unique across organizations besides: it is the subject of messages.
"""

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from slotstream_servicekit.http.idempotency import idempotency_table
from slotstream_servicekit.outbox import outbox_table
from slotstream_servicekit.schema import LIMIT_BUSINESSES, LIMIT_RESOURCE, DatabaseSchema, RowLimit, instant

metadata = MetaData()


outbox = outbox_table(metadata)
idempotency_keys = idempotency_table(metadata)

connections = Table(
    "connections",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("resource_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("pause_reason", Text, nullable=True),
    Column("accepts_deletions", Boolean, nullable=False, server_default=text("false")),
    Column("error_code", Text, nullable=True),
    Column("error_detail", Text, nullable=True),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("warnings", JSONB, nullable=False, server_default=text("'{}'")),
    Column("warning_examples", JSONB, nullable=False, server_default=text("'[]'")),
    Column("busy_instances", Integer, nullable=False, server_default=text("0")),
    Column("cursor", JSONB, nullable=False, server_default=text("'{}'")),
    instant("window_ends_at", nullable=True),
    Column("revision", Integer, nullable=False, server_default=text("0")),
    instant("last_success_at", nullable=True),
    instant("last_attempt_at", nullable=True),
    instant("due_at"),
    # Asked for while a reading was under way: read again once that has ended.
    Column("sync_requested", Boolean, nullable=False, server_default=text("false")),
    Column("claim", Uuid, nullable=True),
    instant("created_at"),
    instant("updated_at"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "id"),
    CheckConstraint("(state = 'paused') = (pause_reason IS NOT NULL)", name="connections_pause_has_a_reason"),
    UniqueConstraint("id", name="connections_id_key"),
    Index("connections_due_idx", "due_at", postgresql_where=text("state <> 'paused'")),
    Index("connections_claimed_idx", "organization_id", postgresql_where=text("claim IS NOT NULL")),
    Index("connections_resource_idx", "organization_id", "resource_id"),
)

busy_instances = Table(
    "busy_instances",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("connection_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("uid", Text, nullable=False),
    Column("recurrence", Text, nullable=False),
    instant("starts_at"),
    instant("ends_at"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "connection_id", "id"),
    ForeignKeyConstraint(
        ["organization_id", "connection_id"],
        ["connections.organization_id", "connections.id"],
        name="busy_instances_connection_fkey",
        ondelete="CASCADE",
    ),
)

feeds = Table(
    "feeds",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("resource_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("secret_digest", LargeBinary, nullable=False),
    Column("rotation", Integer, nullable=False),
    instant("created_at"),
    instant("updated_at"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "id"),
    UniqueConstraint("id", name="feeds_id_key"),
    UniqueConstraint("secret_digest", name="feeds_secret_digest_key"),
)

businesses = Table(
    "businesses",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("address", Text, nullable=True),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
)

resources = Table(
    "resources",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("business_ids", ARRAY(Uuid), nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
)

appointments = Table(
    "appointments",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("resource_ids", ARRAY(Uuid), nullable=False),
    Column("calendar_uid", Text, nullable=False),
    Column("calendar_sequence", Integer, nullable=False),
    Column("service_name", Text, nullable=False),
    Column("location_kind", Text, nullable=False),
    Column("location_text", Text, nullable=True),
    instant("starts_at"),
    instant("ends_at"),
    Column("zone", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("archived", Boolean, nullable=False),
    instant("created_at"),
    instant("updated_at"),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
    # Not GIN over resource_ids: `@>` is not leakproof, so row-level security would keep the index unused.
    Index("appointments_ends_at_idx", "organization_id", "ends_at"),
)

LIMITS = tuple(
    RowLimit(
        table=table,
        business=f"works_in(organization_id, resource_id, {LIMIT_BUSINESSES})",
        calendar=f"resource_id = {LIMIT_RESOURCE}",
    )
    for table in ("connections", "feeds")
)
"""What limited callers see. UNLIMITED_TABLES says why the others have no limits."""

FUNCTIONS = (
    """
    CREATE FUNCTION works_in(p_organization uuid, p_resource uuid, p_businesses uuid[]) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS $function$
    BEGIN
        RETURN EXISTS (SELECT FROM resources r WHERE r.organization_id = p_organization AND r.id = p_resource
                       AND r.business_ids && p_businesses);
    END
    $function$
    """,
)

UNLIMITED_TABLES = {
    "appointments": "read for feeds only, whose secret address is the authorization",
    "businesses": "never read by requests",
    "busy_instances": "read beside their connection only",
    "idempotency_keys": "a caller's own",
    "outbox": "never read by requests",
    "resources": "the use cases check whose a resource is",
}

schema = DatabaseSchema(
    service="calendar_sync",
    metadata=metadata,
    tenant_tables=tuple(table.name for table in metadata.sorted_tables),
    after=FUNCTIONS,
    limits=LIMITS,
)
