"""Functions of booking's database. None knows a column of an appointment, so a new field needs no new version.

A function that must change gets a new name beside the old one, which stays while a rolling update lasts.
"""

from typing import Final

from slotstream_servicekit.locks import LockClass


def overlapping(*, organization: str, resource: str, begins: str, ends: str) -> str:
    """A sub-select over a resource's occupancy that meets [begins, ends), all given as expressions of the query.

    By times and not by `&&`: row-level security lets an index serve leakproof operators only. What lasts no longer
    than 24 hours begins within them (a day of the session's zone may have 23); the few that last longer have an index
    of their own. OFFSET 0 keeps the steps: joined, a book that has just grown would be read whole for each window,
    until statistics know its size.

    In the order of beginnings, which no other index has: the constraint's knows the resource as well, and a plan that
    is made while the table is empty would take it, and read all that the resource was ever booked for.
    """
    of_resource = f"SELECT * FROM occupancy o WHERE o.organization_id = {organization} AND o.resource_id = {resource}"
    return f"""(
    ({of_resource} AND NOT o.is_long AND o.blocked_from > {begins} - interval '24 hours'
      AND o.blocked_from < {ends} AND o.blocked_to > {begins} ORDER BY o.blocked_from)
    UNION ALL
    {of_resource} AND o.is_long AND o.blocked_from < {ends} AND o.blocked_to > {begins}
    OFFSET 0)"""


ADMIT_BOOKINGS: Final = f"""
CREATE FUNCTION admit_bookings(
    p_organization uuid, p_policy_version bigint, p_gate int, p_ids uuid[], p_clients uuid[],
    p_holders uuid[], p_resources uuid[], p_begins timestamptz[], p_ends timestamptz[], p_forced boolean[]
) RETURNS SETOF uuid LANGUAGE plpgsql
-- Statistics of a book's first day call its tables small. By index, whatever they say.
SET enable_seqscan = off SET enable_bitmapscan = off
-- Planned once a session: as many rows as are given look cheaper than unknown ones, so each call would be planned anew.
SET plan_cache_mode = force_generic_plan
AS $function$
BEGIN
    -- Alone in its transaction, the statement binds its tenant itself; else that is done.
    IF coalesce(current_setting('slotstream.organization', true), '') = '' THEN
        PERFORM set_config('slotstream.organization', p_organization::text, true);
    END IF;
    -- Who comes second for a slot of its own waits here, where it holds nothing yet. Everybody looks before they try:
    -- who comes once the slot is taken would do all of the work for nothing, and let those behind wait meanwhile.
    IF p_gate IS NOT NULL THEN
        IF NOT pg_try_advisory_xact_lock({LockClass.SLOT_GATE:d}, p_gate) THEN
            PERFORM pg_advisory_xact_lock_shared({LockClass.SLOT_GATE:d}, p_gate);
        END IF;
        IF EXISTS (SELECT FROM occupancy o WHERE o.organization_id = p_organization
                   AND o.resource_id = p_resources[1] AND o.blocked_from = p_begins[1]) THEN
            RETURN;
        END IF;
    END IF;
    IF NOT EXISTS (SELECT FROM organizations
                   WHERE organization_id = p_organization AND policy_version = p_policy_version) THEN
        RETURN NEXT NULL;
        RETURN;
    END IF;
    -- Each row is looked up by itself: OFFSET 0 keeps PostgreSQL from joining, and so from reading a table whole.
    -- The client stays as they are until this commits: an erase waits for what is booked, or is waited for and seen.
    RETURN QUERY
        SELECT r.id FROM unnest(p_ids, p_clients) AS r(id, client_id)
        -- A client that is made by the same statement has no id yet.
        WHERE (r.client_id IS NULL
               OR (SELECT true FROM clients c WHERE c.organization_id = p_organization AND c.id = r.client_id
                   AND c.merged_into IS NULL AND NOT c.erased OFFSET 0 FOR SHARE))
          AND (SELECT true FROM appointments a WHERE a.id = r.id OFFSET 0) IS NULL
          AND (SELECT true FROM holds h WHERE h.organization_id = p_organization AND h.id = r.id
               AND h.expires_at > clock_timestamp() OFFSET 0) IS NULL
        EXCEPT ALL
        SELECT DISTINCT t.holder_id
        FROM unnest(p_holders, p_resources, p_begins, p_ends, p_forced)
             AS t(holder_id, resource_id, begins, ends, forced)
        WHERE NOT t.forced AND (
            SELECT true FROM external_busy b WHERE b.organization_id = p_organization
              AND b.resource_id = t.resource_id AND b.ends_at > t.begins AND b.starts_at < t.ends LIMIT 1);
END
$function$
"""

