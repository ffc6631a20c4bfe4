"""What people have decided about messages of which nobody knew whether they went out."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("decision", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("decided_by", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("messages", "decided_at")
    op.drop_column("messages", "decided_by")
    op.drop_column("messages", "decision")
