"""Numbers that opted out, calls of providers that were worked through, and clients by their phone."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import grant_app

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "number_opt_outs",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("opted_out_at", sa.DateTime(timezone=True), nullable=False),
        comment="Keyed hashes of phone numbers that stopped us: the sender is shared, and so is the opt-out.",
    )
    op.create_table(
        "provider_calls",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        comment="Ids of what was written to us and worked through: a signed copy stays valid for ever.",
    )
    op.create_index("provider_calls_received_idx", "provider_calls", ["received_at"])
    grant_app(op, service="notifications", tables=["number_opt_outs", "provider_calls"])
    with op.get_context().autocommit_block():
        op.create_index(
            "clients_phone_idx",
            "clients",
            ["phone"],
            postgresql_concurrently=True,
            postgresql_where=sa.text("phone IS NOT NULL"),
            if_not_exists=True,
        )


def downgrade() -> None:
    raise RuntimeError("Refused: the numbers that opted out would be lost, and be written to again.")
