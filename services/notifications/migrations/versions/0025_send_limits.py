"""How much an organization sends in a minute, and how much of that is taken."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_TABLES = ["send_limits", "send_allowances"]


def upgrade() -> None:
    op.create_table(
        "send_limits",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "channel"),
    )
    op.create_table(
        "send_allowances",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("taken_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "bucket"),
        comment="How far each organization's minutes are taken: what all workers and APIs go by.",
    )
    op.create_index("send_allowances_taken_idx", "send_allowances", ["taken_until"])
    for table in _TABLES:
        enable_tenant_isolation(op, table)
    grant_app(op, service="notifications", tables=_TABLES)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
