"""A service behind the gateway that keeps what it is asked and answers what it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import httpx2


class _Parts(httpx2.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._content), 10):
            yield self._content[start : start + 10]


class _Endless(httpx2.AsyncByteStream):
    """Begins, and then is silent for ever."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b": here\n\n"
        await asyncio.Event().wait()


@dataclass(kw_only=True)
class Upstream(httpx2.AsyncBaseTransport):
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b'{"ok":true}'
    failure: httpx2.TransportError | None = None
    answer: Callable[[httpx2.Request, bytes], tuple[int, bytes]] | None = None
    """Decides by the request, where it is given."""
    is_endless: bool = False
    """Whether it answers with a stream of events that does not end."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first request."""
    requests: list[httpx2.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        self.asked.set()
        body = bytearray()
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        async for part in request.stream:
            body += part
        self.bodies.append(bytes(body))
        if self.failure is not None:
            raise self.failure
        if self.is_endless:
            return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, stream=_Endless())
        status, content = self.answer(request, bytes(body)) if self.answer is not None else (self.status, self.content)
        headers = {"Content-Length": str(len(content)), **self.headers}
        return httpx2.Response(status, headers=headers, stream=_Parts(content), request=request)

    @property
    def last(self) -> httpx2.Request:
        return self.requests[-1]
