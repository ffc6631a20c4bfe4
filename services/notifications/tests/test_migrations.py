"""What the migration makes is what the code declares."""

import pytest

from notifications.storage.tables import TENANT_TABLES, metadata, schema
from slotstream_servicekit.testing.databases import DatabaseForge
from slotstream_servicekit.testing.schema import differences_from_code


@pytest.mark.service
async def test_the_migration_equals_the_code(database_forge: DatabaseForge) -> None:
    assert await differences_from_code(database_forge, schema) == []


def test_every_table_with_an_organization_is_isolated() -> None:
    assert set(TENANT_TABLES) == {name for name, table in metadata.tables.items() if "organization_id" in table.c}
