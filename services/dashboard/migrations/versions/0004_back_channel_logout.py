"""What a company's provider calls a session, so that it can end it, and which of its logout tokens were used."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import grant_app

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("provider_session", sa.Text(), nullable=True))
    op.create_table(
        "logout_tokens",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        comment="Those of companies' providers that were used. digest: of organization, issuer and jti.",
    )
    op.create_index("logout_tokens_expires_at_idx", "logout_tokens", ["expires_at"])
    grant_app(op, service="dashboard", tables=["logout_tokens"])


def downgrade() -> None:
    op.drop_table("logout_tokens")
    op.drop_column("sessions", "provider_session")
