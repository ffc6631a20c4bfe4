import pytest

from availability.storage import SCHEMA
from slotstream_servicekit.testing.databases import DatabaseForge
from slotstream_servicekit.testing.schema import differences_from_code

pytestmark = pytest.mark.service


async def test_the_migration_equals_the_code(database_forge: DatabaseForge) -> None:
    assert await differences_from_code(database_forge, SCHEMA) == []


def test_every_table_belongs_to_a_tenant() -> None:
    assert all("organization_id" in table.columns for table in SCHEMA.metadata.tables.values())
