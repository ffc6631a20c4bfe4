"""Default reminders that are given to appointments which stand already, and how far that has come."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0034"
down_revision = "0031"
branch_labels = None
depends_on = None

_COUNTS = ("total", "planned", "too_late", "no_address", "landline", "appointment_pending", "notify_off")


def upgrade() -> None:
    op.add_column("reminders", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "rule_applications",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("looks_again", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "rule_id"),
        comment="How far each default reminder has been given to appointments that stood already; replans has the rest.",
    )
    enable_tenant_isolation(op, "rule_applications")
    grant_app(op, service="notifications", tables=["rule_applications"])


def downgrade() -> None:
    op.execute("DELETE FROM replans WHERE subject LIKE 'rule:%'")
    op.drop_table("rule_applications")
    op.drop_column("reminders", "asked_at")
