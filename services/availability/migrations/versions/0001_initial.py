"""Schedules, projections of what others say, and the counters that caches compare."""

from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "appointments",
    "businesses",
    "external_busy",
    "holds",
    "idempotency_keys",
    "outbox",
    "projection_versions",
    "resource_versions",
    "resources",
    "schedules",
    "services",
    "occupancy",
)
CREATE_TABLES = (
    """
    CREATE TABLE appointments (
        organization_id UUID NOT NULL,
        id UUID NOT NULL,
        business_id UUID NOT NULL,
        service_id UUID,
        service_name TEXT NOT NULL,
        status TEXT NOT NULL,
        resource_ids UUID[] NOT NULL,
        starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
        blocked_from TIMESTAMP WITH TIME ZONE NOT NULL,
        blocked_to TIMESTAMP WITH TIME ZONE NOT NULL,
        occupies BOOLEAN NOT NULL,
        version BIGINT NOT NULL,
        applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (organization_id, id)
    )
    """,
    "CREATE INDEX appointments_ends_idx ON appointments (organization_id, ends_at, starts_at)",
    """
    CREATE TABLE businesses (
        organization_id UUID NOT NULL,
        id UUID NOT NULL,
        name TEXT NOT NULL,
        zone TEXT NOT NULL,
        archived BOOLEAN NOT NULL,
        version BIGINT NOT NULL,
        applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (organization_id, id)
    )
    """,
    """
    CREATE TABLE external_busy (
        key TEXT NOT NULL,
        organization_id UUID NOT NULL,
        id UUID NOT NULL,
        resource_id UUID NOT NULL,
        starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
        version BIGINT NOT NULL,
        applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (organization_id, key)
    )
    """,
    "CREATE INDEX external_busy_key_idx ON external_busy (key)",
    "CREATE INDEX external_busy_taken_idx ON external_busy (organization_id, resource_id, ends_at, starts_at)",
    """
    CREATE TABLE holds (
        organization_id UUID NOT NULL,
        id UUID NOT NULL,
        service_id UUID,
        resource_ids UUID[] NOT NULL,
        starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
        blocked_from TIMESTAMP WITH TIME ZONE NOT NULL,
        blocked_to TIMESTAMP WITH TIME ZONE NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        version BIGINT NOT NULL,
        applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (organization_id, id)
    )
    """,
    "CREATE INDEX holds_expires_idx ON holds (expires_at)",
    """
    CREATE TABLE idempotency_keys (
        organization_id UUID NOT NULL,
        caller TEXT NOT NULL,
        key TEXT NOT NULL,
        fingerprint BYTEA NOT NULL,
        status SMALLINT,
        headers JSONB,
        body BYTEA,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        PRIMARY KEY (organization_id, caller, key)
    )
    """,
    "CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at)",
    """
    CREATE TABLE outbox (
        seq BIGINT GENERATED ALWAYS AS IDENTITY (CACHE 1),
        id UUID NOT NULL,
        organization_id UUID NOT NULL,
        lane SMALLINT NOT NULL,
        topic TEXT NOT NULL,
        key TEXT NOT NULL,
        aggregatetype TEXT NOT NULL,
        aggregateid TEXT NOT NULL,
        type TEXT NOT NULL,
        payload BYTEA,
        headers JSONB NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        PRIMARY KEY (seq)
    )
     WITH (toast_tuple_target = 8160, vacuum_truncate = false)
    """,
    """
    CREATE TABLE projection_versions (
        organization_id UUID NOT NULL,
        rules BIGINT NOT NULL,
        taken BIGINT NOT NULL,
        PRIMARY KEY (organization_id)
    )
    """,
    """
    CREATE TABLE resource_versions (
        organization_id UUID NOT NULL,
        resource_id UUID NOT NULL,
        taken BIGINT NOT NULL,
        PRIMARY KEY (organization_id, resource_id)
    )
    """,
    "CREATE INDEX resource_versions_taken_idx ON resource_versions (organization_id, taken)",
    """
    CREATE TABLE resources (
        organization_id UUID NOT NULL,
        id UUID NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        zone TEXT NOT NULL,
        business_ids UUID[] NOT NULL,
        priority INTEGER NOT NULL,
        user_id TEXT,
        archived BOOLEAN NOT NULL,
        version BIGINT NOT NULL,
        applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (organization_id, id)
    )
    """,
    """
    CREATE TABLE schedules (
        organization_id UUID NOT NULL,
        owner_id UUID NOT NULL,
        owner_kind TEXT NOT NULL,
        rules JSONB NOT NULL,
        holiday_rule JSONB,
        version BIGINT NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (organization_id, owner_id),
        CONSTRAINT schedules_owner_kind CHECK (owner_kind IN ('resource', 'business'))
    )
    """,
    """
    CREATE TABLE services (
        organization_id UUID NOT NULL,
        id UUID NOT NULL,
        business_id UUID NOT NULL,
        name TEXT NOT NULL,
        duration_minutes INTEGER NOT NULL,
        buffer_before_minutes INTEGER NOT NULL,
        buffer_after_minutes INTEGER NOT NULL,
        minimum_notice_minutes INTEGER NOT NULL,
        booking_window_days INTEGER,
        slot_interval_minutes INTEGER NOT NULL,
        capacity INTEGER NOT NULL,
        requires JSONB NOT NULL,
        archived BOOLEAN NOT NULL,
        version BIGINT NOT NULL,
        applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (organization_id, id)
    )
    """,
    """
    CREATE TABLE occupancy (
        organization_id UUID NOT NULL,
        appointment_id UUID NOT NULL,
        resource_id UUID NOT NULL,
        service_id UUID,
        blocked_from BIGINT NOT NULL,
        blocked_to BIGINT NOT NULL,
        starts_at BIGINT NOT NULL,
        ends_at BIGINT NOT NULL,
        PRIMARY KEY (organization_id, appointment_id, resource_id),
        CONSTRAINT occupancy_appointment_fkey FOREIGN KEY(organization_id, appointment_id) REFERENCES appointments (organization_id, id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX occupancy_taken_idx ON occupancy (organization_id, resource_id, blocked_to, blocked_from)",
)
COUNT_CHANGES = (
    """
CREATE FUNCTION count_up_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO projection_versions AS v (organization_id, rules, taken)
    SELECT DISTINCT organization_id, 1, 1 FROM changed ORDER BY organization_id
    ON CONFLICT (organization_id) DO UPDATE SET rules = v.rules + 1;
    RETURN NULL;
END $$
""",
    "CREATE TRIGGER schedules_insert_counts AFTER insert ON schedules REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_up_rules()",
    "CREATE TRIGGER schedules_update_counts AFTER update ON schedules REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_up_rules()",
    "CREATE TRIGGER schedules_delete_counts AFTER delete ON schedules REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_up_rules()",
    "CREATE TRIGGER businesses_insert_counts AFTER insert ON businesses REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_up_rules()",
    "CREATE TRIGGER businesses_update_counts AFTER update ON businesses REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_up_rules()",
    "CREATE TRIGGER businesses_delete_counts AFTER delete ON businesses REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_up_rules()",
    "CREATE TRIGGER resources_insert_counts AFTER insert ON resources REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_up_rules()",
    "CREATE TRIGGER resources_update_counts AFTER update ON resources REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_up_rules()",
    "CREATE TRIGGER resources_delete_counts AFTER delete ON resources REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_up_rules()",
    "CREATE TRIGGER services_insert_counts AFTER insert ON services REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_up_rules()",
    "CREATE TRIGGER services_update_counts AFTER update ON services REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_up_rules()",
    "CREATE TRIGGER services_delete_counts AFTER delete ON services REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_up_rules()",
    """
CREATE FUNCTION count_occupancy_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH touched AS MATERIALIZED (SELECT DISTINCT organization_id, resource_id FROM new_rows),
    counted AS (
        INSERT INTO projection_versions AS v (organization_id, rules, taken)
        SELECT DISTINCT organization_id, 1, 1 FROM touched ORDER BY organization_id
        ON CONFLICT (organization_id) DO UPDATE SET taken = v.taken + 1
        RETURNING organization_id, taken)
    INSERT INTO resource_versions (organization_id, resource_id, taken)
    SELECT organization_id, resource_id, counted.taken FROM touched JOIN counted USING (organization_id)
    ON CONFLICT (organization_id, resource_id) DO UPDATE SET taken = excluded.taken;
    RETURN NULL;
END $$
""",
    "CREATE TRIGGER occupancy_insert_counts AFTER insert ON occupancy REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_occupancy_insert()",
    """
CREATE FUNCTION count_occupancy_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH touched AS MATERIALIZED (SELECT DISTINCT organization_id, resource_id FROM new_rows),
    counted AS (
        INSERT INTO projection_versions AS v (organization_id, rules, taken)
        SELECT DISTINCT organization_id, 1, 1 FROM touched ORDER BY organization_id
        ON CONFLICT (organization_id) DO UPDATE SET taken = v.taken + 1
        RETURNING organization_id, taken)
    INSERT INTO resource_versions (organization_id, resource_id, taken)
    SELECT organization_id, resource_id, counted.taken FROM touched JOIN counted USING (organization_id)
    ON CONFLICT (organization_id, resource_id) DO UPDATE SET taken = excluded.taken;
    RETURN NULL;
END $$
""",
    "CREATE TRIGGER occupancy_update_counts AFTER update ON occupancy REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_occupancy_update()",
    """
CREATE FUNCTION count_occupancy_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH touched AS MATERIALIZED (SELECT DISTINCT organization_id, resource_id FROM old_rows),
    counted AS (
        INSERT INTO projection_versions AS v (organization_id, rules, taken)
        SELECT DISTINCT organization_id, 1, 1 FROM touched ORDER BY organization_id
        ON CONFLICT (organization_id) DO UPDATE SET taken = v.taken + 1
        RETURNING organization_id, taken)
    INSERT INTO resource_versions (organization_id, resource_id, taken)
    SELECT organization_id, resource_id, counted.taken FROM touched JOIN counted USING (organization_id)
    ON CONFLICT (organization_id, resource_id) DO UPDATE SET taken = excluded.taken;
    RETURN NULL;
END $$
""",
    "CREATE TRIGGER occupancy_delete_counts AFTER delete ON occupancy REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_occupancy_delete()",
    """
CREATE FUNCTION count_holds_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH touched AS MATERIALIZED (SELECT DISTINCT organization_id, unnest(resource_ids) AS resource_id FROM new_rows),
    counted AS (
        INSERT INTO projection_versions AS v (organization_id, rules, taken)
        SELECT DISTINCT organization_id, 1, 1 FROM touched ORDER BY organization_id
        ON CONFLICT (organization_id) DO UPDATE SET taken = v.taken + 1
        RETURNING organization_id, taken)
    INSERT INTO resource_versions (organization_id, resource_id, taken)
    SELECT organization_id, resource_id, counted.taken FROM touched JOIN counted USING (organization_id)
    ON CONFLICT (organization_id, resource_id) DO UPDATE SET taken = excluded.taken;
    RETURN NULL;
END $$
""",
    "CREATE TRIGGER holds_insert_counts AFTER insert ON holds REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_holds_insert()",
    """
CREATE FUNCTION count_holds_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH touched AS MATERIALIZED (
    SELECT DISTINCT organization_id, unnest(resource_ids || other_ids) AS resource_id FROM (
        SELECT n.organization_id, n.resource_ids, o.resource_ids AS other_ids
        FROM new_rows n JOIN old_rows o USING (organization_id, id)
        WHERE (n.resource_ids, n.service_id, n.starts_at, n.ends_at, n.blocked_from, n.blocked_to, n.expires_at)
              IS DISTINCT FROM
              (o.resource_ids, o.service_id, o.starts_at, o.ends_at, o.blocked_from, o.blocked_to, o.expires_at)) AS c
),
    counted AS (
        INSERT INTO projection_versions AS v (organization_id, rules, taken)
        SELECT DISTINCT organization_id, 1, 1 FROM touched ORDER BY organization_id
        ON CONFLICT (organization_id) DO UPDATE SET taken = v.taken + 1
        RETURNING organization_id, taken)
    INSERT INTO resource_versions (organization_id, resource_id, taken)
    SELECT organization_id, resource_id, counted.taken FROM touched JOIN counted USING (organization_id)
    ON CONFLICT (organization_id, resource_id) DO UPDATE SET taken = excluded.taken;
    RETURN NULL;
END $$
""",
    "CREATE TRIGGER holds_update_counts AFTER update ON holds REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_holds_update()",
    """
CREATE FUNCTION count_holds_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH touched AS MATERIALIZED (SELECT DISTINCT organization_id, unnest(resource_ids) AS resource_id FROM old_rows),
    counted AS (
        INSERT INTO projection_versions AS v (organization_id, rules, taken)
        SELECT DISTINCT organization_id, 1, 1 FROM touched ORDER BY organization_id
        ON CONFLICT (organization_id) DO UPDATE SET taken = v.taken + 1
        RETURNING organization_id, taken)
    INSERT INTO resource_versions (organization_id, resource_id, taken)
    SELECT organization_id, resource_id, counted.taken FROM touched JOIN counted USING (organization_id)
    ON CONFLICT (organization_id, resource_id) DO UPDATE SET taken = excluded.taken;
    RETURN NULL;
END $$
""",
    "CREATE TRIGGER holds_delete_counts AFTER delete ON holds REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_holds_delete()",
    """
CREATE FUNCTION count_external_busy_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH touched AS MATERIALIZED (SELECT DISTINCT organization_id, resource_id FROM new_rows),
    counted AS (
        INSERT INTO projection_versions AS v (organization_id, rules, taken)
        SELECT DISTINCT organization_id, 1, 1 FROM touched ORDER BY organization_id
        ON CONFLICT (organization_id) DO UPDATE SET taken = v.taken + 1
        RETURNING organization_id, taken)
    INSERT INTO resource_versions (organization_id, resource_id, taken)
    SELECT organization_id, resource_id, counted.taken FROM touched JOIN counted USING (organization_id)
    ON CONFLICT (organization_id, resource_id) DO UPDATE SET taken = excluded.taken;
    RETURN NULL;
END $$
""",
    "CREATE TRIGGER external_busy_insert_counts AFTER insert ON external_busy REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_external_busy_insert()",
    """
CREATE FUNCTION count_external_busy_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH touched AS MATERIALIZED (
    SELECT DISTINCT organization_id, resource_id FROM (
        SELECT r.organization_id, r.resource_id FROM new_rows r JOIN old_rows o USING (organization_id, key)
        WHERE (r.resource_id, r.starts_at, r.ends_at) IS DISTINCT FROM (o.resource_id, o.starts_at, o.ends_at)) AS c
    UNION
    SELECT DISTINCT organization_id, resource_id FROM (
        SELECT r.organization_id, r.resource_id FROM old_rows r JOIN new_rows o USING (organization_id, key)
        WHERE (r.resource_id, r.starts_at, r.ends_at) IS DISTINCT FROM (o.resource_id, o.starts_at, o.ends_at)) AS c
),
    counted AS (
        INSERT INTO projection_versions AS v (organization_id, rules, taken)
        SELECT DISTINCT organization_id, 1, 1 FROM touched ORDER BY organization_id
        ON CONFLICT (organization_id) DO UPDATE SET taken = v.taken + 1
        RETURNING organization_id, taken)
    INSERT INTO resource_versions (organization_id, resource_id, taken)
    SELECT organization_id, resource_id, counted.taken FROM touched JOIN counted USING (organization_id)
    ON CONFLICT (organization_id, resource_id) DO UPDATE SET taken = excluded.taken;
    RETURN NULL;
END $$
""",
    "CREATE TRIGGER external_busy_update_counts AFTER update ON external_busy REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_external_busy_update()",
    """
CREATE FUNCTION count_external_busy_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH touched AS MATERIALIZED (SELECT DISTINCT organization_id, resource_id FROM old_rows),
    counted AS (
        INSERT INTO projection_versions AS v (organization_id, rules, taken)
        SELECT DISTINCT organization_id, 1, 1 FROM touched ORDER BY organization_id
        ON CONFLICT (organization_id) DO UPDATE SET taken = v.taken + 1
        RETURNING organization_id, taken)
    INSERT INTO resource_versions (organization_id, resource_id, taken)
    SELECT organization_id, resource_id, counted.taken FROM touched JOIN counted USING (organization_id)
    ON CONFLICT (organization_id, resource_id) DO UPDATE SET taken = excluded.taken;
    RETURN NULL;
END $$
""",
    "CREATE TRIGGER external_busy_delete_counts AFTER delete ON external_busy REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_external_busy_delete()",
)
FUNCTIONS = (
    "count_up_rules",
    "count_occupancy_insert",
    "count_occupancy_update",
    "count_occupancy_delete",
    "count_holds_insert",
    "count_holds_update",
    "count_holds_delete",
    "count_external_busy_insert",
    "count_external_busy_update",
    "count_external_busy_delete",
)


def upgrade() -> None:
    for statement in CREATE_TABLES:
        op.execute(statement)
    enable_tenant_isolation(op, *TABLES)
    grant_app(op, service="availability", tables=TABLES)
    for statement in COUNT_CHANGES:
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}()")
