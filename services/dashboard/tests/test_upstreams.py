"""Services behind the origin, asked over real sockets: what they are sent, and what they may do wrong."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from dashboard.adapters import upstreams as upstreams_module
from dashboard.adapters.upstreams import HttpAnswer, HttpUpstreams
from dashboard.domain.protocols import UpstreamError

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEADERS = [("accept", "application/json"), ("if-match", '"Müller"')]


@dataclass
class Service:
    """Answers each request by `act`. `connections` counts those that were opened."""

    act: Callable[[bytes, Reader, Writer], Awaitable[None]]
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    address: str = ""

    async def serve(self, reader: Reader, writer: Writer) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                await self.act(head, reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def a_service(act: Callable[[bytes, Reader, Writer], Awaitable[None]]) -> AsyncIterator[Service]:
    service = Service(act)
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.address = "http://{}:{}".format(*server.sockets[0].getsockname())
    try:
        yield service
    finally:
        server.close()


@asynccontextmanager
async def the_upstreams(*, silent_seconds: float = 60) -> AsyncIterator[HttpUpstreams]:
    upstreams = HttpUpstreams(connect_seconds=60, silent_seconds=silent_seconds)
    try:
        yield upstreams
    finally:
        await upstreams.aclose()


def answering(answer: bytes) -> Callable[[bytes, Reader, Writer], Awaitable[None]]:
    async def act(_head: bytes, _reader: Reader, writer: Writer) -> None:
        writer.write(answer)

    return act


async def whole(answer: HttpAnswer) -> bytes:
    try:
        return b"".join([part async for part in answer.parts()])
    finally:
        answer.close()


async def test_a_service_is_sent_what_was_given_and_nothing_besides() -> None:
    async with a_service(answering(OK)) as service, the_upstreams() as upstreams:
        answer = await upstreams.ask("GET", f"{service.address}/v1/a%2Fb?q=%20+%C3%A9;x=[1]", headers=HEADERS)

        assert (answer.status, await whole(answer)) == (200, b"ok")

    first, *rest = service.heads[0].split(b"\r\n")
    assert first == b"GET /v1/a%2Fb?q=%20+%C3%A9;x=[1] HTTP/1.1"
    assert [line for line in rest if line and not line.startswith(b"Host: ")] == [
        b"accept: application/json",
        'if-match: "Müller"'.encode(),
    ]


async def test_connections_are_used_again() -> None:
    async with a_service(answering(OK)) as service, the_upstreams() as upstreams:
        for _ in range(3):
            await whole(await upstreams.ask("GET", f"{service.address}/v1/x", headers=[]))

        assert (service.connections, len(service.heads)) == (1, 3)


async def test_redirects_cookies_and_packed_bodies_are_passed_on_as_they_are() -> None:
    packed = gzip.compress(b"ok")
    head = (
        b"HTTP/1.1 307 Go\r\nLocation: /else\r\nSet-Cookie: a=1\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    )
    async with a_service(answering(head % len(packed) + packed)) as service, the_upstreams() as upstreams:
        answer = await upstreams.ask("GET", f"{service.address}/v1/x", headers=[])
        assert (answer.status, await whole(answer)) == (307, packed)
        assert (b"Location", b"/else") in answer.headers

        await whole(await upstreams.ask("GET", f"{service.address}/v1/x", headers=[]))

    assert len(service.heads) == 2
    assert b"cookie" not in service.heads[1].lower()


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_goes_on_part_by_part(declared: bool) -> None:
    received = bytearray()

    async def act(head: bytes, reader: Reader, writer: Writer) -> None:
        if b"chunked" in head:
            while size := int(await reader.readline(), 16):
                received.extend(await reader.readexactly(size))
                await reader.readline()
            await reader.readline()
        else:
            received.extend(await reader.readexactly(6))
        writer.write(OK)

    async def parts() -> AsyncIterator[bytes]:
        for part in (b"abc", b"def"):
            yield part

    headers = [("content-length", "6")] if declared else []
    async with a_service(act) as service, the_upstreams() as upstreams:
        answer = await upstreams.ask("PUT", f"{service.address}/v1/x", headers=headers, body=parts())
        assert await whole(answer) == b"ok"

    assert received == b"abcdef"
    assert (b"content-length: 6" in service.heads[0]) is declared


async def test_a_body_that_fails_fails_the_call_and_its_connection_is_not_used_again() -> None:
    async def act(head: bytes, reader: Reader, writer: Writer) -> None:
        if head.startswith(b"POST"):
            await reader.read()
        writer.write(OK)

    async def parts() -> AsyncIterator[bytes]:
        yield b"abc"
        raise RuntimeError("the client has gone")

    async with a_service(act) as service, the_upstreams() as upstreams:
        with pytest.raises(UpstreamError):
            await upstreams.ask("POST", f"{service.address}/v1/x", headers=[("content-length", "6")], body=parts())
        assert await whole(await upstreams.ask("GET", f"{service.address}/v1/x", headers=[])) == b"ok"

    assert service.connections == 2


async def test_nobody_there_no_answer_and_half_an_answer_are_errors() -> None:
    async def hang_up(_head: bytes, _reader: Reader, _writer: Writer) -> None:
        raise ConnectionError

    async def answer_half(_head: bytes, _reader: Reader, writer: Writer) -> None:
        writer.write(OK[:-1])
        raise ConnectionError

    async def say_nothing(_head: bytes, reader: Reader, _writer: Writer) -> None:
        await reader.read()

    async with the_upstreams() as upstreams:
        async with a_service(hang_up) as service:
            with pytest.raises(UpstreamError):
                await upstreams.ask("POST", f"{service.address}/v1/x", headers=[], body=b"{}")
            assert len(service.heads) == 1, "what may have been done was asked for twice"
        with pytest.raises(UpstreamError):
            await upstreams.ask("GET", f"{service.address}/v1/x", headers=[])
        async with a_service(answer_half) as service:
            answer = await upstreams.ask("GET", f"{service.address}/v1/x", headers=[])
            with pytest.raises(UpstreamError):
                await whole(answer)
    async with the_upstreams(silent_seconds=0.2) as upstreams, a_service(say_nothing) as service:
        with pytest.raises(UpstreamError):
            await upstreams.ask("GET", f"{service.address}/v1/x", headers=[])


async def test_what_nobody_could_be_sent_is_tried_again_whatever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(_head: bytes, reader: Reader, writer: Writer) -> None:
        assert await reader.readexactly(6) == b"abcdef"
        writer.write(OK)

    async def parts() -> AsyncIterator[bytes]:
        yield b"abc"
        yield b"def"

    service = Service(act)
    servers: list[asyncio.Server] = []
    gone = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    host, port = gone.sockets[0].getsockname()
    gone.close()

    async def comes_up_meanwhile(_seconds: float) -> None:
        servers.append(await asyncio.start_server(service.serve, host, port))

    async with the_upstreams() as upstreams:
        monkeypatch.setattr(upstreams_module, "pause", comes_up_meanwhile)
        answer = await upstreams.ask(
            "POST", f"http://{host}:{port}/v1/x", headers=[("content-length", "6")], body=parts()
        )
        assert await whole(answer) == b"ok"

    assert (len(servers), len(service.heads)) == (1, 1)
    servers[0].close()


async def test_a_stream_may_be_silent_and_whoever_closes_it_hangs_up() -> None:
    gone = asyncio.Event()

    async def stream(_head: bytes, reader: Reader, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n:1\n\r\n")
        await asyncio.sleep(0.3)
        writer.write(b"3\r\n:2\n\r\n")
        await reader.read()
        gone.set()

    async with a_service(stream) as service, the_upstreams(silent_seconds=0.1) as upstreams:
        answer = await upstreams.ask("GET", f"{service.address}/v1/x", headers=[], may_be_silent=True)
        parts = answer.parts()
        assert [await anext(parts), await anext(parts)] == [b":1\n", b":2\n"]
        assert not gone.is_set()

        answer.close()
        await asyncio.wait_for(gone.wait(), timeout=120)
