"""What migrations make is what the code declares."""

from imports.storage.tables import schema
from slotstream_servicekit.testing.databases import DatabaseForge
from slotstream_servicekit.testing.schema import differences_from_code


async def test_the_migrations_make_what_the_code_declares(database_forge: DatabaseForge) -> None:
    assert await differences_from_code(database_forge, schema) == []
