"""The booking statement finds appointments by their ids, whatever statistics say.

As long as a table that grows has not been analysed, PostgreSQL takes it for a small one. For each row of a batch it
read all appointments of the organization to see that the id is free: an import into a new installation took up to
fifty times as long, for its first minute.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BOOK_APPOINTMENTS = """
CREATE OR REPLACE FUNCTION book_appointments(
    p_organization uuid, p_policy_version bigint, p_rows booking_row[], p_events booking_event[]
) RETURNS uuid[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off
AS $function$
DECLARE
    tenant text := current_setting('slotstream.organization', true);
    won uuid[];
    partial uuid[];
    one booking_row;
    gate int;
    wanted uuid;
    session uuid;
    begins timestamptz;
BEGIN
    PERFORM set_config('slotstream.organization', p_organization::text, true);
    -- Who comes second for a slot of its own waits here, where it holds nothing yet, and looks before it tries.
    IF cardinality(p_rows) = 1 AND pg_current_xact_id_if_assigned() IS NULL THEN
        one := p_rows[1];
        wanted := one.take_resources[1];
        session := one.take_sessions[1];
        gate := hashtext(wanted::text || extract(epoch FROM one.starts_at)::text);
        IF session = one.id AND one.override_reason IS NULL AND NOT pg_try_advisory_xact_lock(7227016, gate) THEN
            PERFORM pg_advisory_xact_lock_shared(7227016, gate);
            begins := lower(one.blocked);
            IF EXISTS (SELECT FROM occupancy o WHERE o.organization_id = p_organization AND o.resource_id = wanted
                       AND o.blocked_from = begins AND o.session_id <> session) THEN
                PERFORM set_config('slotstream.organization', coalesce(tenant, ''), true);
                RETURN '{}';
            END IF;
        END IF;
    END IF;
    IF NOT EXISTS (SELECT FROM organizations
                   WHERE organization_id = p_organization AND policy_version = p_policy_version) THEN
        PERFORM set_config('slotstream.organization', coalesce(tenant, ''), true);
        RETURN NULL;
    END IF;
    WITH asked AS MATERIALIZED (
        SELECT r.* FROM unnest(p_rows) AS r
        WHERE EXISTS (SELECT FROM clients c WHERE c.organization_id = p_organization AND c.id = r.client_id
                      AND c.merged_into IS NULL AND NOT c.erased)
          AND NOT EXISTS (SELECT FROM appointments a WHERE a.id = r.id)
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
               '{}', state
        FROM booked
    ), new_overrides AS (
        INSERT INTO overrides (organization_id, appointment_id, version, at, actor_type, actor_id, reason, rules,
                               conflicts_with)
        SELECT p_organization, id, 1, created_at, actor_type, actor_id, override_reason, override_rules,
               override_conflicts
        FROM booked WHERE override_reason IS NOT NULL
    ), new_keys AS (
        INSERT INTO idempotency_keys (organization_id, caller, key, fingerprint, status, headers, body)
        SELECT p_organization, idempotency_caller, idempotency_key, idempotency_fingerprint, 201,
               answer_headers, convert_to(state::text, 'UTF8')
        FROM booked WHERE idempotency_key IS NOT NULL
    ), new_events AS (
        INSERT INTO outbox (id, organization_id, lane, topic, key, aggregatetype, aggregateid, type, payload, headers)
        SELECT e.id, p_organization, e.lane, e.topic, e.key, e.aggregatetype, e.aggregateid, e.type, e.payload,
               e.headers
        FROM unnest(p_events) WITH ORDINALITY AS e(id, appointment_id, lane, topic, key, aggregatetype, aggregateid,
                                                   type, payload, headers, n)
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


_SETTINGS = "SET enable_seqscan = off SET enable_bitmapscan = off\n"


def upgrade() -> None:
    op.execute(BOOK_APPOINTMENTS)


def downgrade() -> None:
    before = BOOK_APPOINTMENTS.replace(
        "WHERE a.id = r.id)", "WHERE a.organization_id = p_organization AND a.id = r.id)"
    )
    op.execute(before.replace(_SETTINGS, ""))
