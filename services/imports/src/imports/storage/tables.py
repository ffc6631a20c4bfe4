"""The tables of imports; every one begins its key with the organization, which row-level security binds."""

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
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

metadata = MetaData()

outbox = outbox_table(metadata)
idempotency_keys = idempotency_table(metadata)


def _organization() -> Column[Any]:
    return Column("organization_id", Uuid, nullable=False)


def _instant(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _count(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


imports = Table(
    "imports",
    metadata,
    _organization(),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("state", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("file_sha256", Text, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("delimiter", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("mapping", JSONB, nullable=True),
    Column("actor", JSONB, nullable=False),
    Column("notify", Boolean, nullable=False, server_default=text("false")),
    _count("revision"),
    _count("file_rows"),
    _count("read_through"),
    _count("events"),
    Column("undo_command_id", Uuid, nullable=True),
    Column("failure", Text, nullable=True),
    _instant("created_at"),
    _instant("updated_at"),
    Column("version", Integer, nullable=False, server_default=text("1")),
    PrimaryKeyConstraint("organization_id", "id"),
    # The worker looks for what it has to do across organizations.
    Index("imports_at_work_idx", "updated_at", postgresql_where=text("state IN ('reading', 'checking', 'booking')")),
    Index("imports_undo_command_id_idx", "undo_command_id"),
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
    Column("reasons", JSONB, nullable=False),
    Column("wish", JSONB, nullable=True),
    _instant("starts_at", nullable=True),
    _instant("ends_at", nullable=True),
    Column("resource_id", Uuid, nullable=True),
    Column("row_key", Text, nullable=True),
    Column("appointment_id", Uuid, nullable=True),
    Column("dropped", Boolean, nullable=False, server_default=text("false")),
    Column("override_reason", Text, nullable=True),
    _count("revision"),
    Column("to_check", Boolean, nullable=False, server_default=text("false")),
    Column("check_id", Uuid, nullable=True),
    Column("to_book", Boolean, nullable=False, server_default=text("false")),
    Column("book_id", Uuid, nullable=True),
    Column("outcome", Text, nullable=True),
    Column("outcome_reasons", JSONB, nullable=True),
    PrimaryKeyConstraint("organization_id", "import_id", "number"),
    ForeignKeyConstraint(["organization_id", "import_id"], ["imports.organization_id", "imports.id"]),
    Index("import_rows_state_idx", "organization_id", "import_id", "state", "number"),
    Index("import_rows_key_idx", "organization_id", "row_key"),
    Index("import_rows_start_idx", "organization_id", "import_id", "starts_at"),
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
        postgresql_where=text("book_id IS NOT NULL AND outcome IS NULL"),
    ),
    Index("import_rows_to_check_idx", "organization_id", "import_id", "number", postgresql_where=text("to_check")),
    Index("import_rows_to_book_idx", "organization_id", "import_id", "number", postgresql_where=text("to_book")),
)

mappings = Table(
    "mappings",
    metadata,
    _organization(),
    Column("signature", Text, nullable=False),
    Column("mapping", JSONB, nullable=False),
    _instant("updated_at"),
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
    Column("archived", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    _instant("applied_at"),
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
    Column("archived", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    _instant("applied_at"),
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
    _instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
)

PROJECTION_TABLES = ("businesses", "services", "resources")
