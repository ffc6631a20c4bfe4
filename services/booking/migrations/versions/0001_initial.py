"""Everything booking remembers, each table bound to its tenant, and the functions of its database."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app, limit_rows
from slotstream_servicekit.schema import LIMIT_BUSINESSES, LIMIT_RESOURCE, RowLimit

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TENANT_TABLES = (
    "actions",
    "appointment_resources",
    "appointments",
    "bulk_items",
    "bulk_jobs",
    "businesses",
    "client_preferences",
    "clients",
    "command_results",
    "erased_people",
    "external_busy",
    "former_clients",
    "history",
    "holds",
    "idempotency_keys",
    "message_events",
    "occupancy",
    "organizations",
    "outbox",
    "overrides",
    "resource_businesses",
    "resources",
    "schedules",
    "series",
    "series_occurrences",
    "services",
)

FUNCTIONS = (
    # An organization has about a thousand clients. Statistics of a book's first day say one, and then whatever begins
    # with the organization looks as good as the index of phones.
    "ALTER TABLE clients ALTER organization_id SET (n_distinct = -0.001)",
    """
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
    -- Who comes second for a slot of its own waits here, where it holds nothing yet, and looks before it tries.
    IF p_gate IS NOT NULL AND NOT pg_try_advisory_xact_lock(7227017, p_gate) THEN
        PERFORM pg_advisory_xact_lock_shared(7227017, p_gate);
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
""",
    """
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
""",
    """
CREATE FUNCTION admit_client(p_organization uuid, p_locks int[], p_phone text, p_email text) RETURNS boolean
LANGUAGE plpgsql AS $function$
BEGIN
    -- Whoever makes a client with one of these waits here for the other, and then sees that client.
    PERFORM pg_advisory_xact_lock(7227018, l.key) FROM unnest(p_locks) AS l(key);
    RETURN NOT EXISTS (SELECT FROM find_clients(p_organization, ARRAY[p_phone], ARRAY[p_email]));
END
$function$
""",
    """
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
""",
    """
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
""",
    "REVOKE ALL ON client_search FROM PUBLIC, booking_app",
    "ALTER TABLE client_search ENABLE ROW LEVEL SECURITY",
    """
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
""",
    """
CREATE TRIGGER keep_client_search AFTER INSERT OR UPDATE OF search ON clients
    FOR EACH ROW EXECUTE FUNCTION keep_client_search()
""",
    """
CREATE FUNCTION matching_clients(p_pattern text, p_others text[], p_most int) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT client_id FROM client_search
    WHERE organization_id = nullif(nullif(current_setting('slotstream.organization', true), ''), '*')::uuid
      AND search LIKE p_pattern AND search LIKE ALL (p_others)
    LIMIT p_most
$$
""",
    "REVOKE ALL ON FUNCTION matching_clients FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION matching_clients TO booking_app",
    """
CREATE FUNCTION takes_part(p_organization uuid, p_appointment uuid, p_resource uuid) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS $function$
BEGIN
    RETURN EXISTS (SELECT FROM appointment_resources r WHERE r.organization_id = p_organization
                   AND r.appointment_id = p_appointment AND r.resource_id = p_resource);
END
$function$
""",
    """
CREATE FUNCTION sees_appointment(p_organization uuid, p_appointment uuid) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS $function$
BEGIN
    RETURN EXISTS (SELECT FROM appointments a WHERE a.organization_id = p_organization AND a.id = p_appointment);
