"""The database: migrations equal the models, and no tenant reaches another, whatever the statement."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from calendar_sync.storage import metadata
from slotstream_servicekit.migrations import differences_from_models

pytestmark = pytest.mark.service

TENANT_TABLES = [table.name for table in metadata.sorted_tables if "organization_id" in table.c]


async def test_the_migrations_equal_the_models(fresh_database: Callable[[str], Any]) -> None:
    engine = create_async_engine(fresh_database("calendar_sync").owner_url)
    async with engine.connect() as connection:
        differences = await connection.run_sync(differences_from_models, metadata)
    await engine.dispose()

    assert differences == []


async def test_every_tenant_table_is_isolated_by_force(fresh_database: Callable[[str], Any]) -> None:
    database = fresh_database("calendar_sync").database
    async with database.system_transaction() as session:
        isolated = await session.execute(
            text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
        )
        assert sorted(isolated.scalars()) == sorted(TENANT_TABLES)


async def test_the_applications_role_sees_and_writes_its_own_tenant_only(world: Any) -> None:
    await world.connect("https://example.com/a.ics")
    stranger = uuid4()

    async with world.database.transaction(stranger) as session:
        for table in TENANT_TABLES:
            assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0
        moved = await session.execute(text("UPDATE connections SET name = 'x' RETURNING id"))
        assert moved.all() == []
    with pytest.raises(DBAPIError, match="row-level security"):
        async with world.database.transaction(stranger) as session:
            await session.execute(
                text("INSERT INTO resources VALUES (:organization_id, :id, 'x', 'UTC', false, 1, now())"),
                {"organization_id": world.organization_id, "id": uuid4()},
            )
