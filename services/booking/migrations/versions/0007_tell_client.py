"""Whether the client was told of a change, where that was said of this change alone."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("history", sa.Column("tell_client", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("history", "tell_client")
