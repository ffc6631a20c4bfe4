"""Users of the dashboard, what they have chosen for themselves, and the agendas that are sent to them."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TABLES = ("removed_users", "staff_preferences", "users")


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("business_ids", sa.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_table(
        "removed_users",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "user_id"),
        comment="Ids only: no old record brings somebody back, and nothing is sent to a calendar that names them.",
    )
    op.create_table(
        "staff_preferences",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("agenda_at", sa.Time(), nullable=True),
        sa.Column("agenda_ahead", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "user_id"),
    )
    enable_tenant_isolation(op, *_TABLES)
    grant_app(op, service="notifications", tables=_TABLES)
    op.add_column("messages", sa.Column("user_id", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("messages", "user_id")
    for table in _TABLES:
        op.drop_table(table)
