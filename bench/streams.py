"""What stands between browsers and services: the proxy of the one origin, and thousands of open streams."""

import asyncio
import statistics
import time
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import asyncpg

from bench.books import peak_mebibytes
from bench.front_desk import APPOINTMENTS, FrontDesk
from bench.measures import latency
from bench.world import FIRST, stamp
from dashboard.domain.sessions import digest_of, new_secret

TURNS = 3
AT_ONCE = 20
"""Browsers that connect at the same moment."""
PATIENCE_SECONDS = 60
HELD_SECONDS = 20
"""Long enough for a beat, at which the sessions of all streams are read."""
CHANGES = 10
_EVENT = b'"subject"'
"""What is in an event and not in a beat."""
_COPY_SESSION = """
INSERT INTO sessions (id, digest, {others})
SELECT gen_random_uuid(), copy.digest, {others}
FROM sessions, unnest($2::bytea[]) AS copy (digest) WHERE sessions.digest = $1
"""


@dataclass(frozen=True, slots=True)
class Proxied:
    """The median milliseconds of a call, to its service and through the dashboard."""

    direct: float
    proxied: float

    @property
    def ratio(self) -> float:
        return self.proxied / self.direct


@dataclass(frozen=True, slots=True)
class Streams:
    megabytes: float
    """The highest resident memory of the process that held them."""
    megabytes_before: float
    told_within_seconds: float
    """From a booking's request until the last browser had heard of it; the median."""


def proxied_calls(desk: FrontDesk) -> dict[str, Proxied]:
    """Each call by turns directly and through the proxy: the turn with the middle ratio."""
    day = f"from={stamp(FIRST)}&to={stamp(FIRST + timedelta(days=1))}"
    business = desk.world.business_id
    return {
        what: sorted((_proxied(desk, path) for _ in range(TURNS)), key=lambda turn: turn.ratio)[TURNS // 2]
        for what, path in {
            "a page of 100 appointments": f"/v1/appointments?business_id={business}&{day}&sort=starts_at&limit=100",
            "one appointment": f"/v1/appointments/{desk.appointments[0]}",
        }.items()
    }


def _proxied(desk: FrontDesk, path: str) -> Proxied:
    return Proxied(
        direct=latency(desk.platform.url("booking"), "GET", path, _authorization(desk), times=200),
        proxied=latency(desk.url, "GET", f"/api/booking{path}", {"Cookie": "=".join(desk.cookie)}, times=200),
    )


def _authorization(desk: FrontDesk) -> dict[str, str]:
    return {"Authorization": desk.booking.headers["Authorization"]}


def hold_streams(desk: FrontDesk, *, browsers: int) -> Streams:
    """So many browsers, each with a session of its own, listen to a dashboard that was just started."""
    desk.platform.restart("dashboard", by_kill=False)
    pid = desk.platform.processes["dashboard"].pid
    assert pid is not None
    before = _megabytes(pid)
    told = asyncio.run(_listen(desk, browsers))
    return Streams(_megabytes(pid), before, statistics.median(told))


def _megabytes(pid: int) -> float:
    return peak_mebibytes(pid) * 1.048576


@dataclass(slots=True)
class _Crowd:
    """What all browsers heard."""

    told_at: dict[asyncio.Protocol, float] = field(default_factory=dict)
    """When each browser heard of the latest change."""
    lost: int = 0


class _Browser(asyncio.Protocol):
    """Asks for the stream of one session. `live` is done with the first bytes of it."""

    def __init__(self, request: bytes, crowd: _Crowd) -> None:
        self._request = request
        self._crowd = crowd
        self.live: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.live.done():
            self.live.set_result(data)
        if _EVENT in data:
            self._crowd.told_at.setdefault(self, time.perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._crowd.lost += 1
        if not self.live.done():
            self.live.set_result(b"")


async def _listen(desk: FrontDesk, browsers: int) -> list[float]:
    """Seconds until the last of them had heard of each change."""
    crowd, gate = _Crowd(), asyncio.Semaphore(AT_ONCE)
    address = urlsplit(desk.url)
    name, _ = desk.cookie

    async def connect(secret: str) -> asyncio.BaseTransport:
        request = (
            f"GET /events/stream HTTP/1.1\r\nHost: {address.netloc}\r\nAccept: text/event-stream\r\n"
            f"Cookie: {name}={secret}\r\n\r\n"
        )
        async with gate:
            transport, browser = await asyncio.get_running_loop().create_connection(
                lambda: _Browser(request.encode(), crowd), address.hostname, address.port
            )
            first = await asyncio.wait_for(browser.live, PATIENCE_SECONDS)
        if not first.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"a stream was refused: {first[:200]!r}")
        return transport

    transports = await asyncio.gather(*map(connect, await _new_sessions(desk, browsers)))
    try:
        await asyncio.sleep(HELD_SECONDS)
        told = [
            await _tell_all(desk, crowd, number, browsers) for number in range(APPOINTMENTS, APPOINTMENTS + CHANGES)
        ]
        if crowd.lost:
            raise RuntimeError(f"{crowd.lost} of {browsers} streams ended early")
        return told
    finally:
        for transport in transports:
            transport.close()


async def _new_sessions(desk: FrontDesk, count: int) -> list[str]:
    """The owner's session so many times, written past the service: nobody signs in that often in a minute."""
    secrets = [new_secret() for _ in range(count)]
    connection = await asyncpg.connect(desk.platform.database_url("dashboard"))
    columns = await connection.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = 'sessions'")
    others = ", ".join(sorted({row[0] for row in columns} - {"id", "digest"}))
    copy = _COPY_SESSION.format(others=others)
    await connection.execute(copy, digest_of(desk.cookie[1]), [digest_of(secret) for secret in secrets])
    await connection.close()
    return secrets


async def _tell_all(desk: FrontDesk, crowd: _Crowd, number: int, browsers: int) -> float:
    crowd.told_at.clear()
    began = time.perf_counter()
    await asyncio.to_thread(desk.book, number)
    while len(crowd.told_at) < browsers:
        if time.perf_counter() - began > PATIENCE_SECONDS:
            raise RuntimeError(f"{len(crowd.told_at)} of {browsers} browsers heard of a change")
        await asyncio.sleep(0.01)
    return max(crowd.told_at.values()) - began
