"""Occupancy by resource, and which resources changed at which count."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("occupancy", "resource_versions")
EVENTS = ("insert", "update", "delete")
CHANGED_BUSY = """
    SELECT DISTINCT organization_id, resource_id FROM (
        SELECT r.organization_id, r.resource_id FROM {one} r JOIN {other} o USING (organization_id, key)
        WHERE (r.resource_id, r.starts_at, r.ends_at) IS DISTINCT FROM (o.resource_id, o.starts_at, o.ends_at)) AS c
"""
TOUCHED = {
    ("occupancy", "insert"): "SELECT DISTINCT organization_id, resource_id FROM new_rows",
    ("occupancy", "update"): "SELECT DISTINCT organization_id, resource_id FROM new_rows",
    ("occupancy", "delete"): "SELECT DISTINCT organization_id, resource_id FROM old_rows",
    ("external_busy", "insert"): "SELECT DISTINCT organization_id, resource_id FROM new_rows",
    ("external_busy", "update"): "{} UNION {}".format(
        CHANGED_BUSY.format(one="new_rows", other="old_rows"), CHANGED_BUSY.format(one="old_rows", other="new_rows")
    ),
    ("external_busy", "delete"): "SELECT DISTINCT organization_id, resource_id FROM old_rows",
}
ROWS = {"insert": "NEW TABLE AS new_rows", "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows"}


def upgrade() -> None:
    op.execute("SELECT set_config('slotstream.organization', '*', true)")
    for table in ("appointments", "external_busy"):
        for event in EVENTS:
            op.execute(f"DROP TRIGGER {table}_{event}_counts ON {table}")
    op.execute("DROP FUNCTION count_up_taken()")
    op.drop_index("appointments_taken_idx", "appointments")
    op.create_index("appointments_ends_idx", "appointments", ["organization_id", "ends_at", "starts_at"])
    op.drop_index("external_busy_taken_idx", "external_busy")
    op.create_index(
        "external_busy_taken_idx", "external_busy", ["organization_id", "resource_id", "ends_at", "starts_at"]
    )
    _create_tables()
    enable_tenant_isolation(op, *TABLES)
    grant_app(op, service="availability", tables=TABLES)
    _count_touched_resources()
    _fill()


def _create_tables() -> None:
    op.create_table(
        "occupancy",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("blocked_from", sa.BigInteger(), nullable=False),
        sa.Column("blocked_to", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "appointment_id", "resource_id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "appointment_id"],
            ["appointments.organization_id", "appointments.id"],
            name="occupancy_appointment_fkey",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "occupancy_taken_idx", "occupancy", ["organization_id", "resource_id", "blocked_to", "blocked_from"]
    )
    op.create_table(
        "resource_versions",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "resource_id"),
    )
    op.create_index("resource_versions_taken_idx", "resource_versions", ["organization_id", "taken"])


def _count_touched_resources() -> None:
    """Whoever changes what takes a resource's time counts its organization up and notes the count at the resource.

    Organizations are counted in one order, so that two batches cannot block each other for ever.
    """
    for (table, event), touched in TOUCHED.items():
        op.execute(
            f"""
            CREATE FUNCTION count_{table}_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                WITH touched AS MATERIALIZED ({touched}),
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
            """
        )
        rows = ROWS.get(event, "OLD TABLE AS old_rows")
        op.execute(
            f"CREATE TRIGGER {table}_{event}_counts AFTER {event} ON {table} "
            f"REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION count_{table}_{event}()"
        )


def _fill() -> None:
    op.execute(
        """
        INSERT INTO occupancy (organization_id, appointment_id, resource_id, service_id,
                               blocked_from, blocked_to, starts_at, ends_at)
        SELECT DISTINCT a.organization_id, a.id, r.id, a.service_id,
               floor(extract(epoch FROM a.blocked_from))::bigint, ceil(extract(epoch FROM a.blocked_to))::bigint,
               floor(extract(epoch FROM a.starts_at))::bigint, ceil(extract(epoch FROM a.ends_at))::bigint
        FROM appointments a CROSS JOIN LATERAL unnest(a.resource_ids) AS r(id) WHERE a.occupies
        """
    )


def downgrade() -> None:
    for table, event in TOUCHED:
        op.execute(f"DROP TRIGGER {table}_{event}_counts ON {table}")
        op.execute(f"DROP FUNCTION count_{table}_{event}()")
    for table in TABLES:
        op.drop_table(table)
    op.drop_index("appointments_ends_idx", "appointments")
    op.create_index(
        "appointments_taken_idx",
        "appointments",
        ["organization_id", "blocked_to", "blocked_from"],
        postgresql_where=sa.text("occupies"),
    )
    op.drop_index("external_busy_taken_idx", "external_busy")
    op.create_index("external_busy_taken_idx", "external_busy", ["organization_id", "ends_at", "starts_at"])
    _count_organizations()


def _count_organizations() -> None:
    op.execute(
        """
        CREATE FUNCTION count_up_taken() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO projection_versions AS v (organization_id, rules, taken)
            SELECT DISTINCT organization_id, 1, 1 FROM changed ORDER BY organization_id
            ON CONFLICT (organization_id) DO UPDATE SET taken = v.taken + 1;
            RETURN NULL;
        END $$
        """
    )
    for table in ("appointments", "external_busy"):
        for event, rows in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            op.execute(
                f"CREATE TRIGGER {table}_{event.lower()}_counts AFTER {event} ON {table} "
                f"REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_up_taken()"
            )
