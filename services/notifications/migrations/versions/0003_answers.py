"""What people write back, which texts ask for it, and our texts by the number that they went to."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app, limit_rows
from slotstream_servicekit.schema import RowLimit

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_OF_APPOINTMENT = "sees_appointment(organization_id, appointment_id)"


def upgrade() -> None:
    op.create_table(
        "inbound_messages",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "provider_id", name="inbound_messages_provider_key"),
    )
    for name, columns in (
        ("inbound_messages_client_idx", ["organization_id", "client_id", "id"]),
        ("inbound_messages_appointment_idx", ["organization_id", "appointment_id", "id"]),
        ("inbound_messages_received_idx", ["received_at"]),
    ):
        op.create_index(name, "inbound_messages", columns)
    op.create_index(
        "inbound_messages_address_idx",
        "inbound_messages",
        ["organization_id", "address"],
        postgresql_where=sa.text("address IS NOT NULL"),
    )
    enable_tenant_isolation(op, "inbound_messages")
    grant_app(op, service="notifications", tables=["inbound_messages"])
    limit_rows(op, RowLimit(table="inbound_messages", business=_OF_APPOINTMENT, calendar=_OF_APPOINTMENT))
    op.add_column("messages", sa.Column("asks", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    with op.get_context().autocommit_block():
        op.create_index(
            "messages_number_idx",
            "messages",
            ["address", "attempted_at"],
            postgresql_concurrently=True,
            postgresql_where=sa.text("channel = 'sms' AND audience = 'client' AND attempted_at IS NOT NULL"),
            if_not_exists=True,
        )


def downgrade() -> None:
    raise RuntimeError("Refused: what clients wrote would be lost.")
