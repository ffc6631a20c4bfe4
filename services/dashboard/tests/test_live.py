"""Live events: told to those who may see them, resumed where they broke off, ended with the session."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import orjson
import pytest
from dashboard_tenant import Tenant
from starlette.types import Message, Scope

from dashboard.api.live import LiveHub
from dashboard.api.sessions_memory import SessionMemory
from dashboard.domain.live import LiveEvent
from dashboard.domain.sessions import SignedIn
from dashboard.usecases.live import keep_live_events
from dashboard.usecases.sessions import find_session, live_sessions
from slotstream_servicekit.testing.plugin import until

pytestmark = pytest.mark.service


@dataclass(kw_only=True)
class OpenStream:
    """A browser's EventSource, driven by hand."""

    text: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.text += message.get("body", b"").decode()
            self.ended = not message.get("more_body", False)

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = [line for line in self.text.splitlines() if line.startswith('data: {"id"')]
        return [orjson.loads(line.removeprefix("data: ")) for line in lines]

    @property
    def subjects(self) -> list[str]:
        return [event["subject"] for event in self.events]

    async def close(self) -> None:
        self.gone.set()
        if self.task is not None:
            await asyncio.wait_for(self.task, 60)


async def open_stream(tenant: Tenant, cookie: str | None, *, last_event_id: str | None = None) -> OpenStream:
    headers = [(b"host", b"desk.example.com"), (b"cookie", f"__Host-slotstream={cookie}".encode())]
    if last_event_id is not None:
        headers.append((b"last-event-id", last_event_id.encode()))
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": "/events/stream",
        "raw_path": b"/events/stream",
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": ("192.0.2.7", 1),
        "server": ("desk.example.com", 443),
    }
    stream = OpenStream()
    stream.task = asyncio.ensure_future(tenant.app(scope, stream.receive, stream.send))
    await until(lambda: stream.status, what="the stream begins")
    return stream


def an_event(tenant: Tenant, **more: Any) -> LiveEvent:
    values: dict[str, Any] = {
        "id": uuid4(),
        "organization_id": tenant.organization_id,
        "topic": "slotstream.appointments.v1",
        "type": "slotstream.appointment.confirmed",
        "subject": str(uuid4()),
        "version": 2,
        "business_id": uuid4(),
        "resource_ids": (),
        "created_at": tenant.now,
    }
    return LiveEvent(**{**values, **more})


async def happen(tenant: Tenant, *events: LiveEvent) -> None:
    await keep(tenant, events)


async def keep(tenant: Tenant, events: Sequence[LiveEvent]) -> None:
    async with tenant.database.system_transaction() as session:
        await keep_live_events(session=session, events=events, now=tenant.now, retention=timedelta(minutes=15))


