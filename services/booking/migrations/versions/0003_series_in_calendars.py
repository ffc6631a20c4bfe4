"""The UID of the one calendar entry of a series; those that are there already keep an entry for each date."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("series", sa.Column("calendar_uid", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("series", "calendar_uid")
