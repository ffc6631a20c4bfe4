"""The booking statement as a database function.

The tenant is set first, so that row-level security sees it; the policy version is compared next. Then one
statement writes every row whose time is free. A row that got only some of its resources gives them back.
Returns the ids that were booked, or NULL where the policy has changed since the rows were judged.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BOOK_APPOINTMENTS = """
CREATE FUNCTION book_appointments(
    p_organization uuid, p_policy_version bigint, p_rows json, p_outbox json, p_payloads bytea[]
) RETURNS uuid[] LANGUAGE plpgsql AS $function$
DECLARE
    tenant text := current_setting('slotstream.organization', true);
    won uuid[];
    partial uuid[];
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
          AND NOT EXISTS (SELECT FROM appointments a WHERE a.organization_id = p_organization AND a.id = r.id)
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
        ON CONFLICT DO NOTHING RETURNING holder_id
    ), got AS (
        SELECT holder_id, count(*) AS resources FROM taken GROUP BY holder_id
    ), booked AS MATERIALIZED (
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
        FROM booked
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
           (SELECT array_agg(holder_id) FROM got WHERE NOT EXISTS (SELECT FROM booked WHERE id = holder_id))
    INTO won, partial;
    IF partial IS NOT NULL THEN
        DELETE FROM occupancy WHERE organization_id = p_organization AND holder_id = ANY (partial);
    END IF;
    PERFORM set_config('slotstream.organization', coalesce(tenant, ''), true);
    RETURN won;
END
$function$
"""

DRAW_INTO_SESSION = """
CREATE FUNCTION draw_into_session(
    p_organization uuid, p_resource uuid, p_session uuid, p_sessions uuid[], p_first_seat int
) RETURNS void LANGUAGE plpgsql AS $function$
DECLARE
    moved occupancy[];
BEGIN
    -- All leave before the first returns: between two of them the constraint would object.
    WITH gone AS (
        DELETE FROM occupancy WHERE organization_id = p_organization AND resource_id = p_resource
          AND session_id = ANY (p_sessions) RETURNING occupancy.*
    )
    SELECT array_agg(gone ORDER BY gone.session_id, gone.seat) FROM gone INTO moved;
    INSERT INTO occupancy (organization_id, resource_id, session_id, seat, blocked, holder_id, forced, expires_at,
                           taken_at)
    SELECT m.organization_id, m.resource_id, p_session, p_first_seat + (row_number() OVER ())::int - 1, m.blocked,
           m.holder_id, m.forced, m.expires_at, m.taken_at
    FROM unnest(moved) AS m;
END
$function$
"""


def upgrade() -> None:
    op.execute(BOOK_APPOINTMENTS)
    op.execute(DRAW_INTO_SESSION)


def downgrade() -> None:
    op.execute("DROP FUNCTION book_appointments")
    op.execute("DROP FUNCTION draw_into_session")
