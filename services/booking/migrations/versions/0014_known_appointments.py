"""Which appointments exist, of many ids: a batch of commands read a whole index of a book without statistics."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_KNOWN_APPOINTMENTS = """
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


def upgrade() -> None:
    op.execute(_KNOWN_APPOINTMENTS)


def downgrade() -> None:
    op.execute("DROP FUNCTION known_appointments")
