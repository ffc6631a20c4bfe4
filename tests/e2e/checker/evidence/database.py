"""Queries as the administrator, beyond row-level security, and as a service's own role."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from harness.platform import PASSWORD, Platform

from dashboard.storage.tables import schema as dashboard

OUR_SCHEMAS = "table_schema = 'public'"


async def query(platform: Platform, service: str, sql: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(platform.database_url(service))
    try:
        rows: list[asyncpg.Record] = await connection.fetch(sql, *arguments)
        return rows
    finally:
        await connection.close()


async def seen_as(platform: Platform, service: str, organization: UUID) -> frozenset[str]:
    """Whose rows a service's own role sees with one tenant set, in every table that has tenants.

    The dashboard's shared tables are left out: who signs in is known by a secret before the organization is.
    """
    address = platform.database_url(service).rpartition("@")[2]
    connection = await asyncpg.connect(f"postgresql://{service}_app:{PASSWORD}@{address}")
    try:
        await connection.execute("SELECT set_config('slotstream.organization', $1, false)", str(organization))
        tables = await connection.fetch(
            f"""
            SELECT table_name FROM information_schema.columns
            WHERE {OUR_SCHEMAS} AND column_name = 'organization_id' AND table_name <> ALL($1)
            """,
            list(dashboard.shared_tables) if service == dashboard.service else [],
        )
        seen: set[str] = set()
        for table in tables:
            rows = await connection.fetch(f'SELECT DISTINCT organization_id::text FROM "{table[0]}"')
            seen |= {row[0] for row in rows}
        return frozenset(seen)
    finally:
        await connection.close()


async def tables_of(platform: Platform, service: str) -> dict[str, Sequence[tuple[str, str]]]:
    """The columns of each table with their types."""
    rows = await query(
        platform,
        service,
        f"""
        SELECT table_name, column_name, data_type FROM information_schema.columns
        WHERE {OUR_SCHEMAS} ORDER BY table_name, ordinal_position
        """,
    )
    tables: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        tables.setdefault(row[0], []).append((row[1], row[2]))
    return dict(tables)
