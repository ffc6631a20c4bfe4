"""A service behind the gateway that keeps what it is asked and answers what it is told."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx2

from dashboard.domain.protocols import UpstreamError


@dataclass
class Answer:
    status: int
    headers: Sequence[tuple[bytes, bytes]]
    content: bytes
    is_endless: bool = False

    async def parts(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.content), 10):
            yield self.content[start : start + 10]
        if self.is_endless:
            await asyncio.Event().wait()

    def close(self) -> None:
        pass


@dataclass(kw_only=True)
class Upstream:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b'{"ok":true}'
    is_down: bool = False
    answer: Callable[[httpx2.Request, bytes], tuple[int, bytes]] | None = None
    """Decides by the request, where it is given."""
    is_endless: bool = False
    """Whether it answers with a stream of events that does not end."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first request."""
    requests: list[httpx2.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def ask(
        self,
        method: str,
        address: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes | AsyncIterable[bytes] | None = None,
        may_be_silent: bool = False,
    ) -> Answer:
        request = httpx2.Request(method, address, headers=headers)
        self.requests.append(request)
        self.asked.set()
        sent = await _whole(body)
        self.bodies.append(sent)
        if self.is_down:
            raise UpstreamError
        if self.is_endless:
            return Answer(200, [(b"Content-Type", b"text/event-stream")], b": here\n\n", is_endless=True)
        status, content = self.answer(request, sent) if self.answer is not None else (self.status, self.content)
        told = {"Content-Length": str(len(content)), **self.headers}
        return Answer(status, [(name.encode(), value.encode()) for name, value in told.items()], content)

    async def aclose(self) -> None:
        pass

    @property
    def last(self) -> httpx2.Request:
        return self.requests[-1]


async def _whole(body: bytes | AsyncIterable[bytes] | None) -> bytes:
    if body is None or isinstance(body, bytes):
        return body or b""
    try:
        return b"".join([part async for part in body])
    except Exception as error:
        raise UpstreamError from error
