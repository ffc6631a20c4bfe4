"""Consent that nobody has asked for yet, and busy time keyed by organization."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE clients ALTER COLUMN consent DROP NOT NULL")
    op.execute("ALTER TABLE external_busy DROP CONSTRAINT external_busy_pkey, ADD PRIMARY KEY (organization_id, key)")
    op.execute(
        "COMMENT ON TABLE external_busy IS "
        "'Keyed by organization and the topic''s record key: a tombstone says nothing else.'"
    )


def downgrade() -> None:
    raise NotImplementedError
