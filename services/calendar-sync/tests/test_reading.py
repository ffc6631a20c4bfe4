"""From a real ICS server to what is published: nothing doubled, nothing lost, nothing for nothing."""

from datetime import timedelta
from uuid import uuid4

import pytest
from calendar_tenant import IcsServer, Tenant, an_event
from sqlalchemy import text

from calendar_sync.domain import instance_id

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
