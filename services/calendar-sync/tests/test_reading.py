"""From a real ICS server to what is published: nothing doubled, nothing lost, nothing for nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from calendar_tenant import NOW, IcsServer, Tenant, an_event
from sqlalchemy import text

from calendar_sync.domain import BusyInstance, ConnectionKind, Expansion, Reading, Unchanged, Window, instance_id
from calendar_sync.storage import DUE_CHANNEL
from calendar_sync.usecases.reading import DueConnections, claim_due_connections
from slotstream_servicekit.notify import Listener

pytestmark = pytest.mark.service

Until = Callable[..., Awaitable[Any]]


async def test_a_new_connection_is_read_at_once_and_its_events_take_time(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(an_event("a"), an_event("b", day=11))
    connection = await tenant.connect(ics.url)
    assert connection["state"] == "pending"

    await tenant.poll(after=timedelta(0))

    published = await tenant.outbox()
    busy = [record for record in published if record.topic == "slotstream.external-busy.v1"]
    assert sorted(record.data["starts_at"] for record in busy) == ["2026-03-10T10:00:00Z", "2026-03-11T10:00:00Z"]
    for record in busy:
        assert record.data["resource_id"] == str(tenant.resource_id)
        assert record.data["connection_id"] == connection["id"]
        assert record.key == f"{tenant.organization_id}:{connection['id']}:{record.data['id']}"
    assert [record.type for record in published if record.topic == "slotstream.calendar-sync.v1"] == [
        "slotstream.connection.connected"
    ]
    after = await tenant.connection(connection["id"])
    assert (after["state"], after["busy_instances"], after["last_error"]) == ("ok", 2, None)


async def test_an_unchanged_feed_publishes_nothing(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(an_event())
    await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    await tenant.outbox()

    await tenant.poll()

    assert "if-none-match" in ics.requests[-1].lower()
    assert await tenant.outbox() == []


async def test_an_unchanged_feed_without_validators_publishes_nothing(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(an_event())
    ics.etag = None
    await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    await tenant.outbox()

    await tenant.poll()

    assert len(ics.requests) == 2
    assert await tenant.outbox() == []


async def test_a_moved_event_is_updated_not_doubled(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(an_event())
    await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    [before] = await tenant.busy()

    ics.show(an_event(hour=15))
    await tenant.poll()

    [after] = await tenant.busy()
    assert after.key == before.key
    assert after.data["starts_at"] == "2026-03-10T15:00:00Z"
    assert after.data["version"] > before.data["version"]


async def test_a_removed_event_leaves_a_tombstone(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(an_event("a"), an_event("b"))
    await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    keys = {record.data["id"]: record.key for record in await tenant.busy()}

    ics.show(an_event("a"))
    await tenant.poll()

    [gone] = await tenant.busy()
    assert gone.data is None
    assert gone.key in keys.values()


async def test_a_cancelled_event_frees_its_time_and_may_come_back(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(an_event())
    await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    [first] = await tenant.busy()

    ics.show(an_event(more="STATUS:CANCELLED"))
    await tenant.poll()
    [gone] = await tenant.busy()
    ics.show(an_event())
    await tenant.poll()
    [back] = await tenant.busy()

    assert gone.data is None
    assert first.key == gone.key == back.key
    assert back.data["version"] > first.data["version"]


async def test_an_event_that_became_unreadable_goes_on_taking_its_time(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(an_event("a"), an_event("b"))
    connection = await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    await tenant.outbox()

    ics.show("UID:a\nDTSTART:garbage", an_event("b"))
    await tenant.poll()

    assert await tenant.outbox() == []
    after = await tenant.connection(connection["id"])
    assert (after["state"], after["warnings"]) == ("ok", {"unreadable_event": 1})
    assert after["warning_examples"] == [{"code": "unreadable_event", "line": 4, "uid": "a"}]


async def test_a_calendar_of_which_nothing_can_be_read_is_failing_and_keeps_its_time(
    tenant: Tenant, ics: IcsServer
) -> None:
    ics.show(an_event("a"), an_event("b"))
    connection = await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    await tenant.outbox()

    ics.show("DTSTART:garbage", "UID:b\x00\nDTSTART:20260310T100000Z")
    await tenant.poll()
    failing = await tenant.connection(connection["id"])
    ics.show(an_event("a"), an_event("b"))
    await tenant.poll()

    assert (failing["state"], failing["last_error"]["code"]) == ("failing", "no_event_readable")
    assert failing["warnings"] == {"unreadable_event": 2}
    assert await tenant.outbox() == []
    assert (await tenant.connection(connection["id"]))["state"] == "ok"


@pytest.mark.parametrize("hostile", ["UID:a\x00b", "UID:a\x0bb", "X-NOTE:\x00\nUID:fine"])
async def test_a_hostile_row_ends_neither_the_worker_nor_another_tenants_reading(
    tenant: Tenant, ics: IcsServer, hostile: str
) -> None:
    ics.show(f"{hostile}\nDTSTART:20260310T100000Z\nDURATION:PT1H", an_event("good", day=11))
    connection = await tenant.connect(ics.url)

    await tenant.poll(after=timedelta(0))

    assert (await tenant.connection(connection["id"]))["state"] == "ok"
    assert "2026-03-11T10:00:00Z" in {record.data["starts_at"] for record in await tenant.busy()}


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


async def test_busy_time_of_two_tenants_never_shares_a_key(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(an_event())
    own_id = str(uuid4())
    await tenant.connect(ics.url, id=own_id)
    await tenant.know_resource(organization_id=tenant.stranger_id)
    body = {"kind": "ics", "resource_id": str(tenant.resource_id), "url": ics.url}
    same_id = await tenant.stranger.post("/v1/connections", json={**body, "id": own_id})
    assert (same_id.status_code, same_id.json()["code"]) == (409, "id_taken")
    assert (await tenant.stranger.post("/v1/connections", json=body)).status_code == 201

    await tenant.poll(after=timedelta(0))

    records = await tenant.busy()
    assert {record.organization_id for record in records} == {tenant.organization_id, tenant.stranger_id}
    assert len({record.key for record in records}) == len({record.data["id"] for record in records}) == 2
    for record in records:
        assert record.key.startswith(f"{record.organization_id}:")


def test_an_instances_id_is_its_own_organizations() -> None:
    connection_id = uuid4()
    ids = {
        instance_id(organization_id=organization_id, connection_id=connection_id, uid="a", recurrence="")
        for organization_id in (uuid4(), uuid4())
    }

    assert len(ids) == 2


async def test_mass_deletion_pauses_and_resuming_accepts_it(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(*(an_event(f"e{day}", day=day) for day in range(10, 30)))
    connection = await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    assert len(await tenant.busy()) == 20

    ics.show(an_event("e10", day=10))
    await tenant.poll()

    paused = await tenant.connection(connection["id"])
    assert (paused["state"], paused["pause_reason"]) == ("paused", "mass_deletion")
    assert paused["last_error"]["code"] == "mass_deletion"
    [event] = await tenant.outbox()
    assert (event.type, event.data["reason"]) == ("slotstream.connection.paused", "mass_deletion")

    resumed = await tenant.http.patch(f"/v1/connections/{connection['id']}", json={"paused": False})
    assert resumed.json()["state"] == "pending"
    await tenant.poll(after=timedelta(0))
    assert (await tenant.connection(connection["id"]))["state"] == "paused"
    await tenant.outbox()

    await tenant.http.patch(f"/v1/connections/{connection['id']}", json={"paused": False, "accept_deletions": True})
    await tenant.poll(after=timedelta(0))

    assert (await tenant.connection(connection["id"]))["state"] == "ok"
    assert [record.data for record in await tenant.busy()] == [None] * 19


async def test_a_few_deletions_do_not_brake(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(*(an_event(f"e{day}", day=day) for day in range(10, 15)))
    connection = await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    await tenant.outbox()

    ics.show()
    await tenant.poll()

    assert (await tenant.connection(connection["id"]))["state"] == "ok"
    assert len(await tenant.busy()) == 5


async def test_a_whole_calendar_moved_by_an_hour_does_not_brake(tenant: Tenant, ics: IcsServer) -> None:
    rule = "UID:a\nDTSTART:20260302T{hour}0000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=30"
    ics.show(rule.format(hour=10))
    connection = await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    await tenant.outbox()

    ics.show(rule.format(hour=11))
    await tenant.poll()

    assert (await tenant.connection(connection["id"]))["state"] == "ok"


async def test_what_is_over_is_forgotten_without_braking(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(*(an_event(f"e{day}", day=day) for day in range(2, 12)))
    connection = await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    await tenant.outbox()

    await tenant.poll(after=timedelta(days=30))

    assert (await tenant.connection(connection["id"]))["state"] == "ok"
    assert [record.data for record in await tenant.busy()] == [None] * 10


async def test_the_window_rolls_although_the_feed_never_changes(tenant: Tenant, ics: IcsServer) -> None:
    ics.show("UID:a\nDTSTART:20260301T100000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY")
    await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    first = await tenant.busy()

    await tenant.poll(after=timedelta(days=14))

    assert 24 <= len(first) <= 27
    changed = await tenant.busy()
    assert sum(record.data is not None for record in changed) == 2


async def test_a_redirect_to_a_private_address_is_refused_and_says_so(tenant: Tenant, ics: IcsServer) -> None:
    ics.answer = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n"
    connection = await tenant.connect(ics.url)

    await tenant.poll(after=timedelta(0))

    failing = await tenant.connection(connection["id"])
    assert failing["state"] == "failing"
    assert failing["last_error"]["code"] == "unreachable"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "not_found"),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "unauthorized"),
        (b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n", "server_error"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhtml", "not_a_calendar"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", "bad_answer"),
        (b"nonsense\r\n\r\n", "bad_answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2500000\r\n\r\n" + b"x" * 2_500_000, "too_large"),
    ],
)
async def test_a_failing_calendar_keeps_its_busy_time_backs_off_and_recovers(
    tenant: Tenant, ics: IcsServer, answer: bytes, code: str
) -> None:
    ics.show(an_event())
    connection = await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    await tenant.outbox()

    ics.answer = answer
    await tenant.poll()
    failing = await tenant.connection(connection["id"])
    ics.answer = None
    await tenant.poll()

    assert (failing["state"], failing["last_error"]["code"]) == ("failing", code)
    assert failing["next_attempt_at"] > failing["last_attempt_at"]
    assert await tenant.outbox() == []
    assert (await tenant.connection(connection["id"]))["state"] == "ok"


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


async def test_a_resource_that_moves_to_another_zone_has_its_days_read_anew(tenant: Tenant, ics: IcsServer) -> None:
    ics.show("UID:a\nDTSTART;VALUE=DATE:20260310\nDTEND;VALUE=DATE:20260311")
    await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    [before] = await tenant.busy()

    await tenant.know_resource(zone="Asia/Tokyo", version=2)
    await tenant.poll(after=timedelta(0))

    [after] = await tenant.busy()
    assert before.data["starts_at"] == "2026-03-09T23:00:00Z"
    assert after.data["starts_at"] == "2026-03-09T15:00:00Z"


async def test_the_address_is_stored_sealed(tenant: Tenant, ics: IcsServer) -> None:
    await tenant.connect(ics.url)

    async with tenant.database.system_transaction() as session:
        for table in ("connections", "idempotency_keys", "outbox"):
            rows = (await session.execute(text(f"SELECT t::text FROM {table} AS t"))).scalars().all()
            assert all("s3cret" not in row for row in rows)
