"""States of others are kept by version, set by set, whatever order and however often they come."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from kit_world import NOTES, ORGANIZATION, OTHER_ORGANIZATION, World
from sqlalchemy import ARRAY, Column, DateTime, Integer, MetaData, Table, Text, Uuid, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import create_async_engine

from slotstream_servicekit.consumer import Received
from slotstream_servicekit.projections import VersionedTable, newest_by_key, wait_until

pytestmark = pytest.mark.service

ROOM = UUID(int=7)
METADATA = MetaData()
ROOMS = Table(
    "rooms",
    METADATA,
    Column("organization_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False),
    Column("opens_at", DateTime(timezone=True)),
    Column("layout", JSONB),
    Column("version", Integer, nullable=False),
    Column("applied_at", DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    organization_id: UUID = ORGANIZATION
    id: UUID = ROOM
    name: str = "Room"
    tags: frozenset[str] = frozenset()
    opens_at: datetime | None = None
    layout: dict[str, Any] | None = None
    version: int = 1


@pytest_asyncio.fixture
async def rooms(world: World) -> AsyncIterator[VersionedTable]:
    engine = create_async_engine(world.fresh.owner_url)
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
        await connection.exec_driver_sql("GRANT ALL ON rooms TO kit_app")
    await engine.dispose()
    yield VersionedTable(ROOMS)


async def stored(world: World) -> list[Any]:
    async with world.database.system_transaction() as session:
        return list((await session.execute(select(ROOMS).order_by(ROOMS.c.organization_id))).all())


async def put(world: World, table: VersionedTable, *rows: object) -> set[tuple[Any, ...]]:
    async with world.database.system_transaction() as session:
        return await table.put(session, rows)


async def test_a_row_comes_back_as_it_was_put(world: World, rooms: VersionedTable) -> None:
    opens_at = datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    room = Room(tags=frozenset({"quiet", "big"}), opens_at=opens_at, layout={"seats": [1, 2]})

    await put(world, rooms, room)

    [row] = await stored(world)
    assert (row.name, row.tags, row.opens_at, row.layout) == ("Room", ["big", "quiet"], opens_at, {"seats": [1, 2]})


async def test_an_older_version_changes_nothing(world: World, rooms: VersionedTable) -> None:
    await put(world, rooms, Room(name="new", version=3))

    written = await put(world, rooms, Room(name="old", version=2))

    assert written == set()
    assert [row.name for row in await stored(world)] == ["new"]


async def test_the_newest_of_a_batch_is_kept_whatever_its_place(world: World, rooms: VersionedTable) -> None:
    written = await put(world, rooms, Room(name="second", version=2), Room(name="third", version=3), Room(version=1))

    assert written == {(ORGANIZATION, ROOM)}
    assert [row.name for row in await stored(world)] == ["third"]


async def test_an_equal_version_renews_the_time_it_was_applied(world: World, rooms: VersionedTable) -> None:
    await put(world, rooms, Room())
    [before] = await stored(world)

    await put(world, rooms, Room())

    [after] = await stored(world)
    assert after.applied_at > before.applied_at


async def test_one_id_in_two_organizations_is_two_rows(world: World, rooms: VersionedTable) -> None:
    await put(world, rooms, Room(name="mine"), Room(name="theirs", organization_id=OTHER_ORGANIZATION, version=9))

    assert [row.name for row in await stored(world)] == ["mine", "theirs"]


async def test_forgetting_names_only_what_there_was(world: World, rooms: VersionedTable) -> None:
    await put(world, rooms, Room())
    known, unknown = (ORGANIZATION, ROOM), (OTHER_ORGANIZATION, ROOM)

    async with world.database.system_transaction() as session:
        gone = await rooms.forget(session, {known: None, unknown: None})

    assert gone == {known}
    assert await stored(world) == []


async def test_a_tombstone_removes_what_is_older_and_nothing_newer(world: World, rooms: VersionedTable) -> None:
    mine, theirs = (ORGANIZATION, ROOM), (OTHER_ORGANIZATION, ROOM)
    await put(world, rooms, Room(version=3), Room(version=4, organization_id=OTHER_ORGANIZATION))

    async with world.database.system_transaction() as session:
        gone = await rooms.forget(session, {mine: 3, theirs: 3})

    assert gone == {mine}
    assert [row.organization_id for row in await stored(world)] == [OTHER_ORGANIZATION]


async def test_two_batches_in_opposite_orders_do_not_wait_for_each_other(world: World, rooms: VersionedTable) -> None:
    many = [Room(id=UUID(int=number)) for number in range(1, 200)]

    await asyncio.gather(*(put(world, rooms, *(many if turn % 2 else many[::-1])) for turn in range(6)))

    assert len(await stored(world)) == len(many)


def test_the_last_record_of_each_key_counts_tombstones_included() -> None:
    def record(key: str, event: str | None, offset: int) -> Received[str]:
        return Received(
            event=event, key=key, topic="t", partition=0, offset=offset, timestamp=datetime(2027, 1, 1, tzinfo=UTC)
        )

    newest = newest_by_key([record("a", "first", 0), record("b", "only", 1), record("a", None, 2)])

    assert {key: received.event for key, received in newest.items()} == {"a": None, "b": "only"}


async def test_waiting_ends_as_soon_as_it_is_known() -> None:
    answers = iter([False, False, True])

    async def is_known() -> bool:
        return next(answers)

    await wait_until(is_known, within=timedelta(hours=1))

    assert list(answers) == []


async def test_waiting_ends_without_an_answer_when_the_time_is_over() -> None:
    asked = 0

    async def is_known() -> bool:
        nonlocal asked
        asked += 1
        return False

    await wait_until(is_known, within=timedelta())

    assert asked == 1


def test_a_row_is_a_dataclass_or_a_mapping() -> None:
    table = VersionedTable(NOTES)

    with pytest.raises(TypeError, match="dataclass"):
        asyncio.run(table.put(None, ["no row"]))  # type: ignore[arg-type]
