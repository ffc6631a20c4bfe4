import pytest
from sqlalchemy import text

from availability.storage import metadata
from slotstream_servicekit.migrations import differences_from_models
from slotstream_servicekit.testing.plugin import FreshDatabaseFactory

pytestmark = pytest.mark.service


async def test_the_migrations_equal_the_models(fresh_database: FreshDatabaseFactory) -> None:
    fresh = fresh_database("availability")

    async with fresh.database.engine.connect() as connection:
        assert await connection.run_sync(differences_from_models, metadata) == []


async def test_every_table_of_a_tenant_is_isolated_by_force(fresh_database: FreshDatabaseFactory) -> None:
    fresh = fresh_database("availability")
    query = text(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' "
        "WHERE c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
    )

    async with fresh.database.system_transaction() as session:
        assert (await session.execute(query)).scalars().all() == []
