"""The comparison of migrations with the code sees everything that a database holds, not tables alone."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from sqlalchemy import Column, Integer, MetaData, Table, Uuid
from sqlalchemy.ext.asyncio import create_async_engine

from slotstream_servicekit.schema import DatabaseSchema
from slotstream_servicekit.testing import schema as testing_schema
from slotstream_servicekit.testing.databases import DatabaseForge, FreshDatabase
from slotstream_servicekit.testing.schema import differences_from_code

pytestmark = pytest.mark.service

METADATA = MetaData()
Table(
    "rooms",
    METADATA,
    Column("organization_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("seats", Integer, nullable=False),
)
COUNT = "CREATE FUNCTION count_rooms() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM rooms $$"
TOUCH = """
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.seats := NEW.seats::int; RETURN NEW; END $$
"""
ON_ROOMS = "CREATE TRIGGER touched BEFORE UPDATE ON rooms FOR EACH ROW EXECUTE FUNCTION touch()"
SCHEMA = DatabaseSchema(service="kit", metadata=METADATA, tenant_tables=["rooms"], after=[COUNT, TOUCH, ON_ROOMS])


class Forge(DatabaseForge):
    """Stands in for a service whose migrations make exactly SCHEMA."""


@pytest_asyncio.fixture
async def forge(postgres: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DatabaseForge]:
    forge = Forge(postgres)
    forge.make_roles("kit")
    make = forge.make

    def make_unmigrated(service: str, *, migrated: bool = True) -> FreshDatabase:
        return make(service, migrated=False)

    async def described(forge: DatabaseForge, database: FreshDatabase, schema: DatabaseSchema | None = None) -> object:
        return await original(forge, database, schema or SCHEMA)

    original = testing_schema._described
    monkeypatch.setattr(forge, "make", make_unmigrated)
    monkeypatch.setattr(testing_schema, "_described", described)
    yield forge
    forge.close()


async def test_equal_databases_have_no_differences(forge: DatabaseForge) -> None:
    assert await differences_from_code(forge, SCHEMA) == []


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        (replace(SCHEMA, after=[COUNT.replace("count(*)", "count(id)"), TOUCH, ON_ROOMS]), "function count_rooms()"),
        (replace(SCHEMA, after=[COUNT, TOUCH]), "trigger rooms.touched"),
        (replace(SCHEMA, tenant_tables=[], shared_tables=["rooms"]), "policy rooms.tenant"),
        (replace(SCHEMA, after=[*SCHEMA.after, "REVOKE UPDATE ON rooms FROM kit_app"]), "table rooms"),
        (replace(SCHEMA, after=[*SCHEMA.after, "CREATE INDEX by_seats ON rooms (seats)"]), "index by_seats"),
        (replace(SCHEMA, before=["CREATE TYPE place AS (row int, seat int)"]), "column place.row"),
        (replace(SCHEMA, before=["CREATE EXTENSION pg_trgm"]), "extension pg_trgm"),
    ],
)
async def test_whatever_differs_is_named(forge: DatabaseForge, declared: DatabaseSchema, kind: str) -> None:
    differences = await differences_from_code(forge, declared)

    assert any(difference.startswith(f"{kind}:") for difference in differences)


async def test_a_statement_may_hold_colons(database_forge: DatabaseForge) -> None:
    database_forge.make_roles("kit")
    fresh = database_forge.make("kit", migrated=False)
    engine = create_async_engine(fresh.owner_url)

    async with engine.begin() as connection:
        await connection.run_sync(SCHEMA.create)
        touched = await connection.exec_driver_sql("SELECT prosrc FROM pg_proc WHERE proname = 'touch'")
        assert "NEW.seats := NEW.seats::int" in str(touched.scalar())

    await engine.dispose()
    database_forge.drop(fresh.name)
