"""Connections and feeds over HTTP."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import icalendar
import pytest
from calendar_tenant import IcsServer, Tenant, an_event
from sqlalchemy import text

from calendar_sync.usecases import connections, feeds

pytestmark = pytest.mark.service


def path_of(feed: dict[str, Any]) -> str:
    return str(feed["url"]).removeprefix("https://sync.example.com")


def events_of(body: bytes) -> list[Any]:
    return list(icalendar.Calendar.from_ical(body).walk("VEVENT"))


async def test_an_address_is_shown_without_its_secret_part(tenant: Tenant) -> None:
    connection = await tenant.connect(
        "webcal://user:s3cret@calendar.example.com:8443/private-s3cret/basic.ics?t=s3cret"
    )

    assert connection["url"] == "https://calendar.example.com/…"
    assert connection["name"] == "calendar.example.com"
    listed = await tenant.http.get("/v1/connections")
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
    tenant: Tenant, change: dict[str, Any], status: int | None, code: str | None
) -> None:
    body = {"kind": "ics", "resource_id": str(tenant.resource_id), "url": "https://example.com/a.ics"}
    answer = await tenant.http.post("/v1/connections", json={**body, **change})

    assert answer.status_code == status if status else answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    if code:
        assert code in (answer.json()["code"], *(each["code"] for each in answer.json().get("errors") or []))
    assert (await tenant.http.get("/v1/connections")).json()["items"] == []


async def test_an_idempotency_key_connects_once(tenant: Tenant) -> None:
    body = {"kind": "ics", "resource_id": str(tenant.resource_id), "url": "https://example.com/a.ics"}
    first = await tenant.http.post("/v1/connections", json=body, headers={"Idempotency-Key": "k"})
    again = await tenant.http.post("/v1/connections", json=body, headers={"Idempotency-Key": "k"})

    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len((await tenant.http.get("/v1/connections")).json()["items"]) == 1


async def test_connections_are_found_by_their_state(tenant: Tenant) -> None:
    pending = await tenant.connect("https://calendar.example.com/a.ics")
    paused = await tenant.connect("https://calendar.example.com/b.ics")
    path, version = f"/v1/connections/{paused['id']}", f'"{paused["version"]}"'
    answer = await tenant.http.patch(path, json={"paused": True}, headers={"If-Match": version})
    assert answer.status_code == 200, answer.text

    async def found(*states: str) -> list[str]:
        listed = await tenant.http.get("/v1/connections", params={"state": states})
        return [each["id"] for each in listed.json()["items"]]

    assert await found("pending") == [pending["id"]]
    assert await found("failing", "paused") == [paused["id"]]
    assert await found("failing") == []
    assert (await tenant.http.get("/v1/connections", params={"state": "lost"})).status_code in (400, 422)


async def test_an_id_of_ones_own_can_be_given_once(tenant: Tenant) -> None:
    own = str(uuid4())
    assert (await tenant.connect("https://example.com/a.ics", id=own))["id"] == own
    body = {"id": own, "kind": "ics", "resource_id": str(tenant.resource_id), "url": "https://example.com/b.ics"}
    again = await tenant.http.post("/v1/connections", json=body)

    assert (again.status_code, again.json()["code"]) == (409, "id_taken")


async def test_a_paused_connection_is_not_read_until_it_is_resumed(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(an_event())
    connection = await tenant.connect(ics.url)
    path = f"/v1/connections/{connection['id']}"
    paused = await tenant.http.patch(path, json={"paused": True}, headers={"If-Match": '"1"'})
    [event] = await tenant.outbox()
    assert (paused.json()["state"], event.data["reason"]) == ("paused", "requested")
    assert (await tenant.http.post(f"{path}/sync")).json()["code"] == "connection_paused"

    await tenant.poll()
    assert ics.requests == []
    await tenant.http.patch(path, json={"paused": False})
    await tenant.poll(after=timedelta(0))

    assert len(ics.requests) == 1
    assert (await tenant.connection(connection["id"]))["state"] == "ok"


async def test_a_stale_version_changes_nothing(tenant: Tenant) -> None:
    connection = await tenant.connect("https://example.com/a.ics")
    path = f"/v1/connections/{connection['id']}"
    await tenant.http.patch(path, json={"name": "Other"}, headers={"If-Match": '"1"'})

    for answer in (
        await tenant.http.patch(path, json={"name": "Third"}, headers={"If-Match": '"1"'}),
        await tenant.http.delete(path, headers={"If-Match": '"1"'}),
        await tenant.http.post(f"{path}/sync", headers={"If-Match": '"1"'}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (412, "version_conflict")
        assert answer.json()["current_version"] == 2
    assert (await tenant.connection(connection["id"]))["name"] == "Other"


async def test_sync_now_reads_at_once(tenant: Tenant, ics: IcsServer) -> None:
    connection = await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    ics.show(an_event())
    await tenant.poll(after=timedelta(seconds=1))
    assert await tenant.busy() == []

    answer = await tenant.http.post(f"/v1/connections/{connection['id']}/sync")
    await tenant.poll(after=timedelta(0))

    assert answer.status_code == 202
    assert len(await tenant.busy()) == 1


async def test_disconnecting_frees_the_time(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(an_event("a"), an_event("b"))
    connection = await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    keys = {each.key for each in await tenant.busy()}

    deleted = await tenant.http.delete(f"/v1/connections/{connection['id']}")

    assert deleted.status_code == 204
    gone = await tenant.busy()
    assert {each.key for each in gone} == keys
    assert [each.data for each in gone] == [None, None]
    assert (await tenant.http.get(f"/v1/connections/{connection['id']}")).json()["code"] == "connection_not_found"


async def test_lists_go_page_by_page(tenant: Tenant) -> None:
    ids = [(await tenant.connect(f"https://example.com/{n}.ics"))["id"] for n in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (
            await tenant.http.get("/v1/connections", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        ).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == sorted(ids)
    assert (await tenant.http.get("/v1/connections", params={"lmit": 2})).status_code == 422


async def test_another_organization_sees_and_changes_nothing(tenant: Tenant) -> None:
    connection = await tenant.connect("https://example.com/a.ics")
    feed = await tenant.a_feed()
    for answer in (
        await tenant.stranger.get(f"/v1/connections/{connection['id']}"),
        await tenant.stranger.patch(f"/v1/connections/{connection['id']}", json={"paused": True}),
        await tenant.stranger.post(f"/v1/connections/{connection['id']}/sync"),
        await tenant.stranger.delete(f"/v1/connections/{connection['id']}"),
        await tenant.stranger.get(f"/v1/feeds/{feed['id']}"),
        await tenant.stranger.post(f"/v1/feeds/{feed['id']}/rotate"),
        await tenant.stranger.delete(f"/v1/feeds/{feed['id']}"),
        await tenant.stranger.post("/v1/feeds", json={"resource_id": str(tenant.resource_id)}),
    ):
        assert answer.status_code == 404
    assert (await tenant.stranger.get("/v1/connections")).json()["items"] == []
    assert (await tenant.stranger.get("/v1/feeds")).json()["items"] == []
    assert (await tenant.anonymous.get("/v1/connections")).status_code == 401


async def test_a_feed_shows_the_resources_appointments(tenant: Tenant) -> None:
    shown = tenant.an_appointment()
    await tenant.know_appointments(
        shown,
        tenant.an_appointment(resource_ids=[uuid4()]),
        tenant.an_appointment(status="pending", service_name="Requested"),
        tenant.an_appointment(archived=True),
        tenant.an_appointment(ends_at=tenant.now - timedelta(days=60), starts_at=tenant.now - timedelta(days=61)),
    )
    feed = await tenant.a_feed(name="Ada's day")

    answer = await tenant.anonymous.get(path_of(feed))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["cache-control"].startswith("private")
    events = {str(event["SUMMARY"]): event for event in events_of(answer.content)}
    assert set(events) == {"Haircut", "Requested"}
    haircut = events["Haircut"]
    assert (str(haircut["UID"]), int(haircut["SEQUENCE"])) == (shown.calendar_uid, 0)
    assert (str(haircut["STATUS"]), str(events["Requested"]["STATUS"])) == ("CONFIRMED", "TENTATIVE")
    assert haircut["DTSTART"].params["TZID"] == "Europe/Berlin"
    assert haircut["DTSTART"].dt == shown.starts_at
    assert b"BEGIN:VTIMEZONE" in answer.content
    assert b"X-WR-CALNAME:Ada's day" in answer.content


async def test_a_feed_says_where_an_appointment_takes_place(tenant: Tenant) -> None:
    await tenant.know_business(address="Hauptstr. 1, Berlin")
    await tenant.know_appointments(
        tenant.an_appointment(service_name="At the business"),
        tenant.an_appointment(service_name="Video", location_kind="video", location_text="https://meet.example.com/1"),
        tenant.an_appointment(service_name="At the client's", location_kind="client_address"),
    )
    feed = await tenant.a_feed()

    answer = await tenant.anonymous.get(path_of(feed))
    await tenant.know_business(address="Hauptstr. 2, Berlin", version=2)
    moved = await tenant.anonymous.get(path_of(feed), headers={"If-None-Match": answer.headers["etag"]})

    places = {str(event["SUMMARY"]): event.get("LOCATION") for event in events_of(answer.content)}
    assert places == {
        "At the business": "Hauptstr. 1, Berlin",
        "Video": "https://meet.example.com/1",
        "At the client's": None,
    }
    assert moved.status_code == 200


async def test_a_feed_can_hide_what_is_done(tenant: Tenant) -> None:
    await tenant.know_appointments(tenant.an_appointment())
    feed = await tenant.a_feed(title="busy")

    answer = await tenant.anonymous.get(path_of(feed))

    assert b"Haircut" not in answer.content
    assert [str(event["SUMMARY"]) for event in events_of(answer.content)] == ["Busy"]


async def test_a_rescheduled_appointment_is_one_event_and_a_cancelled_one_is_marked(tenant: Tenant) -> None:
    uid = "chain@slotstream"
    later = datetime(2026, 3, 30, 9, tzinfo=UTC)
    await tenant.know_appointments(
        tenant.an_appointment(calendar_uid=uid, status="rescheduled"),
        tenant.an_appointment(
            calendar_uid=uid, calendar_sequence=1, starts_at=later, ends_at=later + timedelta(hours=1)
        ),
        tenant.an_appointment(calendar_uid="gone@slotstream", calendar_sequence=1, status="cancelled"),
    )
    feed = await tenant.a_feed()

    events = {str(event["UID"]): event for event in events_of((await tenant.anonymous.get(path_of(feed))).content)}

    assert events[uid]["DTSTART"].dt == later
    assert int(events[uid]["SEQUENCE"]) == 1
    assert str(events["gone@slotstream"]["STATUS"]) == "CANCELLED"


async def test_a_feed_answers_304_until_an_appointment_changes(tenant: Tenant) -> None:
    appointment = tenant.an_appointment()
    await tenant.know_appointments(appointment)
    feed = await tenant.a_feed()
    first = await tenant.anonymous.get(path_of(feed))
    tag = {"If-None-Match": f'"other", W/{first.headers["etag"]}'}

    unchanged = await tenant.anonymous.get(path_of(feed), headers=tag)
    await tenant.know_appointments(tenant.an_appointment(id=appointment.id, version=2, status="confirmed"))
    changed = await tenant.anonymous.get(path_of(feed), headers=tag)

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert changed.status_code == 200
    assert (await tenant.anonymous.get(path_of(feed))).content == changed.content


async def test_a_feed_answers_head_as_it_answers_get_without_the_calendar(tenant: Tenant) -> None:
    await tenant.know_appointments(tenant.an_appointment())
    feed = await tenant.a_feed()

    got = await tenant.anonymous.get(path_of(feed))
    headed = await tenant.anonymous.head(path_of(feed))
    unchanged = await tenant.anonymous.head(path_of(feed), headers={"If-None-Match": got.headers["etag"]})
    nothing = await tenant.anonymous.head("/feeds/nothing.ics")

    assert (headed.status_code, headed.content) == (200, b"")
    for name in ("etag", "content-type", "content-length", "cache-control"):
        assert headed.headers[name] == got.headers[name]
    assert (unchanged.status_code, nothing.status_code) == (304, 404)


async def test_a_rotated_or_revoked_address_is_dead(tenant: Tenant) -> None:
    feed = await tenant.a_feed()
    rotated = (await tenant.http.post(f"/v1/feeds/{feed['id']}/rotate")).json()
    assert rotated["url"] != feed["url"]
    assert (await tenant.anonymous.get(path_of(feed))).status_code == 404
    assert (await tenant.anonymous.get(path_of(rotated))).status_code == 200

    assert (await tenant.http.delete(f"/v1/feeds/{feed['id']}")).status_code == 204
    dead = await tenant.anonymous.get(path_of(rotated))

    assert (dead.status_code, dead.json()["code"]) == (404, "feed_not_found")


async def test_a_feed_of_an_archived_resource_is_not_there_until_the_resource_is_back(tenant: Tenant) -> None:
    feed = await tenant.a_feed()
    await tenant.know_resource(version=2, archived=True)
    dead = await tenant.anonymous.get(path_of(feed))
    assert (dead.status_code, dead.json()["code"]) == (404, "feed_not_found")

    await tenant.know_resource(version=3)
    assert (await tenant.anonymous.get(path_of(feed))).status_code == 200


@pytest.mark.parametrize("what", ["connections", "feeds"])
async def test_two_that_come_at_once_do_not_both_take_the_last_place(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 1)
    monkeypatch.setattr(feeds, "MOST_FEEDS", 1)
    more = {"kind": "ics", "url": "https://example.com/a.ics"} if what == "connections" else {}
    body = {"resource_id": str(tenant.resource_id), **more}

    answers = await asyncio.gather(*(tenant.http.post(f"/v1/{what}", json=body) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {f"too_many_{what}"}
    [kept] = (await tenant.http.get(f"/v1/{what}")).json()["items"]
    assert (await tenant.http.delete(f"/v1/{what}/{kept['id']}")).status_code == 204
    assert (await tenant.http.post(f"/v1/{what}", json=body)).status_code == 201


async def test_the_secret_is_shown_once_and_stored_nowhere(tenant: Tenant) -> None:
    body = {"resource_id": str(tenant.resource_id)}
    first = await tenant.http.post("/v1/feeds", json=body, headers={"Idempotency-Key": "k"})
    again = await tenant.http.post("/v1/feeds", json=body, headers={"Idempotency-Key": "k"})
    secret = first.json()["url"].rpartition("/")[2].removesuffix(".ics")

    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.headers["cache-control"] == "no-store"
    assert secret not in (await tenant.http.get("/v1/feeds")).text
    assert secret not in (await tenant.http.get(f"/v1/feeds/{first.json()['id']}")).text
    async with tenant.database.system_transaction() as session:
        stored = await session.execute(
            text(
                "SELECT t::text FROM feeds t UNION ALL "
                "SELECT encode(body, 'escape') FROM idempotency_keys WHERE body IS NOT NULL"
            )
        )
        assert all(secret not in row for row in stored.scalars())


@pytest.mark.parametrize("secret", ["x", "x" * 300, "..%2f..%2fetc", "%00", "'; DROP TABLE feeds; --"])
async def test_a_made_up_address_gives_nothing_away(tenant: Tenant, secret: str) -> None:
    answer = await tenant.anonymous.get(f"/feeds/{secret}.ics")

    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_document_names_every_operation(tenant: Tenant) -> None:
    document = (await tenant.anonymous.get("/openapi.json")).json()

    operations = {each["operationId"] for path in document["paths"].values() for each in path.values()}
    assert operations == {
        "create_connection", "list_connections", "get_connection", "update_connection", "delete_connection",
        "sync_connection", "create_feed", "list_feeds", "get_feed", "rotate_feed_secret", "delete_feed",
        "read_feed",
    }  # fmt: skip
