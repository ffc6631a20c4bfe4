"""Ids that are taken once for all organizations, series, and the messages in an appointment's history.

Topics are keyed by an aggregate's id alone, so no two organizations may have one id. An appointment's key is
its id alone: the booking statement keeps one narrower index instead of a second one.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TENANT_TABLES = ("series", "series_occurrences", "message_events")
UNIQUE_IDS = ("businesses", "resources", "services", "actions", "clients")

EXISTING_APPOINTMENTS = """
CREATE FUNCTION existing_appointments(p_organization uuid, p_ids uuid[])
RETURNS TABLE (id uuid, own boolean) LANGUAGE plpgsql AS $function$
DECLARE
    tenant text := current_setting('slotstream.organization', true);
BEGIN
    -- Ids are taken across organizations; nothing but that is answered of another one's.
    PERFORM set_config('slotstream.organization', '*', true);
    RETURN QUERY SELECT a.id, a.organization_id = p_organization FROM appointments a WHERE a.id = ANY (p_ids)
        UNION SELECT h.id, true FROM holds h
        WHERE h.organization_id = p_organization AND h.id = ANY (p_ids) AND h.expires_at > clock_timestamp();
    PERFORM set_config('slotstream.organization', coalesce(tenant, ''), true);
END
$function$
"""


def upgrade() -> None:
    op.drop_constraint("appointments_pkey", "appointments", type_="primary")
    op.create_primary_key("appointments_pkey", "appointments", ["id"])
    for table in UNIQUE_IDS:
        op.create_unique_constraint(f"{table}_id_key", table, ["id"])
    op.execute(EXISTING_APPOINTMENTS)
    _create_series()
    _create_message_events()
    enable_tenant_isolation(op, *TENANT_TABLES)
    grant_app(op, service="booking", tables=TENANT_TABLES)


def _create_series() -> None:
    op.create_table(
        "series",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("service_name", sa.Text(), nullable=True),
        sa.Column("duration_minutes", sa.Integer(), nullable=True),
        sa.Column("resource_ids", sa.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("action_id", sa.Uuid(), nullable=True),
        sa.Column("origin_kind", sa.Text(), nullable=False),
        sa.Column("origin_reference_id", sa.Text(), nullable=True),
        sa.Column("origin_url", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("internal_notes", sa.Text(), nullable=True),
        sa.Column("share_with_client", sa.Boolean(), nullable=False),
        sa.Column("notify_client", sa.Boolean(), nullable=False),
        sa.Column("quoted_amount", sa.Numeric(), nullable=True),
        sa.Column("quoted_currency", sa.Text(), nullable=True),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("first_local", sa.DateTime(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("on_conflict", sa.Text(), nullable=False),
        sa.Column("override_reason", sa.Text(), nullable=True),
        sa.Column("actor_type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=True),
        sa.Column("extended_to", sa.Date(), nullable=False),
        sa.Column("extend_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="series_pkey"),
        sa.UniqueConstraint("id", name="series_id_key"),
    )
    op.create_index("series_created_at_idx", "series", ["organization_id", "created_at", "id"])
    op.create_index("series_extend_at_idx", "series", ["extend_at"], postgresql_where=sa.text("extend_at IS NOT NULL"))
    op.create_table(
        "series_occurrences",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("occurs_on", sa.Date(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "series_id", "occurs_on", name="series_occurrences_pkey"),
        sa.ForeignKeyConstraint(
            ["organization_id", "series_id"],
            ["series.organization_id", "series.id"],
            name="series_occurrences_organization_id_series_id_fkey",
        ),
    )


def _create_message_events() -> None:
    op.create_table(
        "message_events",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "message_id", "version", "outcome", name="message_events_pkey"),
    )
    op.create_index(
        "message_events_appointment_idx",
        "message_events",
        ["organization_id", "appointment_id"],
        postgresql_where=sa.text("appointment_id IS NOT NULL"),
    )


def downgrade() -> None:
    for table in ("message_events", "series_occurrences", "series"):
        op.drop_table(table)
    op.execute("DROP FUNCTION existing_appointments")
    for table in UNIQUE_IDS:
        op.drop_constraint(f"{table}_id_key", table, type_="unique")
    op.drop_constraint("appointments_pkey", "appointments", type_="primary")
    op.create_primary_key("appointments_pkey", "appointments", ["organization_id", "id"])
