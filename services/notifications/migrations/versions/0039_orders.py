"""Which bulk order a message is of, and which orders are withdrawn."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "withdrawn_orders",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "order_id"),
        comment="Bulk orders of which nothing more is sent, for what arrives after that.",
    )
    op.create_index("withdrawn_orders_withdrawn_idx", "withdrawn_orders", ["withdrawn_at"])
    enable_tenant_isolation(op, "withdrawn_orders")
    grant_app(op, service="notifications", tables=["withdrawn_orders"])
    op.add_column("messages", sa.Column("order_id", sa.Uuid(), nullable=True))
    with op.get_context().autocommit_block():
        op.create_index(
            "messages_order_idx",
            "messages",
            ["organization_id", "order_id", "status"],
            postgresql_concurrently=True,
            postgresql_where=sa.text("order_id IS NOT NULL"),
            if_not_exists=True,
        )


def downgrade() -> None:
    op.execute("DELETE FROM replans WHERE subject LIKE 'order:%'")
    with op.get_context().autocommit_block():
        op.drop_index("messages_order_idx", "messages", postgresql_concurrently=True, if_exists=True)
    op.drop_column("messages", "order_id")
    op.drop_table("withdrawn_orders")
