"""`/events/stream`: what changes in the organization, as server-sent events.

One reader per process asks the database for what is new and hands it to the streams that may see it; a stream of its
own costs no query. The worker wrote the events there, since this role holds no Kafka client.
"""

import asyncio
import random
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from dashboard.api.browsers import session_secret
from dashboard.api.dependencies import dependencies_of
from dashboard.api.limits import SESSION
from dashboard.domain.live import LiveEvent, LivePlace, may_see
from dashboard.domain.sessions import SignedIn
from dashboard.domain.users import UserState
from dashboard.storage import NO_ORGANIZATION, LiveEventStore, NumberedEvent, UserStore
from dashboard.usecases.sessions import live_sessions
from slotstream_servicekit.background import BackgroundTask, pause_for
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import ErrorKind, SlotstreamError
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

BEAT: Final = b"event: beat\ndata: {}\n\n"
GAP: Final = b"event: gap\ndata: {}\n\n"
"""The page has missed something that cannot be told again: it reads what it shows anew."""
END: Final = b"event: end\ndata: {}\n\n"
"""The session has ended, or its rights have changed."""
_READ_AT_ONCE: Final = 1_000
_RESUMED_AT_MOST: Final = 500
_WAITING_AT_MOST: Final = 500
_PER_SESSION: Final = 8
"""A browser needs one, however many windows it has open."""


class TooManyStreamsError(SlotstreamError):
    code = "too_many_streams"
    kind = ErrorKind.rate_limited


@dataclass(slots=True, eq=False)
class Stream:
    """One browser's: what waits to be sent, and whether it is to end."""

    signed_in: SignedIn
    waiting: deque[bytes] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    is_ending: bool = False

    def tell(self, message: bytes) -> None:
        """A browser that reads too slowly is told once that it has missed something."""
        if self.is_ending:
            return
        if len(self.waiting) >= _WAITING_AT_MOST:
            self.waiting.clear()
            message = GAP
        self.waiting.append(message)
        self.news.set()

    def end(self) -> None:
        self.tell(END)
        self.is_ending = True

    async def next(self) -> bytes:
        """All that waits, in one piece."""
        await self.news.wait()
        self.news.clear()
        messages = b"".join(self.waiting)
        self.waiting.clear()
        return messages


