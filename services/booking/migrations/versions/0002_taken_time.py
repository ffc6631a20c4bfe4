"""What takes resources' time, read by one function that is planned once and binds its tenant."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
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
        FROM unnest(p_resources, p_begins, p_ends) AS q(resource_id, begins, ends)
        CROSS JOIN LATERAL (
    (SELECT * FROM occupancy o WHERE o.organization_id = p_organization AND o.resource_id = q.resource_id AND NOT o.is_long AND o.blocked_from > q.begins - interval '24 hours'
      AND o.blocked_from < q.ends AND o.blocked_to > q.begins ORDER BY o.blocked_from)
    UNION ALL
    SELECT * FROM occupancy o WHERE o.organization_id = p_organization AND o.resource_id = q.resource_id AND o.is_long AND o.blocked_from < q.ends AND o.blocked_to > q.begins
    OFFSET 0) AS o
        LEFT JOIN appointments a ON a.organization_id = p_organization AND a.id = o.holder_id
        LEFT JOIN holds h ON h.organization_id = p_organization AND h.id = o.holder_id
        WHERE o.expires_at IS NULL OR o.expires_at > clock_timestamp()
        UNION
        -- What is external has no session.
        SELECT b.resource_id, NULL, NULL, b.id, b.starts_at, b.ends_at, NULL, NULL, NULL
        FROM unnest(p_resources, p_begins, p_ends) AS q(resource_id, begins, ends)
        CROSS JOIN LATERAL (
            SELECT * FROM external_busy b WHERE b.organization_id = p_organization
              AND b.resource_id = q.resource_id AND b.ends_at > q.begins AND b.starts_at < q.ends
            OFFSET 0) AS b;
END
$function$
""")


def downgrade() -> None:
    op.execute("DROP FUNCTION taken_time")
