"""Who enters a session of others knows everybody there; time that is drawn elsewhere meanwhile is given back.

Each function is new, so a version that still runs goes on as before: what it does beside the new one is guarded as
before, too.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_LOCK_SESSION_ENTRIES = """
CREATE FUNCTION lock_session_entries(p_resources uuid[], p_forced boolean[]) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    -- Everybody takes them in one order. Two resources may have one key; the stronger lock serves both.
    PERFORM CASE WHEN e.forced THEN pg_advisory_xact_lock(7227029, e.key)
                 ELSE pg_advisory_xact_lock_shared(7227029, e.key) END
    FROM (
        SELECT hashtext(r.resource_id::text) AS key, bool_or(r.forced) AS forced
        FROM unnest(p_resources, p_forced) AS r(resource_id, forced) GROUP BY 1 ORDER BY 1
    ) AS e;
END
$function$
"""
_ADMIT_TO_SESSIONS = """
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
        CROSS JOIN LATERAL (
    (SELECT * FROM occupancy o WHERE o.organization_id = p_organization AND o.resource_id = e.resource_id AND NOT o.is_long AND o.blocked_from > p_begins - interval '24 hours'
      AND o.blocked_from < p_ends AND o.blocked_to > p_begins ORDER BY o.blocked_from)
    UNION ALL
    SELECT * FROM occupancy o WHERE o.organization_id = p_organization AND o.resource_id = e.resource_id AND o.is_long AND o.blocked_from < p_ends AND o.blocked_to > p_begins
    OFFSET 0) AS o
        WHERE o.session_id = e.session_id AND o.holder_id <> ALL (p_known)
          AND (p_forced OR o.forced OR o.blocked <> tstzrange(p_begins, p_ends))
          AND (o.expires_at IS NULL OR o.expires_at > clock_timestamp()));
END
$function$
"""
_FREE_TIME = """
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
_FREE_HELD_TIME = """
CREATE FUNCTION free_held_time(p_organization uuid, p_hold uuid, p_resources uuid[], p_forced boolean) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    -- Whoever enters a session in its place has locked it before they give up what others may wait for.
    PERFORM lock_session_entries(p_resources, array_fill(p_forced, ARRAY[cardinality(p_resources)]));
    PERFORM free_time(p_organization, ARRAY[p_hold], NULL, true);
END
$function$
"""


def upgrade() -> None:
    for function in (_LOCK_SESSION_ENTRIES, _ADMIT_TO_SESSIONS, _FREE_TIME, _FREE_HELD_TIME):
        op.execute(function)


def downgrade() -> None:
    for name in ("free_held_time", "free_time", "admit_to_sessions", "lock_session_entries"):
        op.execute(f"DROP FUNCTION {name}")
