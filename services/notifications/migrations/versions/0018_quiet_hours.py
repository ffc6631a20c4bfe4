"""Quiet hours of organizations, by channel."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quiet_hours",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("begins", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "channel"),
        comment="By the recipient's clock; the same time twice is none.",
    )
    enable_tenant_isolation(op, "quiet_hours")
    grant_app(op, service="notifications", tables=["quiet_hours"])


def downgrade() -> None:
    op.drop_table("quiet_hours")
