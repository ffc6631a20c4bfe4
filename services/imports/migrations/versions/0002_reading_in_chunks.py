"""A file is read chunk by chunk, and rows are compared by their times without opening their JSON."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_WAITING_FOR = {
    "check": "check_id IS NOT NULL",
    "book": "book_id IS NOT NULL AND outcome IS NULL",
}


def upgrade() -> None:
    op.add_column("imports", sa.Column("file_rows", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("imports", sa.Column("read_through", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("import_rows", sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("import_rows", sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("import_rows", sa.Column("resource_id", sa.Uuid(), nullable=True))
    # The tables' owner is bound by their policies as well.
    op.execute("SET LOCAL slotstream.organization = '*'")
    op.execute(
        """
        UPDATE import_rows SET starts_at = (wish->>'starts_at')::timestamptz,
            ends_at = (wish->>'starts_at')::timestamptz + make_interval(mins => (wish->>'duration_minutes')::integer),
            resource_id = (wish->>'resource_id')::uuid
        WHERE jsonb_typeof(wish) = 'object'
        """
    )
    op.create_index("import_rows_start_idx", "import_rows", ["organization_id", "import_id", "starts_at"])
    op.drop_index("import_rows_check_idx", "import_rows")
    op.drop_index("import_rows_book_idx", "import_rows")
    for verb, waiting in _WAITING_FOR.items():
        op.create_index(
            f"import_rows_{verb}ing_idx",
            "import_rows",
            ["organization_id", "import_id", f"{verb}_id"],
            postgresql_where=sa.text(waiting),
        )


def downgrade() -> None:
    for verb in _WAITING_FOR:
        op.drop_index(f"import_rows_{verb}ing_idx", "import_rows")
        where = sa.text(f"{verb}_id IS NOT NULL")
        op.create_index(f"import_rows_{verb}_idx", "import_rows", [f"{verb}_id"], postgresql_where=where)
    op.drop_index("import_rows_start_idx", "import_rows")
    for column in ("starts_at", "ends_at", "resource_id"):
        op.drop_column("import_rows", column)
    op.drop_column("imports", "read_through")
    op.drop_column("imports", "file_rows")
