"""Taken time is kept by resource: right after every change, and read again only where something changed."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from availability_town import Town, starts_of
from sqlalchemy import text

from availability.consumers import on_appointments
from availability.storage import AvailabilityReader, occupancy
from slotstream_servicekit.ids import new_id

pytestmark = pytest.mark.service

MONDAY = (1780272000, 1780272000 + 86_400)
Loads = list[tuple[str, ...]]


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


async def taken(reader: AvailabilityReader, town: Town, window: tuple[int, int] = MONDAY) -> dict[str, int]:
    """How many appointments and external events take the time of each."""
    times = await reader.taken_time(town.organization, [str(town.anna), str(town.ben)], window, now=0)
    names = {str(town.anna): "anna", str(town.ben): "ben"}
    return {names[resource_id]: len(time.taken) + len(time.busy) for resource_id, time in times.items()}


async def counters(town: Town) -> tuple[int, int]:
    async with town.fresh.database.system_transaction() as session:
        row = (await session.execute(text("SELECT rules, taken FROM projection_versions"))).one()
    return row.rules, row.taken


async def test_after_an_event_only_the_resources_it_touched_are_read_again(town: Town, loads: Loads) -> None:
    reader = town.a_reader()
    anna, ben = str(town.anna), str(town.ben)
    await taken(reader, town)
    assert loads == [tuple(sorted((anna, ben)))]

    await town.appointments(town.an_appointment("2026-06-01T10:00+02:00", town.anna))
    assert await taken(reader, town) == {"anna": 1, "ben": 0}
    await town.busy(town.an_external_event("2026-06-01T10:30+02:00", town.ben, "cal:1"))
    assert await taken(reader, town) == {"anna": 1, "ben": 1}
    assert await taken(reader, town) == {"anna": 1, "ben": 1}

    assert loads[1:] == [(anna,), (ben,)]


async def test_every_process_sees_what_the_others_saw(town: Town) -> None:
    readers = [town.a_reader() for _ in range(3)]
    booked = town.an_appointment("2026-06-01T10:00+02:00", town.anna)
    gone = {"version": 3, "occupies": False, "status": "cancelled"}
    moved = {"version": 2, "resources": [booked.appointment.resources[0].model_copy(update={"id": town.ben})]}

    for change, expected in (({}, (1, 0)), (moved, (0, 1)), (gone, (0, 0))):
        state = booked.model_copy(update={"appointment": booked.appointment.model_copy(update=change)})
        await town.appointments(state)
        for reader in readers:
            assert tuple((await taken(reader, town)).values()) == expected


async def test_an_external_event_that_moves_to_another_resource_frees_the_first(town: Town) -> None:
    reader = town.a_reader()
    await town.busy(town.an_external_event("2026-06-01T10:00+02:00", town.anna, "cal:1"))
    assert await taken(reader, town) == {"anna": 1, "ben": 0}

    await town.busy(town.an_external_event("2026-06-01T10:00+02:00", town.ben, "cal:1", version=2))
    assert await taken(reader, town) == {"anna": 0, "ben": 1}
    await town.busy(town.a_tombstone("cal:1"))
    assert await taken(reader, town) == {"anna": 0, "ben": 0}


async def test_what_was_read_before_a_change_is_not_kept_after_it(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = town.a_reader()
    load = occupancy.load_taken_time

    async def overtaken(*question: Any) -> Any:
        """The answer is on its way when the change is made and somebody else has noticed it."""
        found = await load(*question)
        monkeypatch.setattr(occupancy, "load_taken_time", load)
        await town.appointments(town.an_appointment("2026-06-01T10:00+02:00", town.anna))
        assert await taken(reader, town) == {"anna": 1, "ben": 0}
        return found

    monkeypatch.setattr(occupancy, "load_taken_time", overtaken)
    await taken(reader, town)

    assert await taken(reader, town) == {"anna": 1, "ben": 0}


async def test_time_that_crosses_the_edges_of_what_is_read_at_once_counts_once(town: Town) -> None:
    edge = (MONDAY[0] // occupancy.BLOCK_SECONDS + 1) * occupancy.BLOCK_SECONDS
    start = datetime.fromtimestamp(edge, UTC) - timedelta(minutes=30)
    long = start + timedelta(seconds=2 * occupancy.BLOCK_SECONDS)
    await town.appointments(town.an_appointment(start.isoformat(), town.anna))
    await town.busy(town.an_external_event(start.isoformat(), town.ben, "cal:1", ends_at=long))
    reader = town.a_reader()

    for window in ((edge - 60, edge + 60), (edge, edge + 60), (edge - 60, edge), (edge - 86_400, edge + 2_000_000)):
        assert await taken(reader, town, window) == {"anna": 1, "ben": 1}, window
    assert await taken(reader, town, (edge + 3_000_000, edge + 3_000_060)) == {"anna": 0, "ben": 0}


async def test_a_replay_changes_nothing_and_invalidates_nothing(town: Town) -> None:
    booked = town.an_appointment("2026-06-01T10:00+02:00", town.anna, town.ben)
    external = town.an_external_event("2026-06-01T11:00+02:00", town.anna, "cal:1")
    await town.appointments(booked)
    await town.busy(external)
    before = await counters(town)

    await town.appointments(booked, booked)
    await town.busy(external)

    assert await counters(town) == before
    assert await taken(town.a_reader(), town) == {"anna": 2, "ben": 1}


async def test_a_confirmation_takes_no_other_time_and_invalidates_nothing(town: Town) -> None:
    booked = town.an_appointment("2026-06-01T10:00+02:00", town.anna)
    await town.appointments(booked)
    before = await counters(town)

    confirmed = booked.appointment.model_copy(update={"status": "confirmed", "version": 2})
    await town.appointments(booked.model_copy(update={"appointment": confirmed}))

    assert await counters(town) == before


async def test_a_resource_named_twice_is_taken_once(town: Town) -> None:
    await town.appointments(town.an_appointment("2026-06-01T10:00+02:00", town.anna, town.anna))

    assert await taken(town.a_reader(), town) == {"anna": 1, "ben": 0}


async def test_fractions_of_a_second_are_taken_as_whole_ones(town: Town) -> None:
    start = "2026-06-01T10:00:00.750+02:00"
    ends_at = datetime.fromisoformat("2026-06-01T11:00:00.250+02:00")
    await town.appointments(town.an_appointment(start, town.anna, ends_at=ends_at))
    await town.busy(town.an_external_event(start, town.anna, "cal:1", ends_at=ends_at))

    found = (await town.a_reader().taken_time(town.organization, [str(town.anna)], MONDAY, now=0))[str(town.anna)]

    ten = int(datetime.fromisoformat("2026-06-01T10:00:00+02:00").timestamp())
    assert [(one.blocked_from, one.blocked_to) for one in found.taken] == [(ten, ten + 3601)]
    assert [(one.start, one.end) for one in found.busy] == [(ten, ten + 3601)]


async def test_nothing_needs_to_be_kept(town: Town) -> None:
    reader = town.a_reader(entries=0)
    for count in (1, 2):
        start = f"2026-06-01T{count:02}:00+02:00"
        await town.appointments(town.an_appointment(start, town.anna))
        assert await taken(reader, town) == {"anna": count, "ben": 0}


async def test_one_organizations_taken_time_is_not_anothers(town: Town) -> None:
    await town.appointments(town.an_appointment("2026-06-01T10:00+02:00", town.anna))
    reader = town.a_reader()

    found = await reader.taken_time(new_id(), [str(town.anna)], MONDAY, now=0)

    assert [len(time.taken) for time in found.values()] == [0]


async def test_changes_show_while_answers_are_kept(open_client: httpx2.AsyncClient, town: Town) -> None:
    query = {"service_id": str(town.service), "from": "2026-06-01", "to": "2026-06-02", "detail": "starts"}

    for hour, left in ((9, ["10:00", "11:00"]), (10, ["11:00"]), (11, [])):
        for one in (town.anna, town.ben):
            await town.appointments(town.an_appointment(f"2026-06-01T{hour:02}:00+02:00", one))
        for _ in range(2):
            assert starts_of(await open_client.get("/v1/slots", params=query)) == left


async def test_two_versions_applied_at_once_leave_what_the_newer_takes(town: Town) -> None:
    booked = town.an_appointment("2026-06-01T10:00+02:00", town.anna)
    cancelled = booked.appointment.model_copy(update={"status": "cancelled", "occupies": False, "version": 2})
    async with town.fresh.database.system_transaction() as session:
        await on_appointments(session, [town.record(booked)])
        newer = asyncio.create_task(town.appointments(booked.model_copy(update={"appointment": cancelled})))
        await asyncio.sleep(0.2)
        assert not newer.done()
    await newer

    assert await taken(town.a_reader(), town) == {"anna": 0, "ben": 0}


async def test_appointments_that_a_rebuild_sweeps_away_free_their_time(town: Town) -> None:
    reader = town.a_reader()
    await town.appointments(*(town.an_appointment("2026-06-01T10:00+02:00", one) for one in (town.anna, town.ben)))
    assert await taken(reader, town) == {"anna": 1, "ben": 1}

    async with town.fresh.database.system_transaction() as session:
        await session.execute(text("DELETE FROM appointments WHERE applied_at < clock_timestamp()"))

    assert await taken(reader, town) == {"anna": 0, "ben": 0}


@pytest.mark.parametrize("scan", ["seqscan", "indexscan", "bitmapscan"])
async def test_the_tenant_is_set_before_rows_are_read_whatever_the_plan(town: Town, scan: str) -> None:
    await town.appointments(town.an_appointment("2026-06-01T10:00+02:00", town.anna))
    async with town.fresh.database.connection() as connection:
        await connection.execute("ANALYZE projection_versions, resource_versions, occupancy, external_busy")
        for one in {"seqscan", "indexscan", "bitmapscan", "indexonlyscan"} - {scan}:
            await connection.execute(f"SET enable_{one} = off")
    reader = town.a_reader()

    assert (await reader.versions(town.organization)).taken > 0
    assert await taken(reader, town) == {"anna": 1, "ben": 0}
    changed = await occupancy.changed_resources(town.fresh.database, town.organization, since=0)
    assert changed == {str(town.anna)}


async def test_months_in_which_everybody_is_away_are_not_read(
    open_client: httpx2.AsyncClient, town: Town, loads: Loads
) -> None:
    leave = {"starts_at": "2026-05-01T00:00:00Z", "ends_at": "2026-11-02T09:30:00Z"}
    for one in (town.anna, town.ben):
        await open_client.post(f"/v1/resources/{one}/time-off", json=leave)

    answer = await open_client.get("/v1/slots/first", params={"service_id": str(town.service)})

    assert answer.json()["slot"]["starts_at"] == "2026-11-02T10:00:00Z"
    assert len(loads) == 1


async def test_a_year_that_is_booked_out_is_read_in_few_steps(
    open_client: httpx2.AsyncClient, town: Town, loads: Loads
) -> None:
    year = {"ends_at": datetime.fromisoformat("2027-05-20T00:00+02:00")}
    await town.appointments(
        *(town.an_appointment("2026-06-01T00:00+02:00", one, **year) for one in (town.anna, town.ben))
    )

    answer = await open_client.get("/v1/slots/first", params={"service_id": str(town.service)})

    assert answer.json()["slot"]["starts_at"] == "2027-05-20T07:00:00Z"
    assert len(loads) <= 12


@pytest.mark.parametrize("seed", range(3))
async def test_states_in_any_order_and_any_number_end_as_the_newest_say(town: Town, seed: int) -> None:
    chance = random.Random(seed)
    newest, states = [], []
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
            states += [state] * chance.choice((1, 2))
        newest.append(state.appointment)
    chance.shuffle(states)
    reader = town.a_reader()

    while states:
        size = chance.randrange(1, 6)
        await town.appointments(*states[:size])
        states = states[size:]
        if chance.random() < 0.3:
            await taken(reader, town)

    window = (MONDAY[0] - 86_400, MONDAY[1] + 86_400)
    for asked in (reader, town.a_reader()):
        times = await asked.taken_time(town.organization, [str(town.anna), str(town.ben)], window, now=0)
        for resource_id, time in times.items():
            assert {(taken.id, taken.starts_at) for taken in time.taken} == {
                (str(appointment.id), int(appointment.starts_at.timestamp()))
                for appointment in newest
                if appointment.occupies and resource_id in {str(resource.id) for resource in appointment.resources}
            }
