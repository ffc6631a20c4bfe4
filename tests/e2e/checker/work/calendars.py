"""Members of staff whose own calendars are read, with whatever those calendars hold."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import httpx2
from harness.web import FileServer
from harness.world import World, expect, until_true

from checker.history import History
from checker.tenants import FIRST_SLOT, Tenant

EVENTS = 4
CHANGE_SECONDS = 1.0


@dataclass(kw_only=True)
class CalendarOwner:
    """Serves one organization's calendar, which turns hostile again and again and is sound in the end."""

    tenant: Tenant
    web: FileServer
    history: History
    random: random.Random
    key: dict[str, str] = field(default_factory=World.fresh_key, init=False)
    connection: str = field(default="", init=False)

    @property
    def path(self) -> str:
        return f"/{self.tenant.organization}.ics"

    async def work(self, stop: asyncio.Event) -> None:
        self.web.files[self.path] = a_calendar(EVENTS, moved=0)
        await until_true(self._connected, within=120, what="the calendar is connected")
        self.history.calendars[self.connection] = EVENTS
        try:
            while not stop.is_set():
                self.web.files[self.path] = self._content()
                await asyncio.sleep(CHANGE_SECONDS)
                if self.random.random() < 0.2:
                    await self._connect_under_foreign_id()
        finally:
            self.web.files[self.path] = a_calendar(EVENTS, moved=EVENTS)
        with contextlib.suppress(AssertionError, httpx2.TransportError):
            await until_true(self._is_read_again, within=120, what="the calendar is sound again")

    async def _connected(self) -> bool:
        body = {"kind": "ics", "resource_id": self.tenant.visiting, "url": self.web.url + self.path}
        answer = await self.tenant.world.calendar_sync.post("/v1/connections", json=body, headers=self.key)
        self.connection = expect(answer)["id"]
        return True

    async def _is_read_again(self) -> bool:
        """At once, however long the connection would wait after its failures."""
        world, path = self.tenant.world, f"/v1/connections/{self.connection}"
        expect(await world.calendar_sync.post(f"{path}/sync", headers=world.fresh_key()), 200, 202)
        await asyncio.sleep(2)
        return bool(expect(await world.calendar_sync.get(path))["state"] == "ok")

    async def _connect_under_foreign_id(self) -> None:
        """A connection with another organization's id, whose calendar has the same UIDs: theirs is left alone."""
        theirs = [connection for connection in self.history.calendars if connection != self.connection]
        if not theirs:
            return
        body = {
            "id": self.random.choice(theirs),
            "kind": "ics",
            "resource_id": self.tenant.visiting,
            "url": self.web.url + self.path,
        }
        try:
            answer = await self.tenant.world.calendar_sync.post(
                "/v1/connections", json=body, headers=self.tenant.world.fresh_key()
            )
        except httpx2.TransportError:
            return
        if answer.status_code < 300:
            self.history.calendars_taken.append(f"{self.tenant.organization} took connection {body['id']}")

    def _content(self) -> bytes:
        sound = a_calendar(EVENTS, moved=self.random.randrange(EVENTS))
        return self.random.choice((_as_it_is, *HOSTILE))(sound)


def a_calendar(events: int, *, moved: int) -> bytes:
    """The same UIDs for everybody; the first `moved` events are an hour later."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//checker//EN"]
    for number in range(events):
        starts_at = FIRST_SLOT + timedelta(days=number, hours=1 if number < moved else 0)
        ends_at = starts_at + timedelta(minutes=50)
        lines += ["BEGIN:VEVENT", f"UID:event-{number}@example.com", "DTSTAMP:20260101T000000Z"]
        lines += [f"DTSTART:{starts_at:%Y%m%dT%H%M%SZ}", f"DTEND:{ends_at:%Y%m%dT%H%M%SZ}", "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def _as_it_is(sound: bytes) -> bytes:
    return sound


def _with_line(line: bytes) -> Callable[[bytes], bytes]:
    """A calendar whose first event has one more line."""
    return lambda sound: sound.replace(b"END:VEVENT", line + b"\r\nEND:VEVENT", 1)


def _with_event(*lines: bytes) -> Callable[[bytes], bytes]:
    event = b"\r\n".join((b"BEGIN:VEVENT", *lines, b"END:VEVENT", b"END:VCALENDAR"))
    return lambda sound: sound.replace(b"END:VCALENDAR", event)


HOSTILE: tuple[Callable[[bytes], bytes], ...] = (
    lambda sound: sound.replace(b"UID:event-0", b"UID:event\x00-0"),
    lambda sound: sound[: len(sound) // 2],
    lambda sound: b"",
    lambda sound: b"<html>Sign in</html>",
    lambda sound: b"\xff\xfe\x00" * 1_000,
    lambda sound: sound.replace(b"DTSTART:2", b"DTSTART:9"),
    lambda sound: sound.replace(b"BEGIN:VEVENT", b"BEGIN:VEVENT\r\n" * 2_000, 1),
    _with_line(b"RRULE:FREQ=SECONDLY;INTERVAL=0"),
    _with_line(b"RRULE:FREQ=MINUTELY;COUNT=999999999"),
    _with_line(b"RRULE:FREQ=DAILY;UNTIL=00000000"),
    _with_line(b"SUMMARY:" + b"x" * 3_000_000),
    _with_line(b"DURATION:P99999999999W"),
    _with_event(b"UID:" + b"u" * 100_000, b"DTSTART:00010101T000000Z", b"DTEND:99991231T235959Z"),
    _with_event(b"UID:lonely", b"DTSTART;TZID=Nowhere/At All:20270301T100000"),
    _with_event(b"DTSTART;VALUE=DATE:20270301", b"RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31"),
)
"""What a sound calendar is made into; each is a kind of file that really was met, or an attack."""