async def test_an_event_reaches_the_streams_of_its_organization_and_no_other(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    stream = await open_stream(tenant, browser.cookie)
    own, foreign = an_event(tenant), an_event(tenant, organization_id=uuid4())

    await happen(tenant, foreign, own)
    await until(lambda: stream.events, what="the event arrives")

    assert stream.status == 200
    assert stream.headers["content-type"] == "text/event-stream"
    assert stream.headers["cache-control"] == "no-cache, no-transform"
    assert stream.headers["x-accel-buffering"] == "no"
    assert stream.text.startswith("retry: ")
    assert stream.events == [
        {
            "id": str(own.id),
            "topic": "slotstream.appointments.v1",
            "type": "slotstream.appointment.confirmed",
            "subject": own.subject,
            "version": 2,
            "organization": str(tenant.organization_id),
        }
    ]
    await stream.close()


async def test_who_is_limited_to_businesses_or_a_calendar_hears_of_those_alone(tenant: Tenant) -> None:
    business, calendar = uuid4(), uuid4()
    _, browser = await tenant.member(role="staff", business_ids=[str(business)], resource_id=str(calendar))
    stream = await open_stream(tenant, browser.cookie)
    hidden = [
        an_event(tenant, resource_ids=(calendar,)),
        an_event(tenant, business_id=business, resource_ids=(uuid4(),)),
        an_event(tenant, business_id=business, resource_ids=()),
    ]
    shown = [
        an_event(tenant, business_id=business, resource_ids=(uuid4(), calendar)),
        an_event(tenant, business_id=None, resource_ids=()),
    ]

    await happen(tenant, *hidden, *shown)
    await until(lambda: len(stream.events) >= 2, what="the events arrive")

    assert stream.subjects == [event.subject for event in shown]
    await stream.close()


async def test_a_stream_goes_on_after_the_last_event_that_was_seen(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    events = [an_event(tenant) for _ in range(3)]
    await happen(tenant, *events, an_event(tenant, organization_id=uuid4()))

    resumed = await open_stream(tenant, browser.cookie, last_event_id=str(events[0].id))
    await until(lambda: len(resumed.events) >= 2, what="what was missed arrives")
    unknown = await open_stream(tenant, browser.cookie, last_event_id=str(uuid4()))
    junk = await open_stream(tenant, browser.cookie, last_event_id="0; DROP TABLE users")
    await until(lambda: "event: gap" in unknown.text and "event: gap" in junk.text, what="a gap is told")
    fresh = await open_stream(tenant, browser.cookie)

    assert resumed.subjects == [event.subject for event in events[1:]]
    assert "event: gap" not in resumed.text
    assert unknown.events == junk.events == fresh.events == []
    for stream in (resumed, unknown, junk, fresh):
        await stream.close()


async def test_what_happens_between_a_pages_first_answer_and_its_stream_is_told(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    read_when_empty = (await browser.http.get("/api/session")).json()["live_place"]
    first, second = an_event(tenant), an_event(tenant)
    await happen(tenant, an_event(tenant, organization_id=uuid4()), first)
    read_after_one = (await browser.http.get("/api/session")).json()["live_place"]
    await happen(tenant, second)

    streams = [
        await open_stream(tenant, browser.cookie, last_event_id=place) for place in (read_when_empty, read_after_one)
    ]
    await until(lambda: all(second.subject in stream.subjects for stream in streams), what="both are told")
    tenant.pass_time(timedelta(minutes=15))
    late = await open_stream(tenant, browser.cookie, last_event_id=read_when_empty)
    await until(lambda: "event: gap" in late.text, what="a gap is told")

    assert streams[0].subjects == [first.subject, second.subject]
    assert streams[1].subjects == [second.subject]
    assert not any("event: gap" in stream.text for stream in streams)
    assert late.events == []
    for stream in (*streams, late):
        await stream.close()


@pytest.mark.parametrize("place", ["none-since-", "none-since-x", f"none-since-{'9' * 40}", "none-since--9", "\xb2"])
async def test_a_forged_place_is_a_gap(tenant: Tenant, place: str) -> None:
    await happen(tenant, an_event(tenant))
    stream = await open_stream(tenant, (await tenant.signed_in()).cookie, last_event_id=place)
    await until(lambda: "event: gap" in stream.text, what="a gap is told")
    assert stream.events == []
    await stream.close()


async def test_browsers_that_come_at_once_wait_their_turn(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a deployment all of them do. More would ask for a connection than the pool lets wait."""
    cookies = [(await tenant.signed_in()).cookie for _ in range(12)]
    asking, most = 0, 0
    gate = asyncio.Event()

    async def read_when_let(**asked: Any) -> Any:
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        await gate.wait()
        try:
            return await find_session(**asked)
        finally:
            asking -= 1

    monkeypatch.setattr("dashboard.api.sessions_memory.find_session", read_when_let)
    tenant.pass_time(timedelta(minutes=1))
    at_once = tenant.settings.database_pool_size // 2

    opening = asyncio.gather(*(open_stream(tenant, cookie) for cookie in cookies))
    await until(lambda: asking == at_once, what="as many read as may at once")
    gate.set()
    streams = await opening

    assert [stream.status for stream in streams] == [200] * 12
    assert most == at_once
    for stream in streams:
        await stream.close()


async def test_another_organizations_event_is_no_place_to_go_on_from(tenant: Tenant) -> None:
    foreign = an_event(tenant, organization_id=uuid4())
    await happen(tenant, foreign, an_event(tenant))

    stream = await open_stream(tenant, (await tenant.signed_in()).cookie, last_event_id=str(foreign.id))
    await until(lambda: "event: gap" in stream.text, what="a gap is told")

    assert stream.events == []
    await stream.close()


async def test_a_stream_beats_and_ends_soon_after_its_session_or_its_rights(tenant: Tenant) -> None:
    demoted, first = await tenant.member("ada@example.com", role="manager")
    _, second = await tenant.member("bo@example.com", role="manager")
    _, third = await tenant.member("cy@example.com", role="manager")
    streams = [await open_stream(tenant, browser.cookie) for browser in (first, second, third)]
    tenant.pass_time(timedelta(seconds=16))
    await until(lambda: all(stream.text.count("event: beat") >= 2 for stream in streams), what="a beat")

    await tenant.api().patch(f"/v1/users/{demoted['id']}", json={"role": "viewer"})
    await second.change("DELETE", "/api/session")
    tenant.pass_time(timedelta(seconds=16))
    await until(lambda: streams[0].ended and streams[1].ended, what="the two end")

    assert all("event: end" in stream.text for stream in streams[:2])
    assert not streams[2].ended
    for stream in streams:
        await stream.close()


async def test_a_stream_that_opens_while_the_others_are_looked_at_goes_on(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = await tenant.member("ada@example.com", role="manager")
    _, second = await tenant.member("bo@example.com", role="manager")
    streams = [await open_stream(tenant, first.cookie)]

    async def read_slowly(**asked: Any) -> frozenset[UUID]:
        alive = await live_sessions(**asked)
        if len(streams) < 2:
            streams.append(await open_stream(tenant, second.cookie))
        return alive

    monkeypatch.setattr("dashboard.api.live.live_sessions", read_slowly)
    for _ in range(2):
        beats = streams[0].text.count("event: beat")
        tenant.pass_time(timedelta(seconds=16))
        await until(lambda: streams[0].text.count("event: beat") > beats, what="a beat")  # noqa: B023 - awaited here

    assert len(streams) == 2
    assert not any("event: end" in stream.text for stream in streams)
    for stream in streams:
        await stream.close()


async def test_nobody_listens_without_a_session_and_no_session_without_bounds(tenant: Tenant) -> None:
    nobody = await open_stream(tenant, "made-up")
    browser = await tenant.signed_in()
    streams = [await open_stream(tenant, browser.cookie) for _ in range(9)]

    assert nobody.status == 401
    assert [stream.status for stream in streams] == [200] * 8 + [429]
    assert orjson.loads(streams[-1].text)["code"] == "too_many_streams"
    assert "close some" in orjson.loads(streams[-1].text)["detail"]
    assert streams[-1].headers["retry-after"] == "15"
    for stream in streams:
        await stream.close()
    again = await open_stream(tenant, browser.cookie)
    assert again.status == 200
    await again.close()


async def test_many_sessions_of_one_person_do_not_take_the_places_of_others(tenant: Tenant) -> None:
    browsers = [await tenant.signed_in() for _ in range(4)]
    streams = [await open_stream(tenant, browser.cookie) for browser in browsers[:3] for _ in range(8)]
    refused = await open_stream(tenant, browsers[3].cookie)
    _, other = await tenant.member("ada@example.com")
    others = await open_stream(tenant, other.cookie)

    assert {stream.status for stream in streams} == {200}
    assert (refused.status, others.status) == (429, 200)
    await streams.pop().close()
    again = await open_stream(tenant, browsers[3].cookie)
    assert again.status == 200
    for stream in [*streams, others, again]:
        await stream.close()


async def test_opening_a_stream_looks_at_ones_own_and_at_nobody_elses(tenant: Tenant) -> None:
    """However many listen in the organization: all of them come back at once when a process ends."""

    class NotLookedAt:
        def __getattr__(self, name: str) -> object:
            raise AssertionError("somebody else's stream was looked at")

    browser, (_, other) = await tenant.signed_in(), await tenant.member("ada@example.com")
    sessions: SessionMemory = tenant.app.state.dependencies.sessions
    hub = LiveHub(
        tenant.database,
        clock=lambda: tenant.now,
        every=timedelta(hours=1),
        beat=timedelta(hours=1),
        idle=timedelta(hours=1),
        retention=timedelta(hours=1),
        most=100,
        per_user=24,
        connecting=1,
    )
    others = [await hub.open(await sessions.get(other.cookie), last_event_id=None) for _ in range(3)]
    known = others[0].signed_in
    for stream in others:
        stream.signed_in = cast("SignedIn", NotLookedAt())

    own = await hub.open(await sessions.get(browser.cookie), last_event_id=None)

    hub.close(own)
    for stream in others:
        stream.signed_in = known
        hub.close(stream)


async def test_old_events_are_not_kept_and_repeated_ones_once(tenant: Tenant) -> None:
    event = an_event(tenant)
    await happen(tenant, an_event(tenant, created_at=tenant.now - timedelta(hours=1)), event)
    await happen(tenant, event)
    stream = await open_stream(tenant, (await tenant.signed_in()).cookie)

    async with tenant.database.system_transaction() as session:
        from sqlalchemy import text

        kept = (await session.execute(text("SELECT id FROM live_events"))).scalars().all()

    assert kept == [UUID(str(event.id))]
    await stream.close()
