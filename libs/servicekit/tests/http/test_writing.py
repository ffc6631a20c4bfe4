import asyncio
from typing import Any, cast

import pytest

from slotstream_servicekit.http.server import HttpServer
from slotstream_servicekit.http.writing import _Joining

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class FakeTransport:
    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport()


def joining(transport: FakeTransport) -> _Joining:
    return _Joining(cast("asyncio.Transport", transport), asyncio.get_running_loop())


async def test_a_head_and_its_body_are_one_write(transport: FakeTransport) -> None:
    writer = joining(transport)
    writer.write(HEAD)
    writer.write(b"hi")
    await asyncio.sleep(0)

    assert transport.writes == [HEAD + b"hi"]


async def test_the_head_of_a_stream_leaves_before_there_is_a_body(transport: FakeTransport) -> None:
    writer = joining(transport)
    writer.write(HEAD)
    await asyncio.sleep(0)
    assert transport.writes == [HEAD]

    writer.write(b"first")
    writer.write(b"second")
    assert transport.writes == [HEAD, b"first", b"second"]


async def test_a_connection_that_closes_has_told_its_answer(transport: FakeTransport) -> None:
    writer = joining(transport)
    writer.write(HEAD)
    writer.close()

    assert transport.writes == [HEAD]
    assert transport.closed


async def test_nothing_is_written_to_a_connection_that_is_gone(transport: FakeTransport) -> None:
    writer = joining(transport)
    writer.write(HEAD)
    transport.closed = True
    await asyncio.sleep(0)

    assert transport.writes == []


async def test_a_server_joins_what_its_application_sends_apart() -> None:
    asked = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{kind}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        if scope["path"] == "/stream":
            await asked.wait()
        await send({"type": "http.response.body", "body": b"hi"})

    stop = asyncio.Event()
    server = HttpServer(app, host="127.0.0.1", port=0, grace_seconds=3)
    await server.start()
    running = asyncio.ensure_future(server.run(stop))
    host, _, port = server.address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for path in ("/at-once", "/stream"):
        writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        asked.set()
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert await reader.readuntil(b"0\r\n\r\n") == b"2\r\nhi\r\n0\r\n\r\n"
    writer.close()
    stop.set()
    await running
