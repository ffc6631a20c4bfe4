"""The waiting list, and time that was freed for it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app, limit_rows
from slotstream_servicekit.schema import LIMIT_BUSINESSES, LIMIT_RESOURCE, RowLimit

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLES = ("waiting_list_entries", "freed_times")
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "waiting_list_entries",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("window_from", _INSTANT, nullable=False),
        sa.Column("window_to", _INSTANT, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("offer_starts_at", _INSTANT, nullable=True),
        sa.Column("offer_ends_at", _INSTANT, nullable=True),
        sa.Column("offer_expires_at", _INSTANT, nullable=True),
        sa.Column("offered_starts", postgresql.ARRAY(_INSTANT), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("put_off_until", _INSTANT, nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("failed_at", _INSTANT, nullable=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="waiting_list_entries_pkey"),
        sa.UniqueConstraint("id", name="waiting_list_entries_id_key"),
    )
    for name, columns, where in (
        ("page", ["organization_id", "created_at", "id"], None),
        ("waiting", ["organization_id", "business_id", "created_at", "id"], "status = 'waiting'"),
        ("offered", ["offer_expires_at"], "status = 'offered'"),
        ("window", ["window_to"], "status = 'waiting'"),
        ("client", ["organization_id", "client_id"], None),
        ("offer", ["organization_id", "offer_id"], "offer_id IS NOT NULL"),
        ("over", ["updated_at"], "status IN ('booked', 'expired', 'withdrawn')"),
    ):
        op.create_index(
            f"waiting_list_entries_{name}_idx",
            "waiting_list_entries",
            columns,
            postgresql_where=sa.text(where) if where else None,
        )
    op.create_table(
        "freed_times",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("begins", _INSTANT, nullable=False),
        sa.Column("ends", _INSTANT, nullable=False),
        sa.Column("try_at", _INSTANT, nullable=False),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("failed_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name="freed_times_pkey"),
        comment="What the worker has still to offer to those who wait; gone as soon as nobody is left.",
    )
    op.create_index("freed_times_try_at_idx", "freed_times", ["try_at"])
    enable_tenant_isolation(op, *_TABLES)
    grant_app(op, service="booking", tables=_TABLES)
    limit_rows(
        op,
        RowLimit(
            table="waiting_list_entries",
            business=f"business_id = ANY ({LIMIT_BUSINESSES})",
            calendar=f"resource_id = {LIMIT_RESOURCE}",
        ),
    )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
