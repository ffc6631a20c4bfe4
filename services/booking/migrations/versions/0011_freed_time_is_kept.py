"""Freed time is kept for those who have an offer, and tried in portions of those who may take it.

The new index finds all that the former one did, so the version that still runs has it too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_ENTRIES = "waiting_list_entries"
_COLUMNS = ["organization_id", "business_id", "created_at", "id"]
_ACTIVE = "waiting_list_entries_active_idx"
_WAITING = "waiting_list_entries_waiting_idx"


def _replace_index(name: str, former: str, where: str) -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            name,
            _ENTRIES,
            _COLUMNS,
            postgresql_where=sa.text(where),
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        op.drop_index(former, _ENTRIES, postgresql_concurrently=True, if_exists=True)


def upgrade() -> None:
    op.add_column("freed_times", sa.Column("freed_by", sa.Uuid(), nullable=True), if_not_exists=True)
    op.add_column("freed_times", sa.Column("reached_at", sa.DateTime(timezone=True), nullable=True), if_not_exists=True)
    op.add_column("freed_times", sa.Column("reached_id", sa.Uuid(), nullable=True), if_not_exists=True)
    op.add_column(
        "freed_times",
        sa.Column("is_wanted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        if_not_exists=True,
    )
    _replace_index(_ACTIVE, _WAITING, "status IN ('waiting', 'offered')")


def downgrade() -> None:
    for name in ("is_wanted", "reached_id", "reached_at", "freed_by"):
        op.drop_column("freed_times", name, if_exists=True)
    _replace_index(_WAITING, _ACTIVE, "status = 'waiting'")
