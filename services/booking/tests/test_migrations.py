"""The migrations make what the code declares."""

from collections.abc import Callable

import pytest

from booking.storage.tables import SCHEMA, TENANT_TABLES
from slotstream_servicekit.testing.databases import DatabaseForge, FreshDatabase
from slotstream_servicekit.testing.schema import differences_from_code

pytestmark = pytest.mark.service


async def test_the_migrations_make_what_the_code_declares(database_forge: DatabaseForge) -> None:
    assert await differences_from_code(database_forge, SCHEMA) == []


async def test_every_table_with_an_organization_is_bound_to_its_tenant(
    fresh_database: Callable[[str], FreshDatabase],
) -> None:
    fresh = fresh_database("booking")
    async with fresh.database.connection() as connection:
        rows = await connection.fetch("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
    assert {row["relname"] for row in rows} == set(TENANT_TABLES)
