"""What staff choose to be told of, and changes whose messages are planned anew."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("staff_preferences", sa.Column("told_by", JSONB(), nullable=True))
    op.add_column("staff_preferences", sa.Column("reminders", JSONB(), nullable=True))
    op.add_column("staff_preferences", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "replans",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("after_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("after_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "subject"),
        comment="One row for each change whose messages are planned anew, until that is done.",
    )
    enable_tenant_isolation(op, "replans")
    grant_app(op, service="notifications", tables=["replans"])


def downgrade() -> None:
    op.drop_table("replans")
    op.drop_column("staff_preferences", "changed_at")
    op.drop_column("staff_preferences", "reminders")
    op.drop_column("staff_preferences", "told_by")
