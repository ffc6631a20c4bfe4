"""Ids that are taken once for all organizations, series, and the messages in an appointment's history.

Topics are keyed by an aggregate's id alone, so no two organizations may have one id. The booking statement
leaves a row out whose id exists, whoever has it, and gives back exactly the time that it took for it.
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

BOOK_APPOINTMENTS = """
CREATE OR REPLACE FUNCTION book_appointments(
    p_organization uuid, p_policy_version bigint, p_rows json, p_outbox json, p_payloads bytea[]
) RETURNS uuid[] LANGUAGE plpgsql AS $function$
DECLARE
    tenant text := current_setting('slotstream.organization', true);
    won uuid[];
    lost_resources uuid[];
    lost_sessions uuid[];
    lost_seats int[];
BEGIN
    PERFORM set_config('slotstream.organization', p_organization::text, true);
    IF NOT EXISTS (SELECT FROM organizations
                   WHERE organization_id = p_organization AND policy_version = p_policy_version) THEN
        PERFORM set_config('slotstream.organization', coalesce(tenant, ''), true);
        RETURN NULL;
    END IF;
    WITH asked AS MATERIALIZED (
        SELECT r.* FROM json_to_recordset(p_rows) AS r(
            id uuid, business_id uuid, zone text, client_id uuid, service_id uuid, service_name text,
            action_id uuid, action_name text, starts_at timestamptz, ends_at timestamptz,
            buffer_before_minutes int, buffer_after_minutes int, status text, source text, origin_kind text,
            origin_reference_id text, origin_url text, notes text, internal_notes text,
            share_with_client boolean, notify_client boolean, series_id uuid, rescheduled_from uuid,
            previous_starts_at timestamptz, reschedule_count int, calendar_uid text, calendar_sequence int,
            quoted_amount numeric, quoted_currency text, external_id text, batch_id uuid, occupies boolean,
            created_at timestamptz, resource_ids uuid[], seats int[], blocked tstzrange,
            take_resources uuid[], take_sessions uuid[], take_seats int[],
            actor_type text, actor_id text, call_id text, on_behalf_of uuid, reason text, fields json, state json,
            override_reason text, override_rules text[], override_conflicts text[],
            idempotency_caller text, idempotency_key text, idempotency_fingerprint text, answer_headers jsonb)
        WHERE EXISTS (SELECT FROM clients c WHERE c.organization_id = p_organization AND c.id = r.client_id
                      AND c.merged_into IS NULL AND NOT c.erased)
    ), takes AS (
        SELECT r.id, r.blocked, r.override_reason IS NOT NULL AS forced, t.resource_id, t.session_id, t.seat
        FROM asked r, unnest(r.take_resources, r.take_sessions, r.take_seats) AS t(resource_id, session_id, seat)
    ), taken AS (
        INSERT INTO occupancy (organization_id, resource_id, session_id, seat, blocked, holder_id, forced)
        SELECT p_organization, t.resource_id, t.session_id, t.seat, t.blocked, t.id, t.forced FROM takes t
        WHERE t.forced OR NOT EXISTS (
            SELECT FROM external_busy b WHERE b.organization_id = p_organization AND b.resource_id = t.resource_id
              AND b.ends_at > lower(t.blocked) AND b.starts_at < upper(t.blocked))
        ORDER BY t.resource_id, lower(t.blocked)
        ON CONFLICT DO NOTHING RETURNING holder_id, resource_id, session_id, seat
    ), got AS (
        SELECT holder_id, count(*) AS resources FROM taken GROUP BY holder_id
    ), seated AS MATERIALIZED (
        SELECT r.* FROM asked r LEFT JOIN got ON got.holder_id = r.id
        WHERE coalesce(got.resources, 0) = cardinality(r.take_resources)
    ), new_appointments AS (
        INSERT INTO appointments (
            organization_id, id, business_id, zone, client_id, service_id, service_name, action_id, action_name,
            starts_at, ends_at, buffer_before_minutes, buffer_after_minutes, status, source, origin_kind,
            origin_reference_id, origin_url, notes, internal_notes, share_with_client, notify_client, series_id,
            rescheduled_from, previous_starts_at, reschedule_count, calendar_uid, calendar_sequence,
            quoted_amount, quoted_currency, external_id, batch_id, archived, occupies, created_at, updated_at, version)
        SELECT p_organization, id, business_id, zone, client_id, service_id, service_name, action_id, action_name,
            starts_at, ends_at, buffer_before_minutes, buffer_after_minutes, status, source, origin_kind,
            origin_reference_id, origin_url, notes, internal_notes, share_with_client, notify_client, series_id,
            rescheduled_from, previous_starts_at, reschedule_count, calendar_uid, calendar_sequence,
            quoted_amount, quoted_currency, external_id, batch_id, false, occupies, created_at, created_at, 1
        FROM seated
        ON CONFLICT DO NOTHING RETURNING id
    ), booked AS MATERIALIZED (
        SELECT r.* FROM seated r JOIN new_appointments USING (id)
    ), new_resources AS (
        INSERT INTO appointment_resources (organization_id, appointment_id, place, resource_id, seat, starts_at)
        SELECT p_organization, b.id, t.place, t.resource_id, t.seat, b.starts_at
        FROM booked b, unnest(b.resource_ids, b.seats) WITH ORDINALITY AS t(resource_id, seat, place)
    ), new_history AS (
        INSERT INTO history (organization_id, appointment_id, version, verb, at, actor_type, actor_id, call_id,
                             on_behalf_of, reason, fields, state)
        SELECT p_organization, id, 1, 'create', created_at, actor_type, actor_id, call_id, on_behalf_of, reason,
               fields, state
        FROM booked
    ), new_overrides AS (
        INSERT INTO overrides (organization_id, appointment_id, version, at, actor_type, actor_id, reason, rules,
                               conflicts_with)
        SELECT p_organization, id, 1, created_at, actor_type, actor_id, override_reason, override_rules,
               override_conflicts
        FROM booked WHERE override_reason IS NOT NULL
    ), new_keys AS (
        INSERT INTO idempotency_keys (organization_id, caller, key, fingerprint, status, headers, body)
        SELECT p_organization, idempotency_caller, idempotency_key, decode(idempotency_fingerprint, 'hex'), 201,
               answer_headers, convert_to(state::text, 'UTF8')
        FROM booked WHERE idempotency_key IS NOT NULL
    ), new_events AS (
        INSERT INTO outbox (id, organization_id, lane, topic, key, aggregatetype, aggregateid, type, payload, headers)
        SELECT e.id, p_organization, e.lane, e.topic, e.key, e.aggregatetype, e.aggregateid, e.type,
               p_payloads[e.n], e.headers
        FROM json_to_recordset(p_outbox) AS e(n int, appointment_id uuid, id uuid, lane smallint, topic text,
             key text, aggregatetype text, aggregateid text, type text, headers jsonb)
        JOIN booked ON booked.id = e.appointment_id
        ORDER BY e.n
    )
    SELECT (SELECT coalesce(array_agg(id), '{}') FROM booked),
           array_agg(t.resource_id), array_agg(t.session_id), array_agg(t.seat)
    FROM taken t WHERE NOT EXISTS (SELECT FROM booked WHERE id = t.holder_id)
    INTO won, lost_resources, lost_sessions, lost_seats;
    IF lost_resources IS NOT NULL THEN
        DELETE FROM occupancy o USING unnest(lost_resources, lost_sessions, lost_seats) AS l(resource_id, session_id, seat)
        WHERE o.organization_id = p_organization AND o.resource_id = l.resource_id
          AND o.session_id = l.session_id AND o.seat = l.seat;
    END IF;
    PERFORM set_config('slotstream.organization', coalesce(tenant, ''), true);
    RETURN won;
END
$function$
"""

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
    op.execute(BOOK_APPOINTMENTS)
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
