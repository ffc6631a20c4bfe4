"""A test's database made as new for the next test, which costs less than another copy and its end.

What a test did to rows is undone; a database whose tables, rights, functions, statistics or settings it touched is
not given out again. Statistics count: with those of an earlier test's rows a later test would see other plans.
"""

from typing import Any, Final

import asyncpg

_CATALOGUES: Final = (
    *("pg_attrdef", "pg_attribute", "pg_cast", "pg_collation", "pg_constraint", "pg_default_acl", "pg_enum"),
    *("pg_event_trigger", "pg_extension", "pg_index", "pg_inherits", "pg_largeobject_metadata", "pg_operator"),
    *("pg_policy", "pg_proc", "pg_publication", "pg_rewrite", "pg_sequence", "pg_statistic", "pg_statistic_ext"),
    *("pg_subscription", "pg_trigger", "pg_ts_config", "pg_type"),
)
"""Where each change leaves a younger row. TRUNCATE changes none of them."""

_OWN_TABLES: Final = "relkind = 'r' AND oid >= 16384 AND relnamespace::regnamespace::text !~ '^pg_'"

_YOUNGEST: Final = " UNION ALL ".join(
    f"SELECT format('{name} %s %s', count(*), sum(xmin::text::bigint)) FROM {name}" for name in _CATALOGUES
)

_DEFINITIONS: Final = f"""
SELECT md5(string_agg(part, '|' ORDER BY part)) FROM (
    {_YOUNGEST}
    UNION ALL SELECT (oid, relname, relowner, relkind, relpersistence, relrowsecurity, relforcerowsecurity, relacl,
        reloptions, relhastriggers, relhasrules, relpages, reltuples)::text
        FROM pg_class WHERE oid >= 16384 AND relpersistence <> 't'
    UNION ALL SELECT (oid, nspname, nspacl)::text FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'
    UNION ALL SELECT (oid, pg_sequence_last_value(oid))::text FROM pg_class WHERE relkind = 'S'
    UNION ALL SELECT (datdba, datacl, datconnlimit, datallowconn)::text
        FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT (setrole, setconfig)::text FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS parts (part)"""

_TABLES: Final = f"SELECT oid::regclass::text FROM pg_class WHERE {_OWN_TABLES}"
_WRITTEN: Final = f"{_TABLES} AND pg_relation_size(oid) > 0"
"""Tables that hold rows or once did: their order on disk and their pages are to be as new, too."""

_END_OTHERS: Final = """
SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"""


class TouchedError(Exception):
    """More than rows has changed since the database was made."""


class Original:
    """What a database was when it was made: its definitions, and the rows that its migrations wrote."""

    def __init__(self, definitions: str, rows: dict[str, str]) -> None:
        self._definitions = definitions
        self._rows = rows

    @classmethod
    async def read(cls, connection: asyncpg.Connection) -> "Original":
        return cls(await connection.fetchval(_DEFINITIONS), await _rows(connection))

    async def restore(self, connection: asyncpg.Connection) -> None:
        """Empty what was empty; TouchedError where that does not make it as it was."""
        written = [record[0] for record in await connection.fetch(_WRITTEN)]
        await _empty(connection, [name for name in written if name not in self._rows])
        await connection.execute("SELECT pg_stat_reset()")
        if (await connection.fetchval(_DEFINITIONS), await _rows(connection)) != (self._definitions, self._rows):
            raise TouchedError


async def settle(connection: asyncpg.Connection) -> None:
    """For a template: TRUNCATE tells the planner less of an empty index than its making did, and so do all copies."""
    rows = await _rows(connection)
    tables = [record[0] for record in await connection.fetch(_TABLES)]
    await _empty(connection, [name for name in tables if name not in rows])
    if await _rows(connection) != rows:
        raise TouchedError


async def end_other_connections(connection: asyncpg.Connection, database: str) -> None:
    """Returns when they have ended, and with them their locks."""
    await connection.fetchval(_END_OTHERS, database)


async def _empty(connection: asyncpg.Connection, tables: list[str]) -> None:
    if tables:
        await connection.execute(
            "SET session_replication_role = replica; SET lock_timeout = '10s';"
            f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE"
        )


async def _rows(connection: asyncpg.Connection) -> dict[str, str]:
    """A digest of what each table that is not empty holds."""
    digests: dict[str, Any] = {}
    for record in await connection.fetch(_WRITTEN):
        query = f"SELECT md5(string_agg(content::text, '' ORDER BY content::text)) FROM {record[0]} AS content"
        digests[record[0]] = await connection.fetchval(query)
    return digests
