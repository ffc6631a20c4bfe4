"""Everything imports remembers, each table bound to its tenant."""

from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

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
    "idempotency_keys",
    "outbox",
)


def upgrade() -> None:

    enable_tenant_isolation(op, *TABLES)
    grant_app(op, service="imports", tables=TABLES)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
