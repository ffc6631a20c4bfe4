"""The database: migrations equal the models, and no tenant reaches another, whatever the statement."""

import pytest
from dashboard_tenant import Tenant, fresh_organization
from sqlalchemy import text

from dashboard.storage import NO_ORGANIZATION, schema
from slotstream_servicekit.testing.databases import DatabaseForge
from slotstream_servicekit.testing.plugin import FreshDatabaseFactory
from slotstream_servicekit.testing.schema import differences_from_code

pytestmark = pytest.mark.service


async def test_the_migrations_make_what_the_code_declares(database_forge: DatabaseForge) -> None:
    assert await differences_from_code(database_forge, schema) == []


async def test_every_tenant_table_is_isolated_by_force(fresh_database: FreshDatabaseFactory) -> None:
    database = fresh_database("dashboard").database
    async with database.system_transaction() as session:
        isolated = await session.execute(
            text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
        )
        assert sorted(isolated.scalars()) == sorted(schema.tenant_tables)


async def test_neither_another_tenant_nor_nobody_sees_a_tenants_rows(tenant: Tenant) -> None:
    async with tenant.database.transaction(tenant.organization_id) as session:
        assert (await session.execute(text("SELECT count(*) FROM users"))).scalar_one() == 1
    for organization_id in (fresh_organization(), NO_ORGANIZATION):
        async with tenant.database.transaction(organization_id) as session:
            for table in schema.tenant_tables:
                assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0


async def test_no_secret_is_stored_in_the_clear(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    client = (await tenant.api().post("/v1/api-clients", json={"name": "POS", "role": "agent"})).json()
    _, mail = await tenant.invited("ada@example.com")
    secrets = [str(browser.cookie), client["client_secret"], mail.link.split("/")[2].partition("?")[0]]

    async with tenant.database.system_transaction() as session:
        for table in schema.metadata.sorted_tables:
            rows = await session.execute(text(f"SELECT row_to_json({table.name})::text FROM {table.name}"))
            stored = "\n".join(rows.scalars())
            for secret in secrets:
                assert secret not in stored, table.name
                assert secret.encode().hex() not in stored, table.name
