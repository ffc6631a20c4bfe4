"""Whether a database could be spread over several servers by organization, as Citus spreads one by a column."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from sqlalchemy import event

from slotstream_servicekit.database import EVERY_TENANT, TENANT_SETTING, Database
from slotstream_servicekit.testing.databases import FreshDatabase

_KEYS: Final = """
SELECT c.relname AS "table", i.relname AS name,
       CASE WHEN x.indisprimary THEN 'primary key' WHEN x.indisexclusion THEN 'exclusion' ELSE 'unique' END AS kind,
       EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.oid AND a.attnum <= x.indnkeyatts
               AND a.attname = 'organization_id') AS carries
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
WHERE c.relnamespace = 'public'::regnamespace AND (x.indisunique OR x.indisexclusion)
UNION ALL
SELECT r.conrelid::regclass::text, r.conname, 'foreign key',
       EXISTS (SELECT FROM unnest(r.conkey, r.confkey) AS pair(ours, theirs)
               JOIN pg_attribute a ON a.attrelid = r.conrelid AND a.attnum = pair.ours
               JOIN pg_attribute b ON b.attrelid = r.confrelid AND b.attnum = pair.theirs
               WHERE a.attname = 'organization_id' AND b.attname = 'organization_id')
FROM pg_constraint r WHERE r.contype = 'f' AND r.connamespace = 'public'::regnamespace
UNION ALL
SELECT a.attrelid::regclass::text, a.attrelid::regclass || '.' || a.attname, 'counter', false
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
AND (a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%')
"""
_TABLES: Final = """
SELECT relname FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND NOT EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'organization_id' AND attnotnull AND NOT attisdropped)
"""
_ALL_TABLES: Final = """
SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
"""
_FUNCTIONS: Final = """
SELECT proname, prosrc FROM pg_proc p WHERE pronamespace = 'public'::regnamespace AND prokind IN ('f', 'p')
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
_ACTS_FOR_ALL: Final = re.compile(rf"set_config\('{re.escape(TENANT_SETTING)}', *'{re.escape(EVERY_TENANT)}'")
_NAMES_THE_ORGANIZATION: Final = re.compile(
    r"""
    \borganization_id \s* (?: = | IN \b | IS \s NOT \s DISTINCT \b)          # organization_id = …
    | = \s* (?: ANY \s* \( \s*)? (?: \w+ \. )? organization_id \b            # … = x.organization_id
    | \( [^()]* \b organization_id \b [^()]* \) \s* (?: = | IN \b )          # (organization_id, id) IN …
    | \b USING \s* \( [^()]* \b organization_id \b                           # JOIN … USING (organization_id, …)
    | \b INSERT \s+ INTO \s+ \S+ \s* (?: AS \s+ \w+ \s* )? \( [^()]* \b organization_id \b
    """,
    re.IGNORECASE | re.VERBOSE,
)


async def not_by_organization(fresh: FreshDatabase) -> frozenset[str]:
    """What keeps a migrated database on one server: tables without an organization as `table <name>`; of the others
    each key that lacks it and each counter, as `<kind> <name>`; functions that look at several organizations.
    """
    connection = await asyncpg.connect(fresh.owner_url.replace("+asyncpg", "", 1), timeout=10)
    try:
        without = {row["relname"] for row in await connection.fetch(_TABLES)}
        keys = [row for row in await connection.fetch(_KEYS) if row["table"] not in without and not row["carries"]]
        functions = await connection.fetch(_FUNCTIONS)
        tables = [row["relname"] for row in await connection.fetch(_ALL_TABLES)]
    finally:
        await connection.close()
    across = [
        row["proname"]
        for row in functions
        if _ACTS_FOR_ALL.search(row["prosrc"]) or not names_the_organization(row["prosrc"], tables)
    ]
    return frozenset(
        {
            *(f"table {name}" for name in without),
            *(f"{row['kind']} {row['name']}" for row in keys),
            *(f"function {name}" for name in across),
        }
    )


def names_the_organization(statement: str, tables: Collection[str]) -> bool:
    """Whether a statement compares or writes the organization, or reads none of `tables`."""
    read = re.findall(r"\b(?:FROM|JOIN|INTO|UPDATE|USING|ONLY)\s+(?:public\.)?(\w+)", statement, re.IGNORECASE)
    return not set(read).intersection(tables) or _NAMES_THE_ORGANIZATION.search(statement) is not None


@asynccontextmanager
async def each_names_the_organization(
    database: Database, *, tables: Collection[str], besides: Collection[str] = ()
) -> AsyncIterator[None]:
    """Fails at its end where a statement went through the pool that did not name the organization.

    `besides` are pieces of statements that may do without.
    """
    sent: set[str] = set()

    def connected(dbapi_connection: Any, _record: object) -> None:
        dbapi_connection.driver_connection.add_query_logger(lambda query: sent.add(query.query))

    def executing(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.add(statement)

    # The driver does not tell of what SQLAlchemy prepares, nor SQLAlchemy of what goes to the driver directly.
    listened: Mapping[str, Callable[..., None]] = {"connect": connected, "before_cursor_execute": executing}
    for name, listener in listened.items():
        event.listen(database.engine.sync_engine, name, listener)
    try:
        yield
    finally:
        for name, listener in listened.items():
            event.remove(database.engine.sync_engine, name, listener)
    # The driver tells of a statement in the loop's next turn.
    await asyncio.sleep(0)
    across = [
        statement
        for statement in sorted(sent)
        if not names_the_organization(statement, tables) and not any(piece in statement for piece in besides)
    ]
    if across:
        raise AssertionError("statements that do not name the organization: " + "; ".join(across))
