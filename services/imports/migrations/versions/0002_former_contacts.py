"""Digests of what a client's phone and e-mail were before, by which an erase finds rows as well."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "former_contacts",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "client_id", "contact"),
    )
    enable_tenant_isolation(op, "former_contacts")
    grant_app(op, service="imports", tables=["former_contacts"])


def downgrade() -> None:
    op.drop_table("former_contacts")
