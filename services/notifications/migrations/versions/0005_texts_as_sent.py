"""What was sent, in how many parts, and what it cost."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, kind in (
        ("sent_text", sa.Text()),
        ("segments", sa.Integer()),
        ("cost_amount", sa.Numeric()),
        ("cost_currency", sa.Text()),
    ):
        op.add_column("messages", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for name in ("sent_text", "segments", "cost_amount", "cost_currency"):
        op.drop_column("messages", name)
