"""The database as the code declares it: the tables, and the triggers that count changes.

Whoever changes a table counts its half of `projection_versions` up in the same transaction; for what takes time the
count is noted at each resource as well. Organizations are counted in one order, so that two batches cannot block each
other for ever.
"""

from collections.abc import Iterator
from typing import Final

from availability.storage.tables import metadata
from slotstream_servicekit.schema import DatabaseSchema

_RULES: Final = ("schedules", "businesses", "resources", "services")
_EVENTS: Final = {"insert": "NEW", "update": "NEW", "delete": "OLD"}
_COUNT_RULES: Final = """
CREATE FUNCTION count_up_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO projection_versions AS v (organization_id, rules, taken)
    SELECT DISTINCT organization_id, 1, 1 FROM changed ORDER BY organization_id
    ON CONFLICT (organization_id) DO UPDATE SET rules = v.rules + 1;
    RETURN NULL;
END $$
"""
_COUNT_TAKEN: Final = """
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
_TOUCHED: Final = "SELECT DISTINCT organization_id, resource_id FROM {rows}"
# What is only told of again touches nobody; what moves to another resource touches both.
_CHANGED_BUSY: Final = """
    SELECT DISTINCT organization_id, resource_id FROM (
        SELECT r.organization_id, r.resource_id FROM {rows} r JOIN {others} o USING (organization_id, key)
        WHERE (r.resource_id, r.starts_at, r.ends_at) IS DISTINCT FROM (o.resource_id, o.starts_at, o.ends_at)) AS c
"""
_HELD: Final = "SELECT DISTINCT organization_id, unnest(resource_ids) AS resource_id FROM {rows}"
_CHANGED_HOLDS: Final = """
    SELECT DISTINCT organization_id, unnest(resource_ids || other_ids) AS resource_id FROM (
        SELECT n.organization_id, n.resource_ids, o.resource_ids AS other_ids
        FROM new_rows n JOIN old_rows o USING (organization_id, id)
        WHERE (n.resource_ids, n.service_id, n.starts_at, n.ends_at, n.blocked_from, n.blocked_to, n.expires_at)
              IS DISTINCT FROM
              (o.resource_ids, o.service_id, o.starts_at, o.ends_at, o.blocked_from, o.blocked_to, o.expires_at)) AS c
"""
_TRANSITIONS: Final = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}


def _touched_by(table: str, event: str) -> str:
    if (table, event) == ("external_busy", "update"):
        return "{}    UNION{}".format(
            _CHANGED_BUSY.format(rows="new_rows", others="old_rows"),
            _CHANGED_BUSY.format(rows="old_rows", others="new_rows"),
        )
    if (table, event) == ("holds", "update"):
        return _CHANGED_HOLDS
    touched = _HELD if table == "holds" else _TOUCHED
    return touched.format(rows="old_rows" if event == "delete" else "new_rows")


def _counting() -> Iterator[str]:
    yield _COUNT_RULES
    for table in _RULES:
        for event, rows in _EVENTS.items():
            yield (
                f"CREATE TRIGGER {table}_{event}_counts AFTER {event} ON {table} REFERENCING {rows} TABLE AS changed "
                "FOR EACH STATEMENT EXECUTE FUNCTION count_up_rules()"
            )
    for table in ("occupancy", "holds", "external_busy"):
        for event, transition in _TRANSITIONS.items():
            yield _COUNT_TAKEN.format(table=table, event=event, touched=_touched_by(table, event))
            yield (
                f"CREATE TRIGGER {table}_{event}_counts AFTER {event} ON {table} REFERENCING {transition} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION count_{table}_{event}()"
            )


SCHEMA: Final = DatabaseSchema(
    service="availability", metadata=metadata, tenant_tables=tuple(metadata.tables), after=tuple(_counting())
)
