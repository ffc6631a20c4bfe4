"""Which role users have: administrators are told of an account that fails."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("role", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "role")
