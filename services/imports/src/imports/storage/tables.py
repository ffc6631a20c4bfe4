"""The tables of imports; every one begins its key with the organization, which row-level security binds."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from slotstream_servicekit.http.idempotency import idempotency_table
from slotstream_servicekit.outbox import outbox_table
from slotstream_servicekit.schema import LIMIT_BUSINESSES, DatabaseSchema, RowLimit, instant

metadata = MetaData()

outbox = outbox_table(metadata)
idempotency_keys = idempotency_table(metadata)


def _organization() -> Column[UUID]:
    return Column("organization_id", Uuid, nullable=False)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def _list(name: str) -> Column[Any]:
    return Column(name, JSONB, nullable=False, server_default=text("'[]'"))


imports = Table(
    "imports",
    metadata,
    _organization(),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("state", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("file_sha256", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("reading", JSONB, nullable=False),
    Column("chosen", JSONB, nullable=False),
    Column("headers", JSONB, nullable=False),
    _count("file_rows"),
    _list("warnings"),
    Column("mapping", JSONB(none_as_null=True), nullable=True),
    _flag("notify"),
    Column("uploaded_by", JSONB, nullable=False),
    Column("mapped_by", JSONB(none_as_null=True), nullable=True),
    Column("confirmed_by", JSONB(none_as_null=True), nullable=True),
    Column("undone_by", JSONB(none_as_null=True), nullable=True),
    Column("undo_reason", Text, nullable=True),
    Column("undo_id", Uuid, nullable=True),
    _count("revision"),
    _count("read_through"),
    _count("events"),
    Column("failure", Text, nullable=True),
    _count("failures"),
    Column("stalled_in", Text, nullable=True),
    instant("due_at"),
    instant("waiting_since"),
    instant("cleared_at", nullable=True),
    instant("created_at"),
    instant("updated_at"),
    Column("version", Integer, nullable=False, server_default=text("1")),
    PrimaryKeyConstraint("organization_id", "id"),
    # The worker looks for what it has to do across organizations.
    Index(
        "imports_at_work_idx",
        "due_at",
        postgresql_where=text("state IN ('reading', 'checking', 'booking', 'undoing')"),
    ),
    Index("imports_uncleared_idx", "updated_at", postgresql_where=text("cleared_at IS NULL")),
)

import_files = Table(
    "import_files",
    metadata,
    _organization(),
    Column("import_id", Uuid, nullable=False),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("organization_id", "import_id"),
    ForeignKeyConstraint(["organization_id", "import_id"], ["imports.organization_id", "imports.id"]),
)

import_rows = Table(
    "import_rows",
    metadata,
    _organization(),
    Column("import_id", Uuid, nullable=False),
    Column("number", Integer, nullable=False),
    Column("field_values", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    _list("reasons"),
    Column("requested", JSONB(none_as_null=True), nullable=True),
    Column("service_id", Uuid, nullable=True),
    Column("resource_id", Uuid, nullable=True),
    instant("starts_at", nullable=True),
    # Both are NULL where the row takes nobody's time.
    instant("blocked_from", nullable=True),
    instant("blocked_to", nullable=True),
    Column("contacts", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("row_key", Text, nullable=True),
    Column("appointment_id", Uuid, nullable=True),
    Column("client_id", Uuid, nullable=True),
    _flag("dropped"),
    Column("override", JSONB(none_as_null=True), nullable=True),
    _count("revision"),
    _flag("to_check"),
    Column("check_id", Uuid, nullable=True),
    Column("free_ids", ARRAY(Uuid), nullable=True),
    _flag("to_book"),
    Column("book_id", Uuid, nullable=True),
    _flag("to_undo"),
    Column("undo_id", Uuid, nullable=True),
    Column("outcome", Text, nullable=True),
    _list("outcome_reasons"),
    PrimaryKeyConstraint("organization_id", "import_id", "number"),
    ForeignKeyConstraint(["organization_id", "import_id"], ["imports.organization_id", "imports.id"]),
    Index("import_rows_state_idx", "organization_id", "import_id", "state", "number"),
    Index("import_rows_key_idx", "organization_id", "row_key"),
    Index("import_rows_time_idx", "organization_id", "import_id", "blocked_from"),
    Index(
        "import_rows_checking_idx",
        "organization_id",
        "import_id",
        "check_id",
        postgresql_where=text("check_id IS NOT NULL"),
    ),
    Index(
        "import_rows_booking_idx",
        "organization_id",
        "import_id",
        "book_id",
        # As an answer looks for its rows: also for those whose import was cancelled before it came.
        postgresql_where=text("book_id IS NOT NULL AND (outcome IS NULL OR outcome = 'unknown')"),
    ),
    Index(
        "import_rows_undoing_idx",
        "organization_id",
        "import_id",
        "undo_id",
        postgresql_where=text("undo_id IS NOT NULL"),
    ),
    Index("import_rows_to_check_idx", "organization_id", "import_id", "number", postgresql_where=text("to_check")),
    Index(
        "import_rows_to_book_idx",
        "organization_id",
        "import_id",
        "starts_at",
        "number",
        postgresql_where=text("to_book"),
    ),
    Index("import_rows_to_undo_idx", "organization_id", "import_id", "number", postgresql_where=text("to_undo")),
)

mappings = Table(
    "mappings",
    metadata,
    _organization(),
    Column("signature", Text, nullable=False),
    Column("mapping", JSONB, nullable=False),
    instant("updated_at"),
    PrimaryKeyConstraint("organization_id", "signature"),
)

businesses = Table(
    "businesses",
    metadata,
    _organization(),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("phone_region", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
)

services = Table(
    "services",
    metadata,
    _organization(),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("duration_minutes", Integer, nullable=False),
    Column("buffer_before_minutes", Integer, nullable=False),
    Column("buffer_after_minutes", Integer, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("requires", JSONB, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
    Index("services_business_idx", "organization_id", "business_id"),
)

resources = Table(
    "resources",
    metadata,
    _organization(),
    Column("id", Uuid, nullable=False),
    Column("business_ids", ARRAY(Uuid), nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
)

# By what the rows of an erased client are found: digests, so that no address is kept here beside the rows themselves.
client_contacts = Table(
    "client_contacts",
    metadata,
    _organization(),
    Column("id", Uuid, nullable=False),
    Column("contacts", ARRAY(Text), nullable=False),
    Column("merged_into", Uuid, nullable=True),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
    # A tombstone names the client alone.
    Index("client_contacts_id_idx", "id"),
    Index("client_contacts_merged_idx", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
)

# A row that was exported before a client's number changed holds the old one. No projection: topics tell the last only.
former_contacts = Table(
    "former_contacts",
    metadata,
    _organization(),
    Column("client_id", Uuid, nullable=False),
    Column("contact", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "client_id", "contact"),
)

CATALOGUE_TABLES = ("businesses", "services", "resources")
CLIENT_TABLES = ("client_contacts",)

_OF_IMPORT = "sees_import(organization_id, import_id)"
LIMITS = (
    # Who is limited to one calendar has no imports: a file is a business's.
    RowLimit(table="imports", business=f"business_id = ANY ({LIMIT_BUSINESSES})", calendar="false"),
    *(RowLimit(table=table, business=_OF_IMPORT, calendar=_OF_IMPORT) for table in ("import_files", "import_rows")),
)
"""What limited callers see. UNLIMITED_TABLES says why the others have no limits."""

FUNCTIONS = (
    # An import has about a thousand rows. Statistics of the first day may say one, and then whatever begins with the
    # import looks as good as the indexes of commands: each answer would read the whole file.
    """
    ALTER TABLE import_rows
        ALTER import_id SET (n_distinct = -0.001), ALTER organization_id SET (n_distinct = -0.001)
    """,
    """
    CREATE FUNCTION sees_import(p_organization uuid, p_import uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS $function$
    BEGIN
        RETURN EXISTS (SELECT FROM imports i WHERE i.organization_id = p_organization AND i.id = p_import);
    END
    $function$
    """,
)

UNLIMITED_TABLES = {
    "businesses": "names of what a caller may name; an import is of one business",
    "client_contacts": "never read by requests",
    "former_contacts": "never read by requests",
    "idempotency_keys": "a caller's own",
    "mappings": "what columns mean, remembered for files with the same ones",
    "outbox": "never read by requests",
    "resources": "rows name those of their import's business only",
    "services": "rows name those of their import's business only",
}

schema = DatabaseSchema(
    service="imports",
    metadata=metadata,
    tenant_tables=tuple(metadata.tables),
    after=FUNCTIONS,
    limits=LIMITS,
)
