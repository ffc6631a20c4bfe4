"""An outbox that is written plainly: without an index that no query uses, and without compressing each message.

A message is longer than the 2 kB from which PostgreSQL compresses rows, and is deleted as soon as it is sent.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("outbox_lane_idx", "outbox")
    op.execute("ALTER TABLE outbox SET (toast_tuple_target = 8160)")


def downgrade() -> None:
    op.execute("ALTER TABLE outbox RESET (toast_tuple_target)")
    op.create_index("outbox_lane_idx", "outbox", ["lane", "seq"])