END
$function$
""",
)

_OF_APPOINTMENT = "sees_appointment(organization_id, appointment_id)"
LIMITS = (
    RowLimit(
        table="appointments",
        business=f"business_id = ANY ({LIMIT_BUSINESSES})",
        calendar=f"takes_part(organization_id, id, {LIMIT_RESOURCE})",
        writes=f"{LIMIT_BUSINESSES} IS NULL OR business_id = ANY ({LIMIT_BUSINESSES})",
    ),
    *(
        RowLimit(
            table=table,
            business=f"business_id = ANY ({LIMIT_BUSINESSES})",
            calendar=f"{LIMIT_RESOURCE} = ANY (resource_ids)",
        )
        for table in ("holds", "series")
    ),
    *(
        RowLimit(table=table, business=_OF_APPOINTMENT, calendar=_OF_APPOINTMENT, command="SELECT")
        for table in ("history", "message_events", "overrides")
    ),
)


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    _create_catalogue()
    _create_appointments()
    _create_others()
    enable_tenant_isolation(op, *TENANT_TABLES)
    grant_app(op, service="booking", tables=(*TENANT_TABLES, "inbox"))
    for statement in FUNCTIONS:
        op.execute(statement)
    limit_rows(op, *LIMITS)


def _create_catalogue() -> None:
    op.create_table(
        "actions",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("archived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("actions_pkey")),
        sa.UniqueConstraint("id", name=op.f("actions_id_key")),
    )
    op.create_table(
        "businesses",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("phone_region", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("assignment", sa.Text(), nullable=False),
        sa.Column("public_booking", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("verify_by_code", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("embed_origins", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("archived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("businesses_pkey")),
        sa.UniqueConstraint("id", name=op.f("businesses_id_key")),
    )
    op.create_table(
        "client_search",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "client_id", name=op.f("client_search_pkey")),
        comment="Read through matching_clients() alone, which looks at one tenant; written by a trigger on clients.",
    )
    op.create_index(
        "client_search_idx",
        "client_search",
        ["organization_id", "search"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search": "gin_trgm_ops"},
    )
    op.create_table(
        "clients",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("consent", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("erased", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("search", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "sort_name",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="The beginning of the folded name.",
        ),
        sa.Column("archived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("clients_pkey")),
        sa.UniqueConstraint("id", name=op.f("clients_id_key")),
    )
    op.create_index(
        "clients_email_idx",
        "clients",
        ["organization_id", "email"],
        unique=False,
        postgresql_where=sa.text("email IS NOT NULL"),
    )
    op.create_index(
        op.f("clients_organization_id_sort_name_id_idx"),
        "clients",
        ["organization_id", "sort_name", "id"],
        unique=False,
    )
    op.create_index(
        "clients_merged_idx",
        "clients",
        ["organization_id", "merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_index(
        "clients_phone_idx",
        "clients",
        ["organization_id", "phone"],
        unique=False,
        postgresql_where=sa.text("phone IS NOT NULL"),
    )
    op.create_table(
        "client_preferences",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("opted_out", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "client_id", name=op.f("client_preferences_pkey")),
    )
    op.create_table(
        "erased_people",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "digest", name=op.f("erased_people_pkey")),
        comment="Digests only, for some days: no command from before an erase brings the person back.",
    )
    op.create_index(op.f("erased_people_erased_at_idx"), "erased_people", ["erased_at"], unique=False)
    op.create_table(
        "external_busy",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "key", name=op.f("external_busy_pkey")),
        comment="Keyed by organization and the topic's record key: a tombstone says nothing else.",
    )
    op.create_index(
        op.f("external_busy_organization_id_resource_id_ends_at_idx"),
        "external_busy",
        ["organization_id", "resource_id", "ends_at"],
        unique=False,
    )
    op.create_index(op.f("external_busy_ends_at_idx"), "external_busy", ["ends_at"], unique=False)
    op.create_table(
        "organizations",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("policy_version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("organizations_pkey")),
    )
    op.create_table(
        "resources",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("archived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("kind IN ('staff', 'room', 'equipment', 'business')", name=op.f("resources_kind_check")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("resources_pkey")),
        sa.UniqueConstraint("id", name=op.f("resources_id_key")),
    )
    op.create_table(
        "schedules",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("owner_kind", sa.Text(), nullable=False),
        sa.Column("schedule", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "owner_id", name=op.f("schedules_pkey")),
    )
    op.create_table(
        "resource_businesses",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "business_id"],
            ["businesses.organization_id", "businesses.id"],
            name=op.f("resource_businesses_organization_id_business_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "resource_id"],
            ["resources.organization_id", "resources.id"],
            name=op.f("resource_businesses_organization_id_resource_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "resource_id", "business_id", name=op.f("resource_businesses_pkey")),
    )
    op.create_table(
        "services",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_before_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("buffer_after_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("minimum_notice_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("booking_window_days", sa.Integer(), nullable=True),
        sa.Column("slot_interval_minutes", sa.Integer(), server_default=sa.text("15"), nullable=False),
        sa.Column("capacity", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("requires", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("price_amount", sa.Numeric(), nullable=True),
        sa.Column("price_currency", sa.Text(), nullable=True),
        sa.Column("needs_approval", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("pending_occupies", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("client_confirms", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("cancellation_notice_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reschedule_notice_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("max_reschedules", sa.Integer(), nullable=True),
        sa.Column("public_booking", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("archived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "duration_minutes > 0 AND capacity > 0 AND slot_interval_minutes > 0", name=op.f("services_sane_check")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "business_id"],
            ["businesses.organization_id", "businesses.id"],
            name=op.f("services_organization_id_business_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("services_pkey")),
        sa.UniqueConstraint("id", name=op.f("services_id_key")),
    )


def _create_appointments() -> None:
    op.create_table(
        "appointment_resources",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "appointment_id", "place", name=op.f("appointment_resources_pkey")),
    )
    op.create_index(
        op.f("appointment_resources_organization_id_resource_id_starts_at_idx"),
        "appointment_resources",
        ["organization_id", "resource_id", "starts_at"],
        unique=False,
    )
    op.create_table(
        "former_clients",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "client_id", "appointment_id", name=op.f("former_clients_pkey")),
        comment="Whom appointments were for until that was corrected.",
    )
    op.create_table(
        "history",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=True),
        sa.Column("on_behalf_of", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("fields", postgresql.JSON(), nullable=False),
        sa.Column("state", postgresql.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "appointment_id", "version", name=op.f("history_pkey")),
        comment="Append-only: one row per change, with the appointment as it was known after it.",
    )
    op.create_table(
        "holds",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resource_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("actor_type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("holds_pkey")),
        sa.UniqueConstraint("id", name=op.f("holds_id_key")),
    )
    op.create_index(op.f("holds_expires_at_idx"), "holds", ["expires_at"], unique=False)
    op.create_table(
        "occupancy",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("seat", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("blocked", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("forced", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "blocked_from", sa.DateTime(timezone=True), sa.Computed("lower(blocked)", persisted=True), nullable=False
        ),
        sa.Column(
            "blocked_to", sa.DateTime(timezone=True), sa.Computed("upper(blocked)", persisted=True), nullable=False
        ),
        sa.Column(
            "is_long",
            sa.Boolean(),
            sa.Computed("upper(blocked) - lower(blocked) > interval '1 day'", persisted=True),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.column("resource_id"), "="),
            (sa.column("blocked"), "&&"),
            (sa.column("session_id"), "<>"),
            using="gist",
            name="occupancy_one_session_at_a_time",
        ),
        sa.CheckConstraint(
            "NOT isempty(blocked) AND NOT lower_inf(blocked) AND NOT upper_inf(blocked)",
            name=op.f("occupancy_blocked_check"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "resource_id", "session_id", "seat", name=op.f("occupancy_pkey")),
        comment="Who takes a resource's time, buffers included. Two sessions of a resource never overlap. An ordinary appointment or hold is a session of its own; the seats of a group share one; an override joins the sessions it overlaps, so that the constraint still guards them against everybody else.",
    )
    op.create_index(
        "occupancy_expiring_idx",
        "occupancy",
        ["organization_id", "resource_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index(
        "occupancy_long_idx",
        "occupancy",
        ["organization_id", "resource_id", "blocked_to"],
        unique=False,
        postgresql_where=sa.text("is_long"),
    )
    op.create_index(
        op.f("occupancy_organization_id_holder_id_idx"), "occupancy", ["organization_id", "holder_id"], unique=False
    )
    op.create_index(
        op.f("occupancy_organization_id_resource_id_blocked_from_idx"),
        "occupancy",
        ["organization_id", "resource_id", "blocked_from"],
        unique=False,
    )
    op.create_index(
        op.f("occupancy_organization_id_resource_id_taken_at_idx"),
        "occupancy",
        ["organization_id", "resource_id", "taken_at"],
        unique=False,
    )
    op.create_table(
        "overrides",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rules", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("conflicts_with", sa.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "appointment_id", "version", name=op.f("overrides_pkey")),
    )
    op.create_index(op.f("overrides_organization_id_at_idx"), "overrides", ["organization_id", "at"], unique=False)
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
        sa.Column("location_kind", sa.Text(), nullable=False),
        sa.Column("location_text", sa.Text(), nullable=True),
        sa.Column("location_url", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("internal_notes", sa.Text(), nullable=True),
        sa.Column("share_with_client", sa.Boolean(), nullable=False),
        sa.Column("notify_client", sa.Boolean(), nullable=False),
        sa.Column("quoted_amount", sa.Numeric(), nullable=True),
        sa.Column("quoted_currency", sa.Text(), nullable=True),
        sa.Column("rule", postgresql.JSONB(), nullable=False),
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
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("series_pkey")),
        sa.UniqueConstraint("id", name=op.f("series_id_key")),
    )
    op.create_index("series_created_at_idx", "series", ["organization_id", "created_at", "id"], unique=False)
    op.create_index(
        "series_extend_at_idx", "series", ["extend_at"], unique=False, postgresql_where=sa.text("extend_at IS NOT NULL")
    )
    op.create_table(
        "appointments",
        sa.Column("action_id", sa.Uuid(), nullable=True),
        sa.Column("origin_kind", sa.Text(), nullable=False),
        sa.Column("origin_reference_id", sa.Text(), nullable=True),
        sa.Column("origin_url", sa.Text(), nullable=True),
        sa.Column("location_kind", sa.Text(), nullable=False),
        sa.Column("location_text", sa.Text(), nullable=True),
        sa.Column("location_url", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("internal_notes", sa.Text(), nullable=True),
        sa.Column("share_with_client", sa.Boolean(), nullable=False),
        sa.Column("notify_client", sa.Boolean(), nullable=False),
        sa.Column("quoted_amount", sa.Numeric(), nullable=True),
        sa.Column("quoted_currency", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("service_name", sa.Text(), nullable=False),
        sa.Column("action_name", sa.Text(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("buffer_before_minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_after_minutes", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("series_id", sa.Uuid(), nullable=True),
        sa.Column("rescheduled_from", sa.Uuid(), nullable=True),
        sa.Column("rescheduled_to", sa.Uuid(), nullable=True),
        sa.Column("previous_starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reschedule_count", sa.Integer(), nullable=False),
        sa.Column("calendar_uid", sa.Text(), nullable=False),
        sa.Column("calendar_sequence", sa.Integer(), nullable=False),
        sa.Column("actual_amount", sa.Numeric(), nullable=True),
        sa.Column("actual_currency", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("cancellation_reason", sa.Text(), nullable=True),
        sa.Column("occupies", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "price_rank",
            sa.BigInteger(),
            sa.Computed("(coalesce(actual_amount, quoted_amount) * 1000)::bigint", persisted=True),
            nullable=True,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.column("business_id"), "="),
            (sa.column("source"), "="),
            (sa.column("external_id"), "="),
            using="btree",
            where=sa.text("external_id IS NOT NULL AND status NOT IN ('cancelled', 'rescheduled')"),
            deferrable=True,
            name="appointments_external_id_key",
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("appointments_times_check")),
        sa.ForeignKeyConstraint(
            ["organization_id", "client_id"],
            ["clients.organization_id", "clients.id"],
            name=op.f("appointments_organization_id_client_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("appointments_pkey")),
    )
    op.create_index(
        "appointments_batch_idx",
        "appointments",
        ["organization_id", "batch_id"],
        unique=False,
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    )
    op.create_index(
        "appointments_custom_idx",
        "appointments",
        ["organization_id", "service_name", "starts_at"],
        unique=False,
        postgresql_where=sa.text("service_id IS NULL"),
    )
    op.create_index(
        "appointments_open_and_archived_idx",
        "appointments",
        ["id"],
        unique=False,
        postgresql_where=sa.text("archived AND status IN ('pending', 'scheduled', 'confirmed')"),
    )
    op.create_index(
        op.f("appointments_organization_id_client_id_starts_at_idx"),
        "appointments",
        ["organization_id", "client_id", "starts_at"],
        unique=False,
    )
    op.create_index(
        op.f("appointments_organization_id_created_at_id_idx"),
        "appointments",
        ["organization_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("appointments_organization_id_price_rank_id_idx"),
        "appointments",
        ["organization_id", "price_rank", "id"],
        unique=False,
    )
    op.create_index(
        op.f("appointments_organization_id_updated_at_id_idx"),
        "appointments",
        ["organization_id", "updated_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("appointments_organization_id_starts_at_id_idx"),
        "appointments",
        ["organization_id", "starts_at", "id"],
        unique=False,
    )
    op.create_index(
        "appointments_series_idx",
        "appointments",
        ["organization_id", "series_id"],
        unique=False,
        postgresql_where=sa.text("series_id IS NOT NULL"),
    )
    op.create_table(
        "series_occurrences",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("occurs_on", sa.Date(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "series_id"],
            ["series.organization_id", "series.id"],
            name=op.f("series_occurrences_organization_id_series_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "series_id", "occurs_on", name=op.f("series_occurrences_pkey")),
    )


def _create_others() -> None:
    op.create_table(
        "bulk_jobs",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(), nullable=False),
        sa.Column("actor_type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=True),
        sa.Column("business_ids", sa.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("succeeded", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("bulk_jobs_pkey")),
    )
    op.create_index(op.f("bulk_jobs_created_at_idx"), "bulk_jobs", ["created_at"], unique=False)
    op.create_index(
        "bulk_jobs_running_idx",
        "bulk_jobs",
        ["updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_table(
        "command_results",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("command_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "command_id", name=op.f("command_results_pkey")),
    )
    op.create_index(op.f("command_results_created_at_idx"), "command_results", ["created_at"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("headers", postgresql.JSONB(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "caller", "key", name=op.f("idempotency_keys_pkey")),
    )
    op.create_index(op.f("idempotency_keys_created_at_idx"), "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "message_id", name=op.f("inbox_pkey")),
    )
    op.create_index("inbox_received_at_idx", "inbox", ["received_at"], unique=False)
    op.create_table(
        "message_events",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "message_id", "version", "outcome", name=op.f("message_events_pkey")
        ),
    )
    op.create_index(
        "message_events_appointment_idx",
        "message_events",
        ["organization_id", "appointment_id"],
        unique=False,
        postgresql_where=sa.text("appointment_id IS NOT NULL"),
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True, cache=1), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("aggregatetype", sa.Text(), nullable=False),
        sa.Column("aggregateid", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("headers", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("outbox_pkey")),
        postgresql_with={"toast_tuple_target": 8160, "vacuum_truncate": False},
    )
    op.create_table(
        "bulk_items",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=True),
        sa.Column("problem", postgresql.JSONB(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "job_id"],
            ["bulk_jobs.organization_id", "bulk_jobs.id"],
            name=op.f("bulk_items_organization_id_job_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organization_id", "job_id", "position", name=op.f("bulk_items_pkey")),
    )


def downgrade() -> None:
    raise NotImplementedError("The first revision has nothing before it.")
