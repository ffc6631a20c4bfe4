"""Migrations: each revision by itself, never long in the way, and safe to start twice at once."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import asyncpg
import pytest
import pytest_asyncio
from alembic import command
from sqlalchemy.exc import DBAPIError

from slotstream_servicekit.health import CheckResult
from slotstream_servicekit.migrations import DEFAULT_LIMITS, alembic_config, upgrade
from slotstream_servicekit.revisions import SchemaTooOldError, needed_revisions, schema_check, schema_wait
from slotstream_servicekit.settings import DatabaseLimits
from slotstream_servicekit.testing.databases import DatabaseForge, FreshDatabase

pytestmark = pytest.mark.service

IMPATIENT = DatabaseLimits(statement_seconds=2, lock_seconds=1, idle_in_transaction_seconds=2)


@dataclass(frozen=True, slots=True)
class Migrations:
    """A folder of revisions and the empty database they are for."""

    folder: Path
    database: FreshDatabase

    def add(self, number: int, *statements: str) -> None:
        before = f"{number - 1:04}" if number > 1 else None
        body = "".join(f"    op.execute({statement!r})\n" for statement in statements)
        (self.folder / "versions" / f"{number:04}.py").write_text(
            dedent(
                f"""
                from alembic import op

                revision = "{number:04}"
                down_revision = {before!r}


                def upgrade():
                """
            )
            + body
        )

    async def run(self, *, limits: DatabaseLimits = DEFAULT_LIMITS) -> None:
        await asyncio.to_thread(upgrade, self.folder, self.database.owner_url, limits=limits)

    async def connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(self.database.owner_url.replace("+asyncpg", ""))

    async def tables(self) -> set[str]:
        connection = await self.connect()
        try:
            rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        finally:
            await connection.close()
        return {row["tablename"] for row in rows} - {"alembic_version"}


@pytest_asyncio.fixture
async def migrations(database_forge: DatabaseForge, tmp_path: Path) -> AsyncIterator[Migrations]:
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(
        "from sqlalchemy import MetaData\nfrom slotstream_servicekit.migrations import run_env\n\nrun_env(MetaData())\n"
    )
    database_forge.make_roles("kit")
    fresh = database_forge.make("kit", migrated=False)
    yield Migrations(tmp_path, fresh)
    await fresh.database.dispose()
    database_forge.drop(fresh.name)


async def test_a_revision_that_fails_leaves_those_before_it_applied(migrations: Migrations) -> None:
    migrations.add(1, "CREATE TABLE rooms (id int)")
    migrations.add(2, "CREATE TABLE halves (id int)", "SELECT no_such_function()")

    with pytest.raises(DBAPIError):
        await migrations.run()

    assert await migrations.tables() == {"rooms"}


async def test_a_revision_gives_up_where_a_table_is_locked_for_long(migrations: Migrations) -> None:
    migrations.add(1, "CREATE TABLE rooms (id int)")
    await migrations.run()
    migrations.add(2, "ALTER TABLE rooms ADD COLUMN name text")
    other = await migrations.connect()

    async with other.transaction():
        await other.execute("LOCK TABLE rooms IN ACCESS SHARE MODE")
        with pytest.raises(DBAPIError, match="lock timeout"):
            await migrations.run(limits=IMPATIENT)
    await other.close()

    await migrations.run()


async def test_a_revision_that_takes_too_long_is_ended_by_the_server(migrations: Migrations) -> None:
    migrations.add(1, "SELECT pg_sleep(30)")

    with pytest.raises(DBAPIError, match="statement timeout"):
        await migrations.run(limits=IMPATIENT)


async def test_who_names_no_limits_has_some(migrations: Migrations) -> None:
    settings = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    shown = ", ".join(f"current_setting('{setting}') AS {setting}" for setting in settings)
    migrations.add(1, f"CREATE TABLE limits AS SELECT {shown}")
    await migrations.run()
    connection = await migrations.connect()

    row = await connection.fetchrow("SELECT * FROM limits")
    await connection.close()

    assert tuple(row) == ("1h", "5s", "2min")


async def test_two_that_migrate_at_once_apply_each_revision_once(migrations: Migrations) -> None:
    for number in range(1, 5):
        migrations.add(number, f"CREATE TABLE room_{number} (id int)", "SELECT pg_sleep(0.05)")

    process = [
        (
            "import sys; from pathlib import Path; from slotstream_servicekit.migrations import upgrade; "
            "upgrade(Path(sys.argv[1]), sys.argv[2])"
        ),
        str(migrations.folder),
        migrations.database.owner_url,
    ]
    running = [await asyncio.create_subprocess_exec(sys.executable, "-c", *process) for _ in range(2)]

    assert [await each.wait() for each in running] == [0, 0]
    assert await migrations.tables() == {f"room_{number}" for number in range(1, 5)}


async def test_a_service_tells_that_its_database_is_behind_and_is_ready_once_it_is_not(
    migrations: Migrations,
) -> None:
    migrations.add(1, "CREATE TABLE rooms (id int)")
    migrations.add(2, "ALTER TABLE rooms ADD COLUMN name text")
    revisions = needed_revisions(migrations.folder)
    url = migrations.database.app_url
    ready = schema_check(url, revisions)

    before = await ready()
    await asyncio.to_thread(upgrade_to, migrations, "0001")
    behind = await ready()
    await migrations.run()
    after = await ready()
    of_an_older_version = await schema_check(url, revisions[:1])()

    assert revisions == ["0001", "0002"]
    assert (before.ok, "at revision none; this version needs 0002" in before.detail) == (False, True)
    assert (behind.ok, "at revision 0001; this version needs 0002" in behind.detail) == (False, True)
    assert after.ok
    assert of_an_older_version.ok


@pytest.mark.parametrize("away", [ConnectionRefusedError, asyncpg.InternalClientError])
async def test_a_process_ends_when_nobody_has_migrated_for_long_enough(away: type[Exception]) -> None:
    answers = iter(["away", "old", "away", "old", "old"])
    instants = iter([0.0, 0.0, 59.0, 60.0])

    async def check() -> CheckResult:
        if next(answers) == "away":
            raise away
        return CheckResult(ok=False, detail="the database is at revision 0001; this version needs 0002")

    wait = schema_wait(check, seconds=60, every=0, clock=lambda: next(instants))
    with pytest.raises(SchemaTooOldError, match="at revision 0001; this version needs 0002") as caught:
        await wait(asyncio.Event())
    assert caught.value.exit_code == 4
    assert list(answers) == []


async def test_a_process_goes_on_once_its_database_is_migrated() -> None:
    stop, migrated = asyncio.Event(), asyncio.Event()
    answers = iter([False, True])

    async def check() -> CheckResult:
        result = CheckResult(ok=next(answers))
        if result.ok:
            migrated.set()
        return result

    waiting = asyncio.ensure_future(schema_wait(check, seconds=60, every=0)(stop))
    await migrated.wait()
    assert not waiting.done()
    stop.set()
    await waiting


def upgrade_to(migrations: Migrations, revision: str) -> None:
    command.upgrade(alembic_config(migrations.folder, migrations.database.owner_url), revision)
