"""From a real ICS server to what is published: nothing doubled, nothing lost, nothing for nothing."""

from datetime import timedelta
from uuid import uuid4

import pytest
from calendar_tenant import IcsServer, Tenant, an_event
from sqlalchemy import text

from calendar_sync.usecases.reading import claim_due_connections

pytestmark = pytest.mark.service


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
    ics.show(an_event())
    connection = await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    await tenant.outbox()

    ics.show("UID:a\nDTSTART:garbage")
    await tenant.poll()

    assert await tenant.outbox() == []
    assert (await tenant.connection(connection["id"]))["warnings"] == {"unreadable_event": 1}


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
    async with tenant.database.system_transaction() as session:
        [claim] = await claim_due_connections(
            session=session, now=tenant.now, lease=timedelta(minutes=2), token=uuid4(), limit=5
        )
    await tenant.http.delete(f"/v1/connections/{connection['id']}")
    await tenant.poller._read(claim)

    assert await tenant.outbox() == []


async def test_a_crashed_workers_claim_is_taken_over(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(an_event())
    connection = await tenant.connect(ics.url)
    async with tenant.database.system_transaction() as session:
        lease = timedelta(minutes=2)
        assert await claim_due_connections(session=session, now=tenant.now, lease=lease, token=uuid4(), limit=5)

    await tenant.poll(after=timedelta(minutes=1))
    assert (await tenant.connection(connection["id"]))["state"] == "pending"
    await tenant.poll(after=timedelta(minutes=2))
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