class LiveHub:
    """Every stream of this process."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        every: timedelta,
        beat: timedelta,
        idle: timedelta,
        retention: timedelta,
        most: int,
        per_user: int,
        connecting: int,
    ) -> None:
        self._database = database
        self._clock = clock
        self._every = every
        self._beat = beat
        self._idle = idle
        self._retention = retention
        self._most = most
        self._per_user = per_user
        self.door = asyncio.Semaphore(connecting)
        """How many streams ask the database at once while they open. The others wait here, in the order in which they
        came: waiters of the pool overtake one another, and it gives up on them."""
        self._streams: dict[UUID, set[Stream]] = {}
        self._of_user: dict[UUID, set[Stream]] = {}
        """The same by user, of whom each has few: opening one looks at no others, however large the organization is."""
        self._count = 0
        self._seen: int | None = None
        self._beaten_at: datetime | None = None

    async def open(self, signed_in: SignedIn, *, last_event_id: str | None) -> Stream:
        """A stream that goes on after the last event that the browser saw. Raises TooManyStreamsError."""
        organization_id = signed_in.user.organization_id
        self._refuse_too_many(signed_in)
        stream = Stream(signed_in)
        self._streams.setdefault(organization_id, set()).add(stream)
        self._of_user.setdefault(signed_in.user.id, set()).add(stream)
        self._count += 1
        try:
            await self._resume(stream, last_event_id)
        except BaseException:
            self.close(stream)
            raise
        return stream

    def _refuse_too_many(self, signed_in: SignedIn) -> None:
        """Nobody takes the places of others, by one browser or by many sessions."""
        own = [stream.signed_in.session.id for stream in self._of_user.get(signed_in.user.id, ())]
        if own.count(signed_in.session.id) >= _PER_SESSION:
            detail = "This browser listens in too many windows already: close some, and this one is told again."
        elif len(own) >= self._per_user:
            detail = "You listen in too many browsers already: sign out of some, and this one is told again."
        elif self._count >= self._most:
            detail = "Too many browsers listen here just now: this one is let in when others have left."
        else:
            return
        raise TooManyStreamsError(detail, extra={"retry_after": 15})

    def close(self, stream: Stream) -> None:
        user = stream.signed_in.user
        if stream not in self._streams.get(user.organization_id, ()):
            return
        self._count -= 1
        for streams, key in ((self._streams, user.organization_id), (self._of_user, user.id)):
            streams[key].remove(stream)
            if not streams[key]:
                del streams[key]

    async def _resume(self, stream: Stream, last_event_id: str | None) -> None:
        """Puts what was missed before what comes from now on."""
        if self._seen is None:
            # Across organizations, as the reader counts.
            async with self._database.system_transaction() as session:
                last = await LiveEventStore(session).last_seq()
            self._seen = last if self._seen is None else self._seen
        missed: Iterable[NumberedEvent] | None = ()
        if last_event_id is not None:
            missed = await self._missed(stream.signed_in.user.organization_id, last_event_id, until=self._seen)
        if missed is None:
            stream.waiting.appendleft(GAP)
        else:
            told = [_message(numbered.event) for numbered in missed if may_see(stream.signed_in.user, numbered.event)]
            stream.waiting.extendleft(reversed(told))
        if stream.waiting:
            stream.news.set()

    async def _missed(self, organization_id: UUID, last_event_id: str, *, until: int) -> list[NumberedEvent] | None:
        """None where it cannot be told any more."""
        place = LivePlace.parse(last_event_id)
        if place is None or self._is_over(place):
            return None
        async with self._database.transaction(organization_id) as session:
            missed = await LiveEventStore(session).between(
                organization_id, after_id=place.event_id, until_seq=until, limit=_RESUMED_AT_MOST + 1
            )
        return None if missed is None or len(missed) > _RESUMED_AT_MOST else list(missed)

    def _is_over(self, place: LivePlace) -> bool:
        """Whether what came after it may have been swept away."""
        return place.empty_at is not None and self._clock() - place.empty_at >= self._retention

    def task(self) -> BackgroundTask:
        async def live(stop: asyncio.Event) -> None:
            while not stop.is_set():
                try:
                    await self.turn()
                except SlotstreamError as error:
                    log.warning("live_postponed", code=error.code)
                except Exception:
                    log.exception("live_failed")
                await pause_for(self._every.total_seconds(), stop)
            self.end_all()

        return live

    async def turn(self) -> None:
        """Hands on what is new, and beats where it is time to."""
        if not self._streams:
            self._seen = None
            return
        await self._hand_on()
        now = self._clock()
        if self._beaten_at is None or now - self._beaten_at >= self._beat:
            self._beaten_at = now
            await self._end_those_that_are_over(now)
            for stream in self._all():
                stream.tell(BEAT)

    def end_all(self) -> None:
        """The process stops: browsers come back, to another one."""
        for stream in self._all():
            stream.is_ending = True
            stream.news.set()

    def _all(self) -> list[Stream]:
        return [stream for streams in self._streams.values() for stream in streams]

    async def _hand_on(self) -> None:
        if self._seen is None:
            return
        while True:
            # Not for one request, but for all of the streams: each is told its own organization's alone.
            async with self._database.system_transaction() as session:
                events = await LiveEventStore(session).after(self._seen, limit=_READ_AT_ONCE)
            for numbered in events:
                self._seen = numbered.seq
                self._tell(numbered.event)
            if len(events) < _READ_AT_ONCE:
                return

    def _tell(self, event: LiveEvent) -> None:
        message: bytes | None = None
        for stream in self._streams.get(event.organization_id, ()):
            if may_see(stream.signed_in.user, event):
                message = message or _message(event)
                stream.tell(message)

    async def _end_those_that_are_over(self, now: datetime) -> None:
        """Sessions that have ended, and users whose rights are not what they were when the stream began.

        Of those that are open now: of one that opens while this is read, nothing was asked.
        """
        open_now = {organization_id: list(streams) for organization_id, streams in self._streams.items()}
        ids = {stream.signed_in.session.id for streams in open_now.values() for stream in streams}
        async with self._database.transaction(NO_ORGANIZATION) as session:
            alive = await live_sessions(session=session, session_ids=ids, now=now, idle=self._idle)
        for organization_id, streams in open_now.items():
            user_ids = {stream.signed_in.user.id for stream in streams}
            async with self._database.transaction(organization_id) as session:
                users = {user.id: user for user in await UserStore(session).find_all(organization_id, user_ids)}
            for stream in streams:
                user = users.get(stream.signed_in.user.id)
                unchanged = (
                    user is not None
                    and user.state is UserState.ACTIVE
                    and user.version == stream.signed_in.user.version
                )
                if stream.signed_in.session.id not in alive or not unchanged:
                    stream.end()


def _message(event: LiveEvent) -> bytes:
    content = {
        "id": event.id,
        "topic": event.topic,
        "type": event.type,
        "subject": event.subject,
        "version": event.version,
        "organization": event.organization_id,
    }
    return b"id: " + str(event.id).encode() + b"\ndata: " + orjson.dumps(content) + b"\n\n"


class EventStream:
    """The endpoint, without a framework around it: there are thousands of them, and each lasts for hours."""

    path: Final = "/events/stream"

    def __init__(self, hub: LiveHub) -> None:
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self
        request = Request(scope)
        dependencies = dependencies_of(request)
        last = request.headers.get("last-event-id") or request.query_params.get("last_event_id")
        async with self._hub.door:
            signed_in = await dependencies.sessions.get(session_secret(request, dependencies.settings))
            dependencies.limits.take(scope, signed_in.session.id, SESSION, dependencies.settings.session_rate)
            stream = await self._hub.open(signed_in, last_event_id=last)
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await _begin(send)
            await _send_until_gone(stream, gone, send)
        finally:
            gone.cancel()
            self._hub.close(stream)
            with suppress(asyncio.CancelledError):
                await gone


async def _begin(send: Send) -> None:
    """Not kept, not changed and not held back on the way; browsers come back at different moments."""
    headers = [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-cache, no-transform"),
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    retry = random.randint(1_000, 6_000)  # noqa: S311 - spreads load, guards nothing
    await send({"type": "http.response.body", "body": f"retry: {retry}\n\n".encode() + BEAT, "more_body": True})


async def _send_until_gone(stream: Stream, gone: "asyncio.Future[None]", send: Send) -> None:
    while not gone.done():
        next_one = asyncio.ensure_future(stream.next())
        waited_for: set[asyncio.Future[Any]] = {next_one, gone}
        await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
        if not next_one.done():
            next_one.cancel()
            return
        if messages := next_one.result():
            await send({"type": "http.response.body", "body": messages, "more_body": True})
        if stream.is_ending and not stream.waiting:
            await send({"type": "http.response.body", "body": b""})
            return


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def routes(hub: LiveHub) -> list[BaseRoute]:
    return [Route(EventStream.path, EventStream(hub), methods=["GET"])]
