"""A database is given to the next test only where nothing of the last one is left in it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest
import pytest_asyncio

from slotstream_servicekit.testing.databases import DatabaseForge
from slotstream_servicekit.testing.reuse import Original, settle

pytestmark = pytest.mark.service

TABLES = """
CREATE TABLE versions (name text);
INSERT INTO versions VALUES ('newest');
CREATE TABLE rooms (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE)
    WITH (autovacuum_enabled = false);
CREATE TABLE beds (room_id int REFERENCES rooms, width int) WITH (autovacuum_enabled = false);
CREATE TABLE history (words text) WITH (autovacuum_enabled = false);
CREATE SEQUENCE numbers;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'append only'; END $$;
CREATE TRIGGER append_only BEFORE TRUNCATE ON history FOR EACH STATEMENT EXECUTE FUNCTION refuse();
"""
"""Autovacuum is off: statistics that it wrote while a test runs would rightly keep the database from coming back."""

USED = """
INSERT INTO rooms (name) SELECT 'room ' || n FROM generate_series(1, 500) n;
INSERT INTO beds SELECT id, 90 FROM rooms;
INSERT INTO history VALUES ('opened');
DELETE FROM beds;
"""


@dataclass
class Used:
    """A database whose test is over."""

    forge: DatabaseForge
    name: str

    async def run(self, statements: str, *, name: str | None = None) -> None:
        async with self.forge._connected(name or self.name) as connection:
            await connection.execute(statements)

    def give_back(self) -> list[str]:
        """The databases that wait for the next test."""
        self.forge.give_back(self.name, "kit")
        return self.forge._spare["kit"]


@pytest_asyncio.fixture
async def used(postgres: str) -> AsyncIterator[Used]:
    forge = DatabaseForge(postgres)
    forge.make_roles("kit")
    fresh = forge.make("kit", migrated=False)
    made = Used(forge, fresh.name)
    await made.run(TABLES)
    async with forge._connected(fresh.name) as connection:
        await settle(connection)
        forge._originals[fresh.name] = await Original.read(connection)
    await made.run(USED)
    yield made
    await fresh.database.dispose()
    forge.close()


async def test_what_a_test_wrote_is_gone_and_the_rest_is_as_it_was(used: Used) -> None:
    [name] = used.give_back()
    async with used.forge._connected(name) as connection:
        for table in ("rooms", "beds", "history"):
            assert await connection.fetchval(f"SELECT pg_relation_size('{table}')") == 0
        assert await connection.fetchval("SELECT name FROM versions") == "newest"
        assert await connection.fetchval("INSERT INTO rooms (name) VALUES ('first') RETURNING id") == 1


async def test_a_connection_that_was_left_open_ends_and_its_database_is_not_found_again(used: Used) -> None:
    async with used.forge._connected(used.name) as left:
        await left.execute("SELECT pg_advisory_lock(7); BEGIN; LOCK TABLE rooms")
        [name] = used.give_back()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await left.execute("COMMIT")
    assert name != used.name
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await used.run("SELECT 1")
    async with used.forge._connected(name) as connection:
        assert await connection.fetchval("SELECT pg_try_advisory_lock(7)")


@pytest.mark.parametrize(
    "statements",
    [
        "UPDATE versions SET name = 'other'",
        "DELETE FROM versions",
        "SELECT nextval('numbers')",
        "ALTER TABLE rooms ADD COLUMN colour text",
        "DROP TABLE beds",
        "CREATE INDEX ON beds (width)",
        "CREATE TABLE gardens (name text)",
        "ALTER TABLE rooms ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY all_of_it ON rooms USING (true)",
        "ALTER TABLE history DISABLE TRIGGER append_only",
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "GRANT SELECT ON rooms TO kit_app",
        "ALTER TABLE rooms DROP CONSTRAINT rooms_name_key",
        "ANALYZE",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''1MB''', current_database()); END $$",
        "DO $$ BEGIN EXECUTE format('ALTER ROLE kit_app IN DATABASE %I SET jit = off', current_database()); END $$",
        "DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM public', current_database()); END $$",
    ],
)
async def test_a_database_in_which_more_than_rows_changed_is_not_given_out_again(used: Used, statements: str) -> None:
    await used.run(statements)
    assert used.give_back() == []
    assert used.forge._made == []


async def test_no_more_than_a_few_wait(used: Used) -> None:
    used.forge._spare["kit"].extend(["one", "two", "three"])
    assert used.give_back() == ["one", "two", "three"]
