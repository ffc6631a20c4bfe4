"""Taken time is kept by resource: right after every change, and read again only where something changed."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from availability.consumers import on_appointments
from availability.storage import occupancy
from availability.usecases import World
from slotstream_servicekit.ids import new_id

pytestmark = pytest.mark.service

MONDAY = (1780272000, 1780272000 + 86_400)
Loads = list[tuple[str, ...]]


def a_world(town: Any, clock: Any, entries: int = 10_000) -> World:
    """The reading side of one API process."""
    return World(
        database=town.fresh.database, clock=clock, answer_cache_bytes=1_000_000, occupancy_cache_entries=entries
    )


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    """The resources of every reading that went to the database."""
    seen: Loads = []
    load = occupancy.load_taken_time

    async def counted(database: Any, organization_id: Any, resource_ids: Any, *window: int) -> Any:
        seen.append(tuple(sorted(resource_ids)))
        return await load(database, organization_id, resource_ids, *window)

    monkeypatch.setattr(occupancy, "load_taken_time", counted)
    return seen


async def taken(world: World, town: Any, window: tuple[int, int] = MONDAY) -> dict[str, int]:
    """How many appointments and external events take the time of each."""
    found = await world.taken_time(town.organization, [str(town.anna), str(town.ben)], window)
    names = {str(town.anna): "anna", str(town.ben): "ben"}
    return {names[one]: len(time.taken) + len(time.busy) for one, time in found.items()}


async def counters(town: Any) -> tuple[int, int]:
    async with town.fresh.database.system_transaction() as session:
        row = (await session.execute(text("SELECT rules, taken FROM projection_versions"))).one()
    return row.rules, row.taken


async def test_after_an_event_only_the_resources_it_touched_are_read_again(town: Any, clock: Any, loads: Loads) -> None:
    world = a_world(town, clock)
    anna, ben = str(town.anna), str(town.ben)
    await taken(world, town)
    assert loads == [tuple(sorted((anna, ben)))]

    await town.appointments(town.an_appointment("2026-06-01T10:00+02:00", town.anna))
    assert await taken(world, town) == {"anna": 1, "ben": 0}
    await town.busy(town.an_external_event("2026-06-01T10:30+02:00", town.ben, "cal:1"))
    assert await taken(world, town) == {"anna": 1, "ben": 1}
    assert await taken(world, town) == {"anna": 1, "ben": 1}

    assert loads[1:] == [(anna,), (ben,)]


async def test_every_process_sees_what_the_others_saw(town: Any, clock: Any) -> None:
    worlds = [a_world(town, clock) for _ in range(3)]
    booked = town.an_appointment("2026-06-01T10:00+02:00", town.anna)
    gone = {"version": 3, "occupies": False, "status": "cancelled"}
    moved = {"version": 2, "resources": [booked.appointment.resources[0].model_copy(update={"id": town.ben})]}

    for change, expected in (({}, (1, 0)), (moved, (0, 1)), (gone, (0, 0))):
        state = booked.model_copy(update={"appointment": booked.appointment.model_copy(update=change)})
        await town.appointments(state)
        for world in worlds:
            assert tuple((await taken(world, town)).values()) == expected


async def test_an_external_event_that_moves_to_another_resource_frees_the_first(town: Any, clock: Any) -> None:
    world = a_world(town, clock)
    await town.busy(town.an_external_event("2026-06-01T10:00+02:00", town.anna, "cal:1"))
    assert await taken(world, town) == {"anna": 1, "ben": 0}

    await town.busy(town.an_external_event("2026-06-01T10:00+02:00", town.ben, "cal:1", version=2))
    assert await taken(world, town) == {"anna": 0, "ben": 1}
    await town.busy(town.a_tombstone("cal:1"))
    assert await taken(world, town) == {"anna": 0, "ben": 0}


async def test_what_was_read_before_a_change_is_not_kept_after_it(
    town: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = a_world(town, clock)
    load = occupancy.load_taken_time

    async def overtaken(*question: Any) -> Any:
        """The answer is on its way when the change is made and somebody else has noticed it."""
        found = await load(*question)
        monkeypatch.setattr(occupancy, "load_taken_time", load)
        await town.appointments(town.an_appointment("2026-06-01T10:00+02:00", town.anna))
        assert await taken(world, town) == {"anna": 1, "ben": 0}
        return found

    monkeypatch.setattr(occupancy, "load_taken_time", overtaken)
    await taken(world, town)

    assert await taken(world, town) == {"anna": 1, "ben": 0}


async def test_time_that_crosses_the_edges_of_what_is_read_at_once_counts_once(town: Any, clock: Any) -> None:
    edge = (MONDAY[0] // occupancy.BLOCK_SECONDS + 1) * occupancy.BLOCK_SECONDS
    start = datetime.fromtimestamp(edge, clock.now.tzinfo) - timedelta(minutes=30)
    long = start + timedelta(seconds=2 * occupancy.BLOCK_SECONDS)
    await town.appointments(town.an_appointment(start.isoformat(), town.anna))
    await town.busy(town.an_external_event(start.isoformat(), town.ben, "cal:1", ends_at=long))
    world = a_world(town, clock)

    for window in ((edge - 60, edge + 60), (edge, edge + 60), (edge - 60, edge), (edge - 86_400, edge + 2_000_000)):
        assert await taken(world, town, window) == {"anna": 1, "ben": 1}, window
    assert await taken(world, town, (edge + 3_000_000, edge + 3_000_060)) == {"anna": 0, "ben": 0}


async def test_a_replay_changes_nothing_and_invalidates_nothing(town: Any, clock: Any) -> None:
    booked = town.an_appointment("2026-06-01T10:00+02:00", town.anna, town.ben)
    external = town.an_external_event("2026-06-01T11:00+02:00", town.anna, "cal:1")
    await town.appointments(booked)
    await town.busy(external)
    before = await counters(town)

    await town.appointments(booked, booked)
    await town.busy(external)

    assert await counters(town) == before
    assert await taken(a_world(town, clock), town) == {"anna": 2, "ben": 1}


async def test_a_confirmation_takes_no_other_time_and_invalidates_nothing(town: Any) -> None:
    booked = town.an_appointment("2026-06-01T10:00+02:00", town.anna)
    await town.appointments(booked)
    before = await counters(town)

    confirmed = booked.appointment.model_copy(update={"status": "confirmed", "version": 2})
    await town.appointments(booked.model_copy(update={"appointment": confirmed}))

    assert await counters(town) == before


async def test_a_resource_named_twice_is_taken_once(town: Any, clock: Any) -> None:
    await town.appointments(town.an_appointment("2026-06-01T10:00+02:00", town.anna, town.anna))

    assert await taken(a_world(town, clock), town) == {"anna": 1, "ben": 0}


async def test_fractions_of_a_second_are_taken_as_whole_ones(town: Any, clock: Any) -> None:
    start = "2026-06-01T10:00:00.750+02:00"
    ends_at = datetime.fromisoformat("2026-06-01T11:00:00.250+02:00")
    await town.appointments(town.an_appointment(start, town.anna, ends_at=ends_at))
    await town.busy(town.an_external_event(start, town.anna, "cal:1", ends_at=ends_at))

    found = (await a_world(town, clock).taken_time(town.organization, [str(town.anna)], MONDAY))[str(town.anna)]

    ten = int(datetime.fromisoformat("2026-06-01T10:00:00+02:00").timestamp())
    assert [(one.blocked_from, one.blocked_to) for one in found.taken] == [(ten, ten + 3601)]
    assert [(one.start, one.end) for one in found.busy] == [(ten, ten + 3601)]


async def test_nothing_needs_to_be_kept(town: Any, clock: Any) -> None:
    world = a_world(town, clock, entries=0)
    for count in (1, 2):
        start = f"2026-06-01T{count:02}:00+02:00"
        await town.appointments(town.an_appointment(start, town.anna))
        assert await taken(world, town) == {"anna": count, "ben": 0}


async def test_one_organizations_taken_time_is_not_anothers(town: Any, clock: Any) -> None:
    await town.appointments(town.an_appointment("2026-06-01T10:00+02:00", town.anna))
    world = a_world(town, clock)

    found = await world.taken_time(new_id(), [str(town.anna)], MONDAY)

    assert [len(time.taken) for time in found.values()] == [0]


async def test_changes_show_while_answers_are_kept(
    open_client: httpx2.AsyncClient, town: Any, starts: Callable[[httpx2.Response], list[str]]
) -> None:
    query = {"service_id": str(town.service), "from": "2026-06-01", "to": "2026-06-02", "detail": "starts"}

    for hour, left in ((9, ["10:00", "11:00"]), (10, ["11:00"]), (11, [])):
        for one in (town.anna, town.ben):
            await town.appointments(town.an_appointment(f"2026-06-01T{hour:02}:00+02:00", one))
        for _ in range(2):
            assert starts(await open_client.get("/v1/slots", params=query)) == left


async def test_two_versions_applied_at_once_leave_what_the_newer_takes(town: Any, clock: Any) -> None:
    booked = town.an_appointment("2026-06-01T10:00+02:00", town.anna)
    cancelled = booked.appointment.model_copy(update={"status": "cancelled", "occupies": False, "version": 2})
    async with town.fresh.database.system_transaction() as session:
        await on_appointments(session, [town.heard(booked)])
        newer = asyncio.create_task(town.appointments(booked.model_copy(update={"appointment": cancelled})))
        await asyncio.sleep(0.2)
        assert not newer.done()
    await newer

    assert await taken(a_world(town, clock), town) == {"anna": 0, "ben": 0}


async def test_appointments_that_a_rebuild_sweeps_away_free_their_time(town: Any, clock: Any) -> None:
    world = a_world(town, clock)
    await town.appointments(*(town.an_appointment("2026-06-01T10:00+02:00", one) for one in (town.anna, town.ben)))
    assert await taken(world, town) == {"anna": 1, "ben": 1}

    async with town.fresh.database.system_transaction() as session:
        await session.execute(text("DELETE FROM appointments WHERE applied_at < clock_timestamp()"))

    assert await taken(world, town) == {"anna": 0, "ben": 0}


@pytest.mark.parametrize("scan", ["seqscan", "indexscan", "bitmapscan"])
async def test_the_tenant_is_set_before_rows_are_read_whatever_the_plan(town: Any, scan: str) -> None:
    await town.appointments(town.an_appointment("2026-06-01T10:00+02:00", town.anna))
    async with town.fresh.database.connection() as connection:
        await connection.execute("ANALYZE projection_versions, resource_versions, occupancy, external_busy")
        for one in {"seqscan", "indexscan", "bitmapscan", "indexonlyscan"} - {scan}:
            await connection.execute(f"SET enable_{one} = off")
    world = a_world(town, town.clock)

    assert (await world.versions(town.organization)).taken > 0
    assert await taken(world, town) == {"anna": 1, "ben": 0}
    changed = await occupancy.changed_resources(town.fresh.database, town.organization, since=0)
    assert changed == {str(town.anna)}


async def test_months_in_which_everybody_is_away_are_not_read(
    open_client: httpx2.AsyncClient, town: Any, loads: Loads
) -> None:
    leave = {"starts_at": "2026-05-01T00:00:00Z", "ends_at": "2026-11-02T09:30:00Z"}
    for one in (town.anna, town.ben):
        await open_client.post(f"/v1/resources/{one}/time-off", json=leave)

    answer = await open_client.get("/v1/slots/first", params={"service_id": str(town.service)})

    assert answer.json()["slot"]["starts_at"] == "2026-11-02T10:00:00Z"
    assert len(loads) == 1


async def test_a_year_that_is_booked_out_is_read_in_few_steps(
    open_client: httpx2.AsyncClient, town: Any, loads: Loads
) -> None:
    year = {"ends_at": datetime.fromisoformat("2027-05-20T00:00+02:00")}
    await town.appointments(
        *(town.an_appointment("2026-06-01T00:00+02:00", one, **year) for one in (town.anna, town.ben))
    )

    answer = await open_client.get("/v1/slots/first", params={"service_id": str(town.service)})

    assert answer.json()["slot"]["starts_at"] == "2027-05-20T07:00:00Z"
    assert len(loads) <= 12


@pytest.mark.parametrize("seed", range(3))
async def test_states_in_any_order_and_any_number_end_as_the_newest_say(town: Any, clock: Any, seed: int) -> None:
    chance = random.Random(seed)
    newest, heard = [], []
    for _ in range(6):
        identity = new_id()
        for version in range(1, 5):
            state = town.an_appointment(
                f"2026-06-01T{chance.randrange(24):02}:{chance.randrange(60):02}+02:00",
                *chance.sample((town.anna, town.ben), chance.choice((1, 1, 2))),
                id=identity,
                version=version,
                occupies=chance.random() < 0.7,
            )
            heard += [state] * chance.choice((1, 2))
        newest.append(state.appointment)
    chance.shuffle(heard)
    world = a_world(town, clock)

    while heard:
        size = chance.randrange(1, 6)
        await town.appointments(*heard[:size])
        heard = heard[size:]
        if chance.random() < 0.3:
            await taken(world, town)

    window = (MONDAY[0] - 86_400, MONDAY[1] + 86_400)
    for reader in (world, a_world(town, clock)):
        found = await reader.taken_time(town.organization, [str(town.anna), str(town.ben)], window)
        for one, time in found.items():
            assert {(each.id, each.starts_at) for each in time.taken} == {
                (str(each.id), int(each.starts_at.timestamp()))
                for each in newest
                if each.occupies and one in {str(resource.id) for resource in each.resources}
            }