FIND_CLIENTS: Final = """
CREATE FUNCTION find_clients(p_organization uuid, p_phones text[], p_emails text[])
RETURNS TABLE (contact_phone text, contact_email text, client clients) LANGUAGE plpgsql
-- As in admit_bookings.
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan
AS $function$
BEGIN
    IF coalesce(current_setting('slotstream.organization', true), '') = '' THEN
        PERFORM set_config('slotstream.organization', p_organization::text, true);
    END IF;
    RETURN QUERY
        SELECT f.phone, f.email, f.client
        FROM (
            SELECT given.phone, given.email,
                -- CASE, because row-level security keeps coalesce() from an index, and reads every client instead.
                (SELECT c FROM clients c WHERE c.organization_id = p_organization AND NOT c.erased
                 AND c.id = CASE WHEN given.merged_into IS NULL THEN given.id ELSE given.merged_into END) AS client
            FROM (
                SELECT p.id, p.phone, p.email, p.merged_into
                FROM unnest(p_phones) AS w(phone) CROSS JOIN LATERAL (
                    SELECT * FROM clients c WHERE c.organization_id = p_organization AND c.phone = w.phone
                    AND NOT c.erased OFFSET 0) AS p
                UNION
                SELECT e.id, e.phone, e.email, e.merged_into
                FROM unnest(p_emails) AS w(email) CROSS JOIN LATERAL (
                    SELECT * FROM clients c WHERE c.organization_id = p_organization AND c.email = w.email
                    AND NOT c.erased OFFSET 0) AS e
            ) AS given
            OFFSET 0
        ) AS f
        WHERE (f.client).id IS NOT NULL
        ORDER BY (f.client).archived, (f.client).created_at, (f.client).id;
END
$function$
"""

ADMIT_CLIENT: Final = f"""
CREATE FUNCTION admit_client(p_organization uuid, p_locks int[], p_phone text, p_email text) RETURNS boolean
LANGUAGE plpgsql AS $function$
BEGIN
    -- Whoever makes a client with one of these waits here for the other, and then sees that client.
    PERFORM pg_advisory_xact_lock({LockClass.CLIENT_CONTACT:d}, l.key) FROM unnest(p_locks) AS l(key);
    RETURN NOT EXISTS (SELECT FROM find_clients(p_organization, ARRAY[p_phone], ARRAY[p_email]));
END
$function$
"""

_WINDOWS: Final = "unnest(p_resources, p_begins, p_ends) AS q(resource_id, begins, ends)"
_TAKEN_IN_WINDOW: Final = overlapping(
    organization="p_organization", resource="q.resource_id", begins="q.begins", ends="q.ends"
)

TAKEN_TIME: Final = f"""
CREATE FUNCTION taken_time(p_organization uuid, p_resources uuid[], p_begins timestamptz[], p_ends timestamptz[])
RETURNS TABLE (
    resource_id uuid, session_id uuid, seat int, holder_id uuid, blocked_from timestamptz, blocked_to timestamptz,
    starts_at timestamptz, ends_at timestamptz, service_id uuid
) LANGUAGE plpgsql
-- As in admit_bookings.
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan
AS $function$
-- Columns are meant, where the result has one of the same name.
#variable_conflict use_column
BEGIN
    IF coalesce(current_setting('slotstream.organization', true), '') = '' THEN
        PERFORM set_config('slotstream.organization', p_organization::text, true);
    END IF;
    -- What reaches into two windows is told once.
    RETURN QUERY
        SELECT o.resource_id, o.session_id, o.seat, o.holder_id, o.blocked_from, o.blocked_to,
               coalesce(a.starts_at, h.starts_at), coalesce(a.ends_at, h.ends_at),
               coalesce(a.service_id, h.service_id)
        FROM {_WINDOWS}
        CROSS JOIN LATERAL {_TAKEN_IN_WINDOW} AS o
        LEFT JOIN appointments a ON a.organization_id = p_organization AND a.id = o.holder_id
        LEFT JOIN holds h ON h.organization_id = p_organization AND h.id = o.holder_id
        WHERE o.expires_at IS NULL OR o.expires_at > clock_timestamp()
        UNION
        -- What is external has no session.
        SELECT b.resource_id, NULL, NULL, b.id, b.starts_at, b.ends_at, NULL, NULL, NULL
        FROM {_WINDOWS}
        CROSS JOIN LATERAL (
            SELECT * FROM external_busy b WHERE b.organization_id = p_organization
              AND b.resource_id = q.resource_id AND b.ends_at > q.begins AND b.starts_at < q.ends
            OFFSET 0) AS b;
END
$function$
"""

