"""What has served its time is deleted, portion by portion, and one table's trouble is not another's."""

import asyncio
from uuid import UUID

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


async def test_a_sweep_takes_all_that_it_names_in_portions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 10)
    await write_notes(world, range(75, 150))

    deleted = await delete_swept(world.database, OLD)

    assert deleted == 25
    assert await count_notes(world) == 50


async def test_a_table_that_cannot_be_swept_keeps_no_other_from_it(world: World) -> None:
    await write_notes(world, range(10))
    stop = asyncio.Event()
    task = asyncio.create_task(
        housekeeping(world.database, [Sweep(table="no_such_table", where="true"), OLD], every=3_600)(stop)
    )

    async def swept() -> bool:
        return await count_notes(world) == 0

    await until(swept)
    stop.set()
    await task
