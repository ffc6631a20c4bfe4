"""Everything imports remembers, each table bound to its tenant."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app, limit_rows
from slotstream_servicekit.schema import LIMIT_BUSINESSES, RowLimit

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "import_rows",
    "import_files",
    "imports",
    "mappings",
    "businesses",
    "services",
    "resources",
    "client_contacts",
    "idempotency_keys",
    "outbox",
)

_OF_IMPORT = "sees_import(organization_id, import_id)"
LIMITS = (
    # Who is limited to one calendar has no imports: a file is a business's.
    RowLimit(table="imports", business=f"business_id = ANY ({LIMIT_BUSINESSES})", calendar="false"),
    *(RowLimit(table=table, business=_OF_IMPORT, calendar=_OF_IMPORT) for table in ("import_files", "import_rows")),
)

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


def upgrade() -> None:
    op.create_table(
        "businesses",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("phone_region", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_table(
        "client_contacts",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contacts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("client_contacts_id_idx", "client_contacts", ["id"], unique=False)
    op.create_index(
        "client_contacts_merged_idx",
        "client_contacts",
        ["merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("headers", postgresql.JSONB(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "caller", "key"),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "imports",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("reading", postgresql.JSONB(), nullable=False),
        sa.Column("chosen", postgresql.JSONB(), nullable=False),
        sa.Column("headers", postgresql.JSONB(), nullable=False),
        sa.Column("file_rows", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("warnings", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("mapping", postgresql.JSONB(), nullable=True),
        sa.Column("notify", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("uploaded_by", postgresql.JSONB(), nullable=False),
        sa.Column("mapped_by", postgresql.JSONB(), nullable=True),
        sa.Column("confirmed_by", postgresql.JSONB(), nullable=True),
        sa.Column("undone_by", postgresql.JSONB(), nullable=True),
        sa.Column("undo_reason", sa.Text(), nullable=True),
        sa.Column("undo_id", sa.Uuid(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("read_through", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("events", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("stalled_in", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index(
        "imports_at_work_idx",
        "imports",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('reading', 'checking', 'booking', 'undoing')"),
    )
    op.create_index(
        "imports_uncleared_idx", "imports", ["updated_at"], unique=False, postgresql_where=sa.text("cleared_at IS NULL")
    )
    op.create_table(
        "mappings",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("mapping", postgresql.JSONB(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "signature"),
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True, cache=1), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("aggregatetype", sa.Text(), nullable=False),
        sa.Column("aggregateid", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("headers", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        postgresql_with={"toast_tuple_target": 8160, "vacuum_truncate": False},
    )
    op.create_table(
        "resources",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_table(
        "services",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_before_minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_after_minutes", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("requires", postgresql.JSONB(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("services_business_idx", "services", ["organization_id", "business_id"], unique=False)
    op.create_table(
        "import_files",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id", "import_id"], ["imports.organization_id", "imports.id"]),
        sa.PrimaryKeyConstraint("organization_id", "import_id"),
    )
    op.create_table(
        "import_rows",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("field_values", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("requested", postgresql.JSONB(), nullable=True),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("blocked_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("blocked_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contacts", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("row_key", sa.Text(), nullable=True),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("dropped", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("override", postgresql.JSONB(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("to_check", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("check_id", sa.Uuid(), nullable=True),
        sa.Column("free_ids", postgresql.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("to_book", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=True),
        sa.Column("to_undo", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("undo_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_reasons", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.ForeignKeyConstraint(["organization_id", "import_id"], ["imports.organization_id", "imports.id"]),
        sa.PrimaryKeyConstraint("organization_id", "import_id", "number"),
    )
    op.create_index(
        "import_rows_booking_idx",
        "import_rows",
        ["organization_id", "import_id", "book_id"],
        unique=False,
        postgresql_where=sa.text("book_id IS NOT NULL AND (outcome IS NULL OR outcome = 'unknown')"),
    )
    op.create_index(
        "import_rows_checking_idx",
        "import_rows",
        ["organization_id", "import_id", "check_id"],
        unique=False,
        postgresql_where=sa.text("check_id IS NOT NULL"),
    )
    op.create_index("import_rows_key_idx", "import_rows", ["organization_id", "row_key"], unique=False)
    op.create_index(
        "import_rows_state_idx", "import_rows", ["organization_id", "import_id", "state", "number"], unique=False
    )
    op.create_index(
        "import_rows_time_idx", "import_rows", ["organization_id", "import_id", "blocked_from"], unique=False
    )
    op.create_index(
        "import_rows_to_book_idx",
        "import_rows",
        ["organization_id", "import_id", "starts_at", "number"],
        unique=False,
        postgresql_where=sa.text("to_book"),
    )
    op.create_index(
        "import_rows_to_check_idx",
        "import_rows",
        ["organization_id", "import_id", "number"],
        unique=False,
        postgresql_where=sa.text("to_check"),
    )
    op.create_index(
        "import_rows_to_undo_idx",
        "import_rows",
        ["organization_id", "import_id", "number"],
        unique=False,
        postgresql_where=sa.text("to_undo"),
    )
    op.create_index(
        "import_rows_undoing_idx",
        "import_rows",
        ["organization_id", "import_id", "undo_id"],
        unique=False,
        postgresql_where=sa.text("undo_id IS NOT NULL"),
    )
    enable_tenant_isolation(op, *TABLES)
    grant_app(op, service="imports", tables=TABLES)
    for statement in FUNCTIONS:
        op.execute(statement)
    limit_rows(op, *LIMITS)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    op.execute("DROP FUNCTION sees_import")
