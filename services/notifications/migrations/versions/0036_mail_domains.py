"""Mail domains of recipients, and what waits for them."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import grant_app

revision = "0036"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mail_domains",
        sa.Column("domain", sa.Text(), primary_key=True),
        sa.Column("taken_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bulk_taken_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True),
        comment="How far the minutes of domains are taken, and which ask for less: of the installation's mail server.",
    )
    op.create_index("mail_domains_taken_idx", "mail_domains", ["taken_until"])
    grant_app(op, service="notifications", tables=["mail_domains"])
    op.add_column("messages", sa.Column("mail_line", sa.Text(), nullable=True))
    with op.get_context().autocommit_block():
        op.create_index(
            "messages_line_idx",
            "messages",
            ["mail_line", "organization_id", "next_attempt_at"],
            postgresql_concurrently=True,
            postgresql_where=sa.text("status = 'planned' AND mail_line IS NOT NULL"),
            if_not_exists=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("messages_line_idx", "messages", postgresql_concurrently=True, if_exists=True)
    op.drop_column("messages", "mail_line")
    op.drop_table("mail_domains")
