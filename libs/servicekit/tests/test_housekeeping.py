"""What has served its time is deleted, portion by portion, and one table's trouble is not another's."""

import asyncio
from uuid import UUID

import asyncpg
import pytest
from kit_world import World
from sqlalchemy import text

from slotstream_servicekit import housekeeping as module
from slotstream_servicekit.housekeeping import Sweep, delete_swept, housekeeping
from slotstream_servicekit.testing.plugin import until

pytestmark = pytest.mark.service

OLD = Sweep(table="notes", where="version < :oldest", parameters={"oldest": 100})


async def write_notes(world: World, versions: range) -> None:
    async with world.database.system_transaction() as session:
        await session.execute(
            text(
                "INSERT INTO notes (organization_id, id, version, words) "
                "SELECT CAST(:organization AS uuid), 'note ' || v, v, '' FROM unnest(CAST(:versions AS int[])) AS v"
            ),
            {"organization": UUID(int=1), "versions": list(versions)},
        )


async def count_notes(world: World) -> int:
    async with world.database.system_transaction() as session:
        return int(await session.scalar(text("SELECT count(*) FROM notes")) or 0)


async def housekeeping_once(world: World, sweeps: list[Sweep]) -> None:
    """One round: the task looks for its end only when there is nothing left to delete."""
    stop = asyncio.Event()
    task = asyncio.create_task(housekeeping(world.database, sweeps, every=3_600)(stop))

    async def swept() -> bool:
        return await count_notes(world) == 0

    await until(swept)
    stop.set()
    await task


async def test_a_sweep_takes_all_that_it_names_in_portions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 10)
    await write_notes(world, range(75, 150))

    deleted = await delete_swept(world.database, OLD)

    assert deleted == 25
    assert await count_notes(world) == 50


async def test_a_backlog_is_worked_off_at_once_and_never_in_one_long_transaction(world: World) -> None:
    await write_notes(world, range(-50_000, 100))
    owner = await asyncpg.connect(world.fresh.owner_url.replace("+asyncpg", ""))
    await owner.execute(
        """
        CREATE TABLE portions AS SELECT 0::bigint AS transaction, 0::bigint AS deleted WHERE false;
        GRANT INSERT ON portions TO PUBLIC;
        CREATE FUNCTION note_portion() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO portions SELECT pg_current_xact_id()::text::bigint, count(*) FROM gone;
            RETURN NULL;
        END $$;
        CREATE TRIGGER note_portion AFTER DELETE ON notes REFERENCING OLD TABLE AS gone
            FOR EACH STATEMENT EXECUTE FUNCTION note_portion();
        """
    )

    await housekeeping_once(world, [OLD])

    portions = await owner.fetch("SELECT sum(deleted) AS deleted FROM portions GROUP BY transaction")
    await owner.close()
    assert await count_notes(world) == 0
    assert sum(portion["deleted"] for portion in portions) == 50_100
    assert max(portion["deleted"] for portion in portions) == module.ROWS_AT_ONCE


async def test_a_table_that_cannot_be_swept_keeps_no_other_from_it(world: World) -> None:
    await write_notes(world, range(10))

    await housekeeping_once(world, [Sweep(table="no_such_table", where="true"), OLD])

    assert await count_notes(world) == 0
