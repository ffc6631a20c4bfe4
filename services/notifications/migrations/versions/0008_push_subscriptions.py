"""The browsers that take push messages, of clients and of users."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "push_subscriptions",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("p256dh", sa.LargeBinary(), nullable=False),
        sa.Column("auth", sa.LargeBinary(), nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id"),
        sa.CheckConstraint("(client_id IS NULL) <> (user_id IS NULL)", name="push_subscriptions_have_one_person"),
    )
    for person in ("client", "user"):
        op.create_index(
            f"push_subscriptions_{person}_idx",
            "push_subscriptions",
            ["organization_id", f"{person}_id", "endpoint"],
            unique=True,
            postgresql_where=sa.text(f"{person}_id IS NOT NULL"),
        )
    enable_tenant_isolation(op, "push_subscriptions")
    grant_app(op, service="notifications", tables=["push_subscriptions"])


def downgrade() -> None:
    op.drop_table("push_subscriptions")
