"""The names of custom services in order, so that the distinct ones are read without reading their appointments."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CUSTOM = sa.text("service_id IS NULL")


def upgrade() -> None:
    op.drop_index("appointments_custom_idx", "appointments")
    op.create_index(
        "appointments_custom_idx",
        "appointments",
        ["organization_id", "service_name", "starts_at"],
        postgresql_where=_CUSTOM,
    )


def downgrade() -> None:
    op.drop_index("appointments_custom_idx", "appointments")
    op.create_index(
        "appointments_custom_idx", "appointments", ["organization_id", "starts_at"], postgresql_where=_CUSTOM
    )