KNOWN_APPOINTMENTS: Final = """
CREATE FUNCTION known_appointments(p_organization uuid, p_ids uuid[]) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE
-- As in admit_bookings.
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan
AS $function$
BEGIN
    -- By the id alone: many ids and the organization look like the beginning of an index that would be read whole.
    RETURN QUERY SELECT r.id FROM unnest(p_ids) AS r(id)
        WHERE (SELECT a.organization_id FROM appointments a WHERE a.id = r.id OFFSET 0) = p_organization;
END
$function$
"""

EXISTING_APPOINTMENTS: Final = """
CREATE FUNCTION existing_appointments(p_organization uuid, p_ids uuid[])
RETURNS TABLE (id uuid, own boolean) LANGUAGE plpgsql AS $function$
DECLARE
    tenant text := current_setting('slotstream.organization', true);
    limited text := coalesce(current_setting('slotstream.limited', true), '');
BEGIN
    -- Ids are taken across organizations; nothing but that is answered of another one's.
    PERFORM set_config('slotstream.organization', '*', true);
    IF limited <> '' THEN
        PERFORM set_config('slotstream.limited', '', true);
    END IF;
    RETURN QUERY SELECT a.id, a.organization_id = p_organization FROM appointments a WHERE a.id = ANY (p_ids)
        UNION SELECT h.id, true FROM holds h
        WHERE h.organization_id = p_organization AND h.id = ANY (p_ids) AND h.expires_at > clock_timestamp();
    PERFORM set_config('slotstream.organization', coalesce(tenant, ''), true);
    IF limited <> '' THEN
        PERFORM set_config('slotstream.limited', limited, true);
    END IF;
END
$function$
"""

LOCK_SESSION_ENTRIES: Final = f"""
CREATE FUNCTION lock_session_entries(p_resources uuid[], p_forced boolean[]) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    -- Everybody takes them in one order. Two resources may have one key; the stronger lock serves both.
    PERFORM CASE WHEN e.forced THEN pg_advisory_xact_lock({LockClass.SESSION_ENTRY:d}, e.key)
                 ELSE pg_advisory_xact_lock_shared({LockClass.SESSION_ENTRY:d}, e.key) END
    FROM (
        SELECT hashtext(r.resource_id::text) AS key, bool_or(r.forced) AS forced
        FROM unnest(p_resources, p_forced) AS r(resource_id, forced) GROUP BY 1 ORDER BY 1
    ) AS e;
END
$function$
"""

_IN_SESSION: Final = overlapping(
    organization="p_organization", resource="e.resource_id", begins="p_begins", ends="p_ends"
)

ADMIT_TO_SESSIONS: Final = f"""
CREATE FUNCTION admit_to_sessions(
    p_organization uuid, p_resources uuid[], p_sessions uuid[], p_begins timestamptz, p_ends timestamptz,
    p_forced boolean, p_known uuid[]
) RETURNS boolean LANGUAGE plpgsql
-- As in admit_bookings.
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan
AS $function$
BEGIN
    -- Within a session the constraint guards nobody. So whoever enters one waits for those who enter it just now, and
    -- looks whether they have come beside somebody that they have not judged. Members of a group need not know
    -- each other: their seats are counted by the primary key.
    PERFORM lock_session_entries(p_resources, array_fill(p_forced, ARRAY[cardinality(p_resources)]));
    RETURN NOT EXISTS (
        SELECT FROM unnest(p_resources, p_sessions) AS e(resource_id, session_id)
        CROSS JOIN LATERAL {_IN_SESSION} AS o
        WHERE o.session_id = e.session_id AND o.holder_id <> ALL (p_known)
          AND (p_forced OR o.forced OR o.blocked <> tstzrange(p_begins, p_ends))
          AND (o.expires_at IS NULL OR o.expires_at > clock_timestamp()));
END
$function$
"""

