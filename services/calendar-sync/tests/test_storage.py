"""The database: migrations equal the models, and no tenant reaches another, whatever the statement."""

from uuid import uuid4

import pytest
from calendar_tenant import Tenant
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from calendar_sync.storage import schema
from slotstream_servicekit.testing.databases import DatabaseForge
from slotstream_servicekit.testing.plugin import FreshDatabaseFactory
from slotstream_servicekit.testing.schema import differences_from_code

pytestmark = pytest.mark.service


async def test_the_migrations_make_what_the_code_declares(database_forge: DatabaseForge) -> None:
    assert await differences_from_code(database_forge, schema) == []


async def test_every_tenant_table_is_isolated_by_force(fresh_database: FreshDatabaseFactory) -> None:
    database = fresh_database("calendar_sync").database
    async with database.system_transaction() as session:
        isolated = await session.execute(
            text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
        )
        assert sorted(isolated.scalars()) == sorted(schema.tenant_tables)


async def test_the_applications_role_sees_and_writes_its_own_tenant_only(tenant: Tenant) -> None:
    await tenant.connect("https://example.com/a.ics")
    stranger = uuid4()

    async with tenant.database.transaction(stranger) as session:
        for table in schema.tenant_tables:
            assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0
        moved = await session.execute(text("UPDATE connections SET name = 'x' RETURNING id"))
        assert moved.all() == []
    with pytest.raises(DBAPIError, match="row-level security"):
        async with tenant.database.transaction(stranger) as session:
            await session.execute(
                text("INSERT INTO resources VALUES (:organization_id, :id, 'x', 'UTC', '{}', false, 1, now())"),
                {"organization_id": tenant.organization_id, "id": uuid4()},
            )
