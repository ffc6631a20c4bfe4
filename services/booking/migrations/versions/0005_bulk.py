"""Bulk orders that the worker does in portions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TENANT_TABLES = ("bulk_jobs", "bulk_items")


def upgrade() -> None:
    op.create_table(
        "bulk_jobs",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(), nullable=False),
        sa.Column("actor_type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=True),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("succeeded", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="bulk_jobs_pkey"),
    )
    op.create_index(
        "bulk_jobs_running_idx", "bulk_jobs", ["updated_at", "id"], postgresql_where=sa.text("status = 'running'")
    )
    op.create_index("bulk_jobs_created_at_idx", "bulk_jobs", ["created_at"])
    op.create_table(
        "bulk_items",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=True),
        sa.Column("problem", postgresql.JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "job_id", "position", name="bulk_items_pkey"),
        sa.ForeignKeyConstraint(
            ["organization_id", "job_id"],
            ["bulk_jobs.organization_id", "bulk_jobs.id"],
            name="bulk_items_organization_id_job_id_fkey",
            ondelete="CASCADE",
        ),
    )
    enable_tenant_isolation(op, *TENANT_TABLES)
    grant_app(op, service="booking", tables=TENANT_TABLES)


def downgrade() -> None:
    op.drop_table("bulk_items")
    op.drop_table("bulk_jobs")
