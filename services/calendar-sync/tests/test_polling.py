"""Which calendars are read next, by whom: nobody waits for somebody else's, and no reading overwrites a newer one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from calendar_tenant import NOW, IcsServer, Tenant, an_event
from sqlalchemy import text

from calendar_sync.domain import BusyInstance, ConnectionKind, Expansion, Reading, Unchanged, Window
from calendar_sync.storage import DUE_CHANNEL
from calendar_sync.usecases.reading import DueConnections, claim_due_connections
from slotstream_servicekit.notify import Listener

pytestmark = pytest.mark.service

Until = Callable[..., Awaitable[Any]]


class _ReaderByAddress:
    """Gives each address what the test says; an exception is raised."""

    def __init__(self, readings: dict[str, Reading | Exception | asyncio.Event]) -> None:
        self.readings = readings
        self.begun: list[str] = []
        self.finished: list[str] = []

    async def read(self, *, secret: str, cursor: Mapping[str, str], zone: str, window: Window) -> Reading | Unchanged:
        self.begun.append(secret)
        reading = self.readings[secret]
        if isinstance(reading, Exception):
            raise reading
        if isinstance(reading, asyncio.Event):
            await reading.wait()
            reading = a_reading()
        self.finished.append(secret)
        return reading


def a_reading(uid: str = "a") -> Reading:
    instance = BusyInstance(
        uid=uid, recurrence="", starts_at=NOW + timedelta(days=1), ends_at=NOW + timedelta(days=1, hours=1)
    )
    expansion = Expansion(instances=(instance,), warnings={}, unreadable_uids=frozenset(), events=1)
    return Reading(expansion=expansion, cursor={})


async def test_what_cannot_be_stored_or_read_is_recorded_on_its_own_connection_and_backs_off(tenant: Tenant) -> None:
    bad, crashing, good = (f"https://example.com/{name}.ics" for name in ("bad", "crashing", "good"))
    reader = _ReaderByAddress({bad: a_reading("\x00"), crashing: RuntimeError("boom"), good: a_reading()})
    poller = replace(tenant.poller, readers={ConnectionKind.ICS: reader})
    ids = [(await tenant.connect(url))["id"] for url in (bad, crashing, good)]

    assert await poller.poll_once() == 3

    states = [await tenant.connection(connection_id) for connection_id in ids]
    assert [state["state"] for state in states] == ["failing", "failing", "ok"]
    assert [(state["last_error"] or {}).get("code") for state in states] == ["internal_error", "internal_error", None]
    assert states[0]["next_attempt_at"] > states[2]["next_attempt_at"]


async def test_a_slow_calendar_keeps_no_other_waiting(tenant: Tenant, until: Until) -> None:
    slow = asyncio.Event()
    urls = [f"https://example.com/{number}.ics" for number in range(6)]
    reader = _ReaderByAddress({urls[0]: slow, **{url: a_reading() for url in urls[1:]}})
    poller = replace(
        tenant.poller, readers={ConnectionKind.ICS: reader}, concurrency=2, every=timedelta(milliseconds=10)
    )
    for url in urls:
        await tenant.connect(url)
    stop = asyncio.Event()
    running = asyncio.create_task(poller.run(stop))

    await until(lambda: len(reader.finished) == 5, what="all but the slow calendar are read")
    slow.set()
    await until(lambda: len(reader.finished) == 6, what="the slow calendar is read")
    stop.set()
    await running


async def connect_for_another_tenant(tenant: Tenant, url: str) -> None:
    await tenant.know_resource(organization_id=tenant.stranger_id)
    body = {"kind": "ics", "resource_id": str(tenant.resource_id), "url": url}
    assert (await tenant.stranger.post("/v1/connections", json=body)).status_code == 201


async def test_a_tenant_with_many_slow_calendars_delays_nobody_else(tenant: Tenant, until: Until) -> None:
    slow = asyncio.Event()
    addresses = [f"https://slow.example/{number}.ics" for number in range(40)]
    quick = "https://quick.example/a.ics"
    reader = _ReaderByAddress({**dict.fromkeys(addresses, slow), quick: a_reading()})
    poller = replace(
        tenant.poller, readers={ConnectionKind.ICS: reader}, concurrency=4, most_per_tenant=2, every=timedelta(hours=1)
    )
    for address in addresses:
        await tenant.connect(address)
    stop = asyncio.Event()
    running = asyncio.create_task(poller.run(stop))
    await until(lambda: len(reader.begun) == 2, what="the slow calendars take their share")

    await connect_for_another_tenant(tenant, quick)
    poller.wake.set()

    await until(lambda: reader.finished == [quick], what="the other tenant's calendar is read meanwhile")
    assert len(reader.begun) == 3
    slow.set()
    await until(lambda: len(reader.finished) == 41, what="the slow ones are read, each as soon as another is done")
    stop.set()
    await running


async def test_tenants_take_turns_however_many_calendars_one_has(tenant: Tenant) -> None:
    reader = _ReaderByAddress(dict.fromkeys(["https://a.example/", "https://b.example/"], a_reading()))
    poller = replace(tenant.poller, readers={ConnectionKind.ICS: reader}, concurrency=2)
    for _ in range(5):
        await tenant.connect("https://a.example/")
    tenant.now += timedelta(minutes=1)
    await connect_for_another_tenant(tenant, "https://b.example/")

    assert await poller.poll_once() == 2

    assert sorted(reader.finished) == ["https://a.example/", "https://b.example/"]


async def test_an_idle_poller_sleeps_until_a_calendar_falls_due_and_is_woken_by_a_new_one(
    tenant: Tenant, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = "https://example.com/a.ics", "https://example.com/b.ics"
    reader = _ReaderByAddress(dict.fromkeys([first, second], a_reading()))
    looks = 0

    async def claim(**arguments: Any) -> DueConnections:
        nonlocal looks
        looks += 1
        return await claim_due_connections(**arguments)

    monkeypatch.setattr("calendar_sync.worker.claim_due_connections", claim)
    poller = replace(
        tenant.poller, readers={ConnectionKind.ICS: reader}, every=timedelta(hours=1), wake=asyncio.Event()
    )
    listener = Listener(tenant.database, DUE_CHANNEL, wake=poller.wake)
    stop = asyncio.Event()
    running = [asyncio.create_task(listener.run(stop)), asyncio.create_task(poller.run(stop))]
    await until(lambda: looks == 2, what="the poller has looked, and again when it began to be told")

    await tenant.connect(first)
    await until(lambda: reader.finished == [first], what="the new calendar is read at once")
    await tenant.connect(second)
    await until(lambda: reader.finished == [first, second], what="and the next")

    # For each calendar once because of it, and once because its reading was done.
    assert looks <= 6
    stop.set()
    await asyncio.gather(*running)


async def test_a_poll_that_fails_is_tried_again(tenant: Tenant, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = _ReaderByAddress({"https://example.com/a.ics": a_reading()})
    poller = replace(tenant.poller, readers={ConnectionKind.ICS: reader}, every=timedelta(milliseconds=10))
    await tenant.connect("https://example.com/a.ics")
    failures = iter([RuntimeError("boom"), RuntimeError("boom")])

    monkeypatch.setattr("calendar_sync.worker._RETRY_SECONDS", 0.01)

    async def claim(**arguments: Any) -> DueConnections:
        if (failure := next(failures, None)) is not None:
            raise failure
        return await claim_due_connections(**arguments)

    monkeypatch.setattr("calendar_sync.worker.claim_due_connections", claim)
    stop = asyncio.Event()
    running = asyncio.create_task(poller.run(stop))
    await until(lambda: reader.finished, what="the calendar is read")
    stop.set()
    await running


async def test_a_connection_of_a_newer_services_kind_is_left_alone(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(an_event())
    newer, own = await tenant.connect(ics.url), await tenant.connect(ics.url)
    async with tenant.database.system_transaction() as session:
        await session.execute(
            text("UPDATE connections SET kind = 'newer' WHERE id = CAST(:id AS uuid)"), {"id": newer["id"]}
        )

    await tenant.poll(after=timedelta(0))

    assert (await tenant.connection(own["id"]))["state"] == "ok"


async def test_a_reading_that_was_overtaken_changes_nothing(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(an_event())
    connection = await tenant.connect(ics.url)
    [claim] = (await tenant.poller._claim(5)).claims
    await tenant.http.delete(f"/v1/connections/{connection['id']}")
    await tenant.poller._read(claim)

    assert await tenant.outbox() == []


async def test_a_sync_while_a_reading_is_under_way_keeps_it_and_is_done_after_it(
    tenant: Tenant, ics: IcsServer
) -> None:
    ics.show(an_event("a"))
    connection = await tenant.connect(ics.url)
    [claim] = (await tenant.poller._claim(5)).claims
    for _ in range(3):
        answer = await tenant.http.post(f"/v1/connections/{connection['id']}/sync")
        assert answer.status_code == 202
        assert await tenant.poller.poll_once() == 0, "the calendar is read twice at once"
    await tenant.poller._read(claim)
    assert len(await tenant.busy()) == 1, "the reading was thrown away"

    ics.show(an_event("a"), an_event("b"))
    assert await tenant.poller.poll_once() == 1
    assert len(await tenant.busy()) == 1, "what is new since that reading"
    assert await tenant.poller.poll_once() == 0


async def test_a_crashed_workers_claim_is_taken_over(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(an_event())
    connection = await tenant.connect(ics.url)
    assert len((await tenant.poller._claim(5)).claims) == 1

    await tenant.poll(after=tenant.poller.lease / 2)
    assert (await tenant.connection(connection["id"]))["state"] == "pending"
    await tenant.poll(after=tenant.poller.lease)
    assert (await tenant.connection(connection["id"]))["state"] == "ok"
