"""Connections and feeds over HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import icalendar
import pytest
from sqlalchemy import text

from calendar_sync.usecases.projections import KnownAppointment, remember_appointments

pytestmark = pytest.mark.service


def an_appointment(world: Any, **more: Any) -> KnownAppointment:
    values: dict[str, Any] = {
        "organization_id": world.organization_id,
        "id": uuid4(),
        "resource_ids": [world.resource_id],
        "calendar_uid": f"{uuid4()}@slotstream",
        "calendar_sequence": 0,
        "service_name": "Haircut",
        "starts_at": datetime(2026, 3, 28, 9, tzinfo=UTC),
        "ends_at": datetime(2026, 3, 28, 10, tzinfo=UTC),
        "zone": "Europe/Berlin",
        "status": "scheduled",
        "archived": False,
        "created_at": world.now,
        "updated_at": world.now,
        "version": 1,
    }
    return KnownAppointment(**{**values, **more})


async def remember(world: Any, *appointments: KnownAppointment) -> None:
    async with world.database.system_transaction() as session:
        await remember_appointments(session, appointments=appointments)


async def a_feed(world: Any, **more: Any) -> dict[str, Any]:
    answer = await world.http.post("/v1/feeds", json={"resource_id": str(world.resource_id), **more})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def path_of(feed: dict[str, Any]) -> str:
    return str(feed["url"]).removeprefix("https://sync.example.com")


def events_of(body: bytes) -> list[Any]:
    return list(icalendar.Calendar.from_ical(body).walk("VEVENT"))


async def test_an_address_is_shown_without_its_secret_part(world: Any) -> None:
    connection = await world.connect("webcal://user:s3cret@calendar.example.com:8443/private-s3cret/basic.ics?t=s3cret")

    assert connection["url"] == "https://calendar.example.com/…"
    assert connection["name"] == "calendar.example.com"
    listed = await world.http.get("/v1/connections")
    assert "s3cret" not in listed.text
    assert [each["id"] for each in listed.json()["items"]] == [connection["id"]]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"url": "file:///etc/passwd"}, 422, "invalid_url"),
        ({"url": "https://"}, 422, "invalid_url"),
        ({"url": "https://exa mple.com/"}, 422, "invalid_url"),
        ({"url": "https://[::1/x.ics"}, 422, "invalid_url"),
        ({"url": "not an address"}, 422, "invalid_url"),
        ({"url": None}, 422, "wrong_type"),
        ({"kind": "caldav"}, 422, None),
        ({"unknown": 1}, 422, "unknown_field"),
        ({"resource_id": "x"}, 422, None),
        ({"resource_id": str(uuid4())}, 404, "resource_not_found"),
        ({"name": "a\x00b"}, None, None),
    ],
)
async def test_bad_input_is_a_problem_and_connects_nothing(
    world: Any, change: dict[str, Any], status: int | None, code: str | None
) -> None:
    body = {"kind": "ics", "resource_id": str(world.resource_id), "url": "https://example.com/a.ics"}
    answer = await world.http.post("/v1/connections", json={**body, **change})

    assert answer.status_code == status if status else answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    if code:
        assert code in (answer.json()["code"], *(each["code"] for each in answer.json().get("errors") or []))
    assert (await world.http.get("/v1/connections")).json()["items"] == []


async def test_an_idempotency_key_connects_once(world: Any) -> None:
    body = {"kind": "ics", "resource_id": str(world.resource_id), "url": "https://example.com/a.ics"}
    first = await world.http.post("/v1/connections", json=body, headers={"Idempotency-Key": "k"})
    again = await world.http.post("/v1/connections", json=body, headers={"Idempotency-Key": "k"})

    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len((await world.http.get("/v1/connections")).json()["items"]) == 1


async def test_an_id_of_ones_own_can_be_given_once(world: Any) -> None:
    own = str(uuid4())
    assert (await world.connect("https://example.com/a.ics", id=own))["id"] == own
    body = {"id": own, "kind": "ics", "resource_id": str(world.resource_id), "url": "https://example.com/b.ics"}
    again = await world.http.post("/v1/connections", json=body)

    assert (again.status_code, again.json()["code"]) == (409, "id_already_used")


async def test_a_paused_connection_is_not_read_until_it_is_resumed(
    world: Any, ics: Any, an_event: Callable[..., str]
) -> None:
    ics.show(an_event())
    connection = await world.connect(ics.url)
    path = f"/v1/connections/{connection['id']}"
    paused = await world.http.patch(path, json={"paused": True}, headers={"If-Match": '"1"'})
    [event] = await world.outbox()
    assert (paused.json()["state"], event["data"]["reason"]) == ("paused", "requested")
    assert (await world.http.post(f"{path}/sync")).json()["code"] == "connection_paused"

    await world.poll()
    assert ics.requests == []
    await world.http.patch(path, json={"paused": False})
    await world.poll(after=timedelta(0))

    assert len(ics.requests) == 1
    assert (await world.connection(connection["id"]))["state"] == "ok"


async def test_a_stale_version_changes_nothing(world: Any) -> None:
    connection = await world.connect("https://example.com/a.ics")
    path = f"/v1/connections/{connection['id']}"
    await world.http.patch(path, json={"name": "Other"}, headers={"If-Match": '"1"'})

    for answer in (
        await world.http.patch(path, json={"name": "Third"}, headers={"If-Match": '"1"'}),
        await world.http.delete(path, headers={"If-Match": '"1"'}),
        await world.http.post(f"{path}/sync", headers={"If-Match": '"1"'}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (412, "version_conflict")
        assert answer.json()["current_version"] == 2
    assert (await world.connection(connection["id"]))["name"] == "Other"


async def test_sync_now_reads_at_once(world: Any, ics: Any, an_event: Callable[..., str]) -> None:
    connection = await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    ics.show(an_event())
    await world.poll(after=timedelta(seconds=1))
    assert await world.busy() == []

    answer = await world.http.post(f"/v1/connections/{connection['id']}/sync")
    await world.poll(after=timedelta(0))

    assert answer.status_code == 202
    assert len(await world.busy()) == 1


async def test_disconnecting_frees_the_time(world: Any, ics: Any, an_event: Callable[..., str]) -> None:
    ics.show(an_event("a"), an_event("b"))
    connection = await world.connect(ics.url)
    await world.poll(after=timedelta(0))
    keys = {each["key"] for each in await world.busy()}

    deleted = await world.http.delete(f"/v1/connections/{connection['id']}")

    assert deleted.status_code == 204
    gone = await world.busy()
    assert {each["key"] for each in gone} == keys
    assert [each["data"] for each in gone] == [None, None]
    assert (await world.http.get(f"/v1/connections/{connection['id']}")).json()["code"] == "connection_not_found"


async def test_lists_go_page_by_page(world: Any) -> None:
    ids = [(await world.connect(f"https://example.com/{n}.ics"))["id"] for n in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (
            await world.http.get("/v1/connections", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        ).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == sorted(ids)
    assert (await world.http.get("/v1/connections", params={"lmit": 2})).status_code == 422


async def test_another_organization_sees_and_changes_nothing(world: Any) -> None:
    connection = await world.connect("https://example.com/a.ics")
    feed = await a_feed(world)
    for answer in (
        await world.stranger.get(f"/v1/connections/{connection['id']}"),
        await world.stranger.patch(f"/v1/connections/{connection['id']}", json={"paused": True}),
        await world.stranger.post(f"/v1/connections/{connection['id']}/sync"),
        await world.stranger.delete(f"/v1/connections/{connection['id']}"),
        await world.stranger.get(f"/v1/feeds/{feed['id']}"),
        await world.stranger.post(f"/v1/feeds/{feed['id']}/rotate"),
        await world.stranger.delete(f"/v1/feeds/{feed['id']}"),
        await world.stranger.post("/v1/feeds", json={"resource_id": str(world.resource_id)}),
    ):
        assert answer.status_code == 404
    assert (await world.stranger.get("/v1/connections")).json()["items"] == []
    assert (await world.stranger.get("/v1/feeds")).json()["items"] == []
    assert (await world.anonymous.get("/v1/connections")).status_code == 401


async def test_a_feed_shows_the_resources_appointments(world: Any) -> None:
    shown = an_appointment(world)
    await remember(
        world,
        shown,
        an_appointment(world, resource_ids=[uuid4()]),
        an_appointment(world, status="pending", service_name="Asked for"),
        an_appointment(world, archived=True),
        an_appointment(world, ends_at=world.now - timedelta(days=60), starts_at=world.now - timedelta(days=61)),
    )
    feed = await a_feed(world, name="Ada's day")

    answer = await world.anonymous.get(path_of(feed))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["cache-control"].startswith("private")
    events = {str(event["SUMMARY"]): event for event in events_of(answer.content)}
    assert set(events) == {"Haircut", "Asked for"}
    haircut = events["Haircut"]
    assert (str(haircut["UID"]), int(haircut["SEQUENCE"])) == (shown.calendar_uid, 0)
    assert (str(haircut["STATUS"]), str(events["Asked for"]["STATUS"])) == ("CONFIRMED", "TENTATIVE")
    assert haircut["DTSTART"].params["TZID"] == "Europe/Berlin"
    assert haircut["DTSTART"].dt == shown.starts_at
    assert b"BEGIN:VTIMEZONE" in answer.content
    assert b"X-WR-CALNAME:Ada's day" in answer.content


async def test_a_feed_can_hide_what_is_done(world: Any) -> None:
    await remember(world, an_appointment(world))
    feed = await a_feed(world, title="busy")

    answer = await world.anonymous.get(path_of(feed))

    assert b"Haircut" not in answer.content
    assert [str(event["SUMMARY"]) for event in events_of(answer.content)] == ["Busy"]


async def test_a_rescheduled_appointment_is_one_event_and_a_cancelled_one_is_marked(world: Any) -> None:
    uid = "chain@slotstream"
    later = datetime(2026, 3, 30, 9, tzinfo=UTC)
    await remember(
        world,
        an_appointment(world, calendar_uid=uid, status="rescheduled"),
        an_appointment(
            world, calendar_uid=uid, calendar_sequence=1, starts_at=later, ends_at=later + timedelta(hours=1)
        ),
        an_appointment(world, calendar_uid="gone@slotstream", calendar_sequence=1, status="cancelled"),
    )
    feed = await a_feed(world)

    events = {str(event["UID"]): event for event in events_of((await world.anonymous.get(path_of(feed))).content)}

    assert events[uid]["DTSTART"].dt == later
    assert int(events[uid]["SEQUENCE"]) == 1
    assert str(events["gone@slotstream"]["STATUS"]) == "CANCELLED"


async def test_a_feed_answers_304_until_an_appointment_changes(world: Any) -> None:
    appointment = an_appointment(world)
    await remember(world, appointment)
    feed = await a_feed(world)
    first = await world.anonymous.get(path_of(feed))
    tag = {"If-None-Match": f'"other", W/{first.headers["etag"]}'}

    unchanged = await world.anonymous.get(path_of(feed), headers=tag)
    await remember(world, an_appointment(world, id=appointment.id, version=2, status="confirmed"))
    changed = await world.anonymous.get(path_of(feed), headers=tag)

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert changed.status_code == 200
    assert (await world.anonymous.get(path_of(feed))).content == changed.content


async def test_a_rotated_or_revoked_address_is_dead(world: Any) -> None:
    feed = await a_feed(world)
    rotated = (await world.http.post(f"/v1/feeds/{feed['id']}/rotate")).json()
    assert rotated["url"] != feed["url"]
    assert (await world.anonymous.get(path_of(feed))).status_code == 404
    assert (await world.anonymous.get(path_of(rotated))).status_code == 200

    assert (await world.http.delete(f"/v1/feeds/{feed['id']}")).status_code == 204
    dead = await world.anonymous.get(path_of(rotated))

    assert (dead.status_code, dead.json()["code"]) == (404, "feed_not_found")


async def test_the_secret_is_shown_once_and_stored_nowhere(world: Any) -> None:
    body = {"resource_id": str(world.resource_id)}
    first = await world.http.post("/v1/feeds", json=body, headers={"Idempotency-Key": "k"})
    again = await world.http.post("/v1/feeds", json=body, headers={"Idempotency-Key": "k"})
    secret = first.json()["url"].rpartition("/")[2].removesuffix(".ics")

    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.headers["cache-control"] == "no-store"
    assert secret not in (await world.http.get("/v1/feeds")).text
    assert secret not in (await world.http.get(f"/v1/feeds/{first.json()['id']}")).text
    async with world.database.system_transaction() as session:
        stored = await session.execute(
            text(
                "SELECT t::text FROM feeds t UNION ALL "
                "SELECT encode(body, 'escape') FROM idempotency_keys WHERE body IS NOT NULL"
            )
        )
        assert all(secret not in row for row in stored.scalars())


@pytest.mark.parametrize("secret", ["x", "x" * 300, "..%2f..%2fetc", "%00", "'; DROP TABLE feeds; --"])
async def test_a_made_up_address_gives_nothing_away(world: Any, secret: str) -> None:
    answer = await world.anonymous.get(f"/feeds/{secret}.ics")

    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_document_names_every_operation(world: Any) -> None:
    document = (await world.anonymous.get("/openapi.json")).json()

    operations = {each["operationId"] for path in document["paths"].values() for each in path.values()}
    assert operations == {
        "create_connection", "list_connections", "get_connection", "update_connection", "delete_connection",
        "sync_connection", "create_feed", "list_feeds", "get_feed", "rotate_feed_secret", "delete_feed",
        "read_feed",
    }  # fmt: skip