FREE_TIME: Final = """
CREATE FUNCTION free_time(p_organization uuid, p_holders uuid[], p_resources uuid[], p_expiring boolean) RETURNS void
LANGUAGE plpgsql
-- As in admit_bookings.
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan
AS $function$
BEGIN
    LOOP
        DELETE FROM occupancy o WHERE o.organization_id = p_organization AND o.holder_id = ANY (p_holders)
          AND (p_resources IS NULL OR o.resource_id = ANY (p_resources))
          AND (NOT p_expiring OR o.expires_at IS NOT NULL);
        -- A row that an override draws into another session meanwhile is another row by now: only a new look sees it.
        EXIT WHEN NOT EXISTS (
            SELECT FROM occupancy o WHERE o.organization_id = p_organization AND o.holder_id = ANY (p_holders)
              AND (p_resources IS NULL OR o.resource_id = ANY (p_resources))
              AND (NOT p_expiring OR o.expires_at IS NOT NULL));
    END LOOP;
END
$function$
"""

FREE_HELD_TIME: Final = """
CREATE FUNCTION free_held_time(p_organization uuid, p_hold uuid, p_resources uuid[], p_forced boolean) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    -- Whoever enters a session in its place has locked it before they give up what others may wait for.
    PERFORM lock_session_entries(p_resources, array_fill(p_forced, ARRAY[cardinality(p_resources)]));
    PERFORM free_time(p_organization, ARRAY[p_hold], NULL, true);
END
$function$
"""

DRAW_INTO_SESSION: Final = """
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

KEEP_CLIENT_SEARCH: Final = """
CREATE FUNCTION keep_client_search() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.search = '' THEN
        DELETE FROM client_search WHERE organization_id = NEW.organization_id AND client_id = NEW.id;
    ELSE
        INSERT INTO client_search (organization_id, client_id, search) VALUES (NEW.organization_id, NEW.id, NEW.search)
        ON CONFLICT (organization_id, client_id) DO UPDATE SET search = excluded.search;
    END IF;
    RETURN NULL;
END $$
"""

MATCHING_CLIENTS: Final = """
CREATE FUNCTION matching_clients(p_pattern text, p_others text[], p_most int) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT client_id FROM client_search
    WHERE organization_id = nullif(nullif(current_setting('slotstream.organization', true), ''), '*')::uuid
      AND search LIKE p_pattern AND search LIKE ALL (p_others)
    LIMIT p_most
$$
"""

TAKES_PART: Final = """
CREATE FUNCTION takes_part(p_organization uuid, p_appointment uuid, p_resource uuid) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS $function$
BEGIN
    RETURN EXISTS (SELECT FROM appointment_resources r WHERE r.organization_id = p_organization
                   AND r.appointment_id = p_appointment AND r.resource_id = p_resource);
END
$function$
"""

SEES_APPOINTMENT: Final = """
CREATE FUNCTION sees_appointment(p_organization uuid, p_appointment uuid) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS $function$
BEGIN
    RETURN EXISTS (SELECT FROM appointments a WHERE a.organization_id = p_organization AND a.id = p_appointment);
END
$function$
"""

EXTENSIONS: Final = tuple(f"CREATE EXTENSION IF NOT EXISTS {name}" for name in ("btree_gist", "pg_trgm", "btree_gin"))

FUNCTIONS: Final = (
    # An organization has about a thousand clients. Statistics of a book's first day say one, and then whatever begins
    # with the organization looks as good as the index of phones.
    "ALTER TABLE clients ALTER organization_id SET (n_distinct = -0.001)",
    ADMIT_BOOKINGS,
    FIND_CLIENTS,
    ADMIT_CLIENT,
    TAKEN_TIME,
    KNOWN_APPOINTMENTS,
    EXISTING_APPOINTMENTS,
    DRAW_INTO_SESSION,
    LOCK_SESSION_ENTRIES,
    ADMIT_TO_SESSIONS,
    FREE_TIME,
    FREE_HELD_TIME,
    # Row-level security lets an index serve leakproof operators only, and LIKE is not one: so what is looked up stands
    # in a table that the application's role cannot read, and a function of the owner's reads it for one tenant.
    "REVOKE ALL ON client_search FROM PUBLIC, booking_app",
    "ALTER TABLE client_search ENABLE ROW LEVEL SECURITY",
    KEEP_CLIENT_SEARCH,
    """
    CREATE TRIGGER keep_client_search AFTER INSERT OR UPDATE OF search ON clients
    FOR EACH ROW EXECUTE FUNCTION keep_client_search()
    """,
    MATCHING_CLIENTS,
    "REVOKE ALL ON FUNCTION matching_clients FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION matching_clients TO booking_app",
    TAKES_PART,
    SEES_APPOINTMENT,
)
