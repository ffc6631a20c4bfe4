"""Reminders some days before, at the same time of day: two of a kind only where both are counted alike.

Each step may be done twice: what builds an index outside a transaction may be cut off in between.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0026"
branch_labels = None
depends_on = None

_INDEXES = {
    "reminder_rules": ("reminder_rules_once_idx", ["organization_id", "business_id", "service_id"], "NOT archived"),
    "reminders": ("reminders_once_idx", ["organization_id", "calendar_uid"], "NOT removed"),
}


def upgrade() -> None:
    for table in _INDEXES:
        op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS by_clock boolean DEFAULT false NOT NULL")
    with op.get_context().autocommit_block():
        for table in _INDEXES:
            _replace_index(table, ["channel", "minutes_before", "by_clock"])


def downgrade() -> None:
    for table in _INDEXES:
        op.execute(f"DELETE FROM {table} WHERE by_clock")
    with op.get_context().autocommit_block():
        for table in _INDEXES:
            _replace_index(table, ["channel", "minutes_before"])
    for table in _INDEXES:
        op.drop_column(table, "by_clock")


def _replace_index(table: str, columns: list[str]) -> None:
    """There is one at any moment. Version 0026 knows the one of rules by its name."""
    name, level, condition = _INDEXES[table]
    op.drop_index(f"{name}_new", table, postgresql_concurrently=True, if_exists=True)
    op.create_index(
        f"{name}_new",
        table,
        [*level, *columns],
        unique=True,
        postgresql_where=sa.text(condition),
        postgresql_nulls_not_distinct=table == "reminder_rules",
        postgresql_concurrently=True,
    )
    op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
    op.execute(f"ALTER INDEX {name}_new RENAME TO {name}")
