"""Accounts of organizations at providers, who has stopped them, and which messages went out by one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_TABLES = ["channel_accounts", "organization_opt_outs"]


def upgrade() -> None:
    op.create_table(
        "channel_accounts",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("sealed_secrets", sa.LargeBinary(), nullable=False),
        sa.Column("secret_names", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("secrets_set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "provider"),
    )
    op.create_table(
        "organization_opt_outs",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("opted_out_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "digest"),
        comment="Keyed hashes of phone numbers that stopped an organization's own sender.",
    )
    for table in _TABLES:
        enable_tenant_isolation(op, table)
    grant_app(op, service="notifications", tables=_TABLES)
    op.add_column("messages", sa.Column("by_own_account", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("messages", "by_own_account")
    for table in reversed(_TABLES):
        op.drop_table(table)
