"""Series that are told as one: what is known of them, and the number of what calendars are told next."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0010"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "series",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("calendar_uid", sa.Text(), nullable=False),
        sa.Column("rrule", sa.Text(), nullable=True),
        sa.Column("goes_on", sa.Boolean(), nullable=False),
        sa.Column("dates", postgresql.JSONB(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("series_ended_idx", "series", ["ends_at"])
    op.create_table(
        "series_sequences",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("next", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "series_id"),
        comment="The next SEQUENCE. No projection: a rebuild that began anew would be ignored by calendars.",
    )
    op.create_index("series_sequences_updated_idx", "series_sequences", ["updated_at"])
    for table in ("series", "series_sequences"):
        enable_tenant_isolation(op, table)
    grant_app(op, service="notifications", tables=["series", "series_sequences"])
    for name, kind in (("series_id", sa.Uuid()), ("series_version", sa.Integer()), ("calendar_sequence", sa.Integer())):
        op.add_column("messages", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    raise RuntimeError("Refused: calendars would be told numbers that they have seen already.")
