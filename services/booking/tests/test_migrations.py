"""The migrations and the models say the same."""

from collections.abc import Callable
from typing import Any

import pytest

from booking.storage.tables import TENANT_TABLES, metadata
from slotstream_servicekit.database import Database
from slotstream_servicekit.migrations import differences_from_models

pytestmark = pytest.mark.service


async def test_the_migrations_equal_the_models(fresh_database: Callable[[str], Any]) -> None:
    fresh = fresh_database("booking")
    owner = Database.connect(fresh.owner_url, pool_size=1)
    async with owner.engine.connect() as connection:
        assert await connection.run_sync(differences_from_models, metadata) == []
    await owner.dispose()


async def test_every_table_with_an_organization_is_bound_to_its_tenant(fresh_database: Callable[[str], Any]) -> None:
    fresh = fresh_database("booking")
    async with fresh.database.connection() as connection:
        rows = await connection.fetch("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
    assert {row["relname"] for row in rows} == set(TENANT_TABLES)
