"""Who books looks at the slot before they try: those who come just after a race are refused at once.

The function keeps its name: it takes and returns what it did, so both versions of the service can call it.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_LOOKS_ALWAYS = """
    -- Who comes second for a slot of its own waits here, where it holds nothing yet. Everybody looks before they try:
    -- who comes once the slot is taken would do all of the work for nothing, and let those behind wait meanwhile.
    IF p_gate IS NOT NULL THEN
        IF NOT pg_try_advisory_xact_lock(7227017, p_gate) THEN
            PERFORM pg_advisory_xact_lock_shared(7227017, p_gate);
        END IF;
        IF EXISTS (SELECT FROM occupancy o WHERE o.organization_id = p_organization
                   AND o.resource_id = p_resources[1] AND o.blocked_from = p_begins[1]) THEN
            RETURN;
        END IF;
    END IF;
"""
_LOOKS_WHEN_SECOND = """
    -- Who comes second for a slot of its own waits here, where it holds nothing yet, and looks before it tries.
    IF p_gate IS NOT NULL AND NOT pg_try_advisory_xact_lock(7227017, p_gate) THEN
        PERFORM pg_advisory_xact_lock_shared(7227017, p_gate);
        IF EXISTS (SELECT FROM occupancy o WHERE o.organization_id = p_organization
                   AND o.resource_id = p_resources[1] AND o.blocked_from = p_begins[1]) THEN
            RETURN;
        END IF;
    END IF;
"""
_ADMIT_BOOKINGS = """
CREATE OR REPLACE FUNCTION admit_bookings(
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
{gate}    IF NOT EXISTS (SELECT FROM organizations
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


def upgrade() -> None:
    op.execute(_ADMIT_BOOKINGS.format(gate=_LOOKS_ALWAYS.lstrip("\n")))


def downgrade() -> None:
    op.execute(_ADMIT_BOOKINGS.format(gate=_LOOKS_WHEN_SECOND.lstrip("\n")))
