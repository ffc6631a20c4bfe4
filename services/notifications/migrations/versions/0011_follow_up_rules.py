"""Rules for who did not come."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app, limit_rows
from slotstream_servicekit.schema import LIMIT_BUSINESSES, LIMIT_RESOURCE, RowLimit

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_OF_BUSINESS = f"business_id = ANY ({LIMIT_BUSINESSES})"


def upgrade() -> None:
    op.create_table(
        "follow_up_rules",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=True),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("minutes_after", sa.Integer(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("archived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("business_id IS NULL OR service_id IS NULL", name="follow_up_rules_have_one_level"),
        sa.CheckConstraint("minutes_after > 0", name="follow_up_rules_are_after"),
        sa.ForeignKeyConstraint(
            ["organization_id", "template_id"],
            ["templates.organization_id", "templates.id"],
            name="follow_up_rules_template_fkey",
        ),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index(
        "follow_up_rules_once_idx",
        "follow_up_rules",
        ["organization_id", "business_id", "service_id", "channel"],
        unique=True,
        postgresql_where=sa.text("NOT archived"),
        postgresql_nulls_not_distinct=True,
    )
    enable_tenant_isolation(op, "follow_up_rules")
    grant_app(op, service="notifications", tables=["follow_up_rules"])
    limit_rows(
        op,
        RowLimit(
            table="follow_up_rules",
            business=f"business_id IS NULL AND service_id IS NULL OR {_OF_BUSINESS}"
            " OR serves_business(organization_id, service_id)",
            writes=f"{LIMIT_RESOURCE} IS NULL AND ({LIMIT_BUSINESSES} IS NULL OR {_OF_BUSINESS}"
            " OR serves_business(organization_id, service_id))",
        ),
    )


def downgrade() -> None:
    op.drop_table("follow_up_rules")
