"""From a real ICS server to what is published: nothing doubled, nothing lost, nothing for nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from calendar_sync.usecases.reading import claim_due_connections

pytestmark = pytest.mark.service

AnEvent = Callable[..., str]


async def test_a_new_connection_is_read_at_once_and_its_events_take_time(
    world: Any, ics: Any, an_event: AnEvent
) -> None:
    ics.show(an_event("a"), an_event("b", day=11))
    connection = await world.connect(ics.url)
    assert connection["state"] == "pending"

    await world.poll(after=timedelta(0))

    published = await world.outbox()
    busy = [each for each in published if each["topic"] == "slotstream.external-busy.v1"]
    assert sorted(each["data"]["starts_at"] for each in busy) == ["2026-03-10T10:00:00Z", "2026-03-11T10:00:00Z"]
    for each in busy:
        assert each["data"]["resource_id"] == str(world.resource_id)
        assert each["data"]["connection_id"] == connection["id"]
        assert each["key"] == f"{connection['id']}:{each['data']['id']}"
    assert [each["type"] for each in published if each["topic"] == "slotstream.calendar-sync.v1"] == [
        "slotstream.connection.connected"
    ]
    after = await world.connection(connection["id"])
    assert (after["state"], after["busy_instances"], after["last_error"]) == ("ok", 2, None)


async def test_an_unchanged_feed_publishes_nothing(world: Any, ics: Any, an_event: AnEvent) -> None:
    ics.show(an_event())
    await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    await world.outbox()

    await world.poll()

    assert "if-none-match" in ics.requests[-1].lower()
    assert await world.outbox() == []


async def test_an_unchanged_feed_without_validators_publishes_nothing(world: Any, ics: Any, an_event: AnEvent) -> None:
    ics.show(an_event())
    ics.etag = None
    await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    await world.outbox()

    await world.poll()

    assert len(ics.requests) == 2
    assert await world.outbox() == []


async def test_a_moved_event_is_updated_not_doubled(world: Any, ics: Any, an_event: AnEvent) -> None:
    ics.show(an_event())
    await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    [before] = await world.busy()

    ics.show(an_event(hour=15))
    await world.poll()

    [after] = await world.busy()
    assert after["key"] == before["key"]
    assert after["data"]["starts_at"] == "2026-03-10T15:00:00Z"
    assert after["data"]["version"] > before["data"]["version"]


async def test_a_removed_event_leaves_a_tombstone(world: Any, ics: Any, an_event: AnEvent) -> None:
    ics.show(an_event("a"), an_event("b"))
    await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    keys = {each["data"]["id"]: each["key"] for each in await world.busy()}

    ics.show(an_event("a"))
    await world.poll()

    [gone] = await world.busy()
    assert gone["data"] is None
    assert gone["key"] in keys.values()


async def test_a_cancelled_event_frees_its_time_and_may_come_back(world: Any, ics: Any, an_event: AnEvent) -> None:
    ics.show(an_event())
    await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    [first] = await world.busy()

    ics.show(an_event(more="STATUS:CANCELLED"))
    await world.poll()
    [gone] = await world.busy()
    ics.show(an_event())
    await world.poll()
    [back] = await world.busy()

    assert gone["data"] is None
    assert first["key"] == gone["key"] == back["key"]
    assert back["data"]["version"] > first["data"]["version"]


async def test_an_event_that_became_unreadable_goes_on_taking_its_time(world: Any, ics: Any, an_event: AnEvent) -> None:
    ics.show(an_event())
    connection = await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    await world.outbox()

    ics.show("UID:a\nDTSTART:garbage")
    await world.poll()

    assert await world.outbox() == []
    assert (await world.connection(connection["id"]))["warnings"] == {"unreadable_event": 1}


async def test_mass_deletion_pauses_and_resuming_accepts_it(world: Any, ics: Any, an_event: AnEvent) -> None:
    ics.show(*(an_event(f"e{day}", day=day) for day in range(10, 30)))
    connection = await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    assert len(await world.busy()) == 20

    ics.show(an_event("e10", day=10))
    await world.poll()

    paused = await world.connection(connection["id"])
    assert (paused["state"], paused["pause_reason"]) == ("paused", "mass_deletion")
    assert paused["last_error"]["code"] == "mass_deletion"
    [event] = await world.outbox()
    assert (event["type"], event["data"]["reason"]) == ("slotstream.connection.paused", "mass_deletion")

    resumed = await world.http.patch(f"/v1/connections/{connection['id']}", json={"paused": False})
    assert resumed.json()["state"] == "pending"
    await world.poll(after=timedelta(0))
    assert (await world.connection(connection["id"]))["state"] == "paused"
    await world.outbox()

    await world.http.patch(f"/v1/connections/{connection['id']}", json={"paused": False, "accept_deletions": True})
    await world.poll(after=timedelta(0))

    assert (await world.connection(connection["id"]))["state"] == "ok"
    assert [each["data"] for each in await world.busy()] == [None] * 19


async def test_a_few_deletions_do_not_brake(world: Any, ics: Any, an_event: AnEvent) -> None:
    ics.show(*(an_event(f"e{day}", day=day) for day in range(10, 15)))
    connection = await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    await world.outbox()

    ics.show()
    await world.poll()

    assert (await world.connection(connection["id"]))["state"] == "ok"
    assert len(await world.busy()) == 5


async def test_a_whole_calendar_moved_by_an_hour_does_not_brake(world: Any, ics: Any) -> None:
    rule = "UID:a\nDTSTART:20260302T{hour}0000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=30"
    ics.show(rule.format(hour=10))
    connection = await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    await world.outbox()

    ics.show(rule.format(hour=11))
    await world.poll()

    assert (await world.connection(connection["id"]))["state"] == "ok"


async def test_what_is_over_is_forgotten_without_braking(world: Any, ics: Any, an_event: AnEvent) -> None:
    ics.show(*(an_event(f"e{day}", day=day) for day in range(2, 12)))
    connection = await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    await world.outbox()

    await world.poll(after=timedelta(days=30))

    assert (await world.connection(connection["id"]))["state"] == "ok"
    assert [each["data"] for each in await world.busy()] == [None] * 10


async def test_the_window_rolls_although_the_feed_never_changes(world: Any, ics: Any) -> None:
    ics.show("UID:a\nDTSTART:20260301T100000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY")
    await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    first = await world.busy()

    await world.poll(after=timedelta(days=14))

    assert 24 <= len(first) <= 27
    changed = await world.busy()
    assert sum(each["data"] is not None for each in changed) == 2


async def test_a_redirect_to_a_private_address_is_refused_and_says_so(world: Any, ics: Any) -> None:
    ics.answer = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n"
    connection = await world.connect(ics.url)

    await world.poll(after=timedelta(0))

    failing = await world.connection(connection["id"])
    assert failing["state"] == "failing"
    assert failing["last_error"]["code"] == "address_not_allowed"


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
    world: Any, ics: Any, an_event: AnEvent, answer: bytes, code: str
) -> None:
    ics.show(an_event())
    connection = await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    await world.outbox()

    ics.answer = answer
    await world.poll()
    failing = await world.connection(connection["id"])
    ics.answer = None
    await world.poll()

    assert (failing["state"], failing["last_error"]["code"]) == ("failing", code)
    assert failing["next_attempt_at"] > failing["last_attempt_at"]
    assert await world.outbox() == []
    assert (await world.connection(connection["id"]))["state"] == "ok"


async def test_a_reading_that_was_overtaken_changes_nothing(world: Any, ics: Any, an_event: AnEvent) -> None:
    ics.show(an_event())
    connection = await world.connect(ics.url)
    async with world.database.system_transaction() as session:
        [claim] = await claim_due_connections(
            session, now=world.now, lease=timedelta(minutes=2), token=uuid4(), limit=5
        )
    await world.http.delete(f"/v1/connections/{connection['id']}")
    await world.poller._read(claim)

    assert await world.outbox() == []


async def test_a_crashed_workers_claim_is_taken_over(world: Any, ics: Any, an_event: AnEvent) -> None:
    ics.show(an_event())
    connection = await world.connect(ics.url)
    async with world.database.system_transaction() as session:
        lease = timedelta(minutes=2)
        assert await claim_due_connections(session, now=world.now, lease=lease, token=uuid4(), limit=5)

    await world.poll(after=timedelta(minutes=1))
    assert (await world.connection(connection["id"]))["state"] == "pending"
    await world.poll(after=timedelta(minutes=2))
    assert (await world.connection(connection["id"]))["state"] == "ok"


async def test_a_resource_that_moves_to_another_zone_has_its_days_read_anew(world: Any, ics: Any) -> None:
    ics.show("UID:a\nDTSTART;VALUE=DATE:20260310\nDTEND;VALUE=DATE:20260311")
    await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    [before] = await world.busy()

    await world.know_resource(zone="Asia/Tokyo", version=2)
    await world.poll(after=timedelta(0))

    [after] = await world.busy()
    assert before["data"]["starts_at"] == "2026-03-09T23:00:00Z"
    assert after["data"]["starts_at"] == "2026-03-09T15:00:00Z"


async def test_the_address_is_stored_sealed(world: Any, ics: Any) -> None:
    await world.connect(ics.url)

    async with world.database.system_transaction() as session:
        for table in ("connections", "idempotency_keys", "outbox"):
            rows = (await session.execute(text(f"SELECT t::text FROM {table} AS t"))).scalars().all()
            assert all("s3cret" not in row for row in rows)
