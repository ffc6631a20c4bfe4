"""HTTP/1.1 with one service, over httptools: the parser that uvicorn answers with, and no more around it than a proxy
needs. One request at a time on each connection.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from dashboard.domain.protocols import UpstreamError

CHUNKED: Final = b"transfer-encoding: chunked\r\n\r\n"
"""How a request's head ends whose body is of unknown length."""
_MOST_HEAD_BYTES: Final = 131_072
_MOST_WAITING_BYTES: Final = 262_144
"""Of an answer, as long as nobody takes it; then the service has to wait."""
_OK: Final = 200
_NO_BODY: Final = frozenset({204, 304})
_LAST_CHUNK: Final = b"0\r\n\r\n"

Headers = Sequence[tuple[bytes, bytes]]
Body = bytes | AsyncIterable[bytes] | None


class ConnectionClosedError(UpstreamError):
    """The connection was closed before the first byte of an answer: the request may not have been seen at all."""


class _UnaskedError(Exception):
    """Whatever comes now would be taken for the answer to what is asked next."""


class HttpAnswer:
    """Filled by its connection: `status` and `headers` are there when it is handed out."""

    __slots__ = ("_connection", "_error", "_is_whole", "_parts", "_waiter", "_waiting_bytes", "headers", "status")

    def __init__(self, connection: "Connection") -> None:
        self.status = 0
        self.headers: Headers = ()
        self._connection = connection
        self._parts: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_whole = False
        self._error: UpstreamError | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def waiting_bytes(self) -> int:
        """How much of it has come that nobody has taken."""
        return self._waiting_bytes

    async def parts(self) -> AsyncIterator[bytes]:
        while True:
            while self._parts:
                yield self._take()
            if self._is_whole:
                return
            await self._change()

    def close(self) -> None:
        if not self._is_whole:
            self._connection.abort()

    async def wait_for_head(self) -> None:
        """Raises UpstreamError."""
        while not self.status:
            await self._change()

    def fill(self, part: bytes) -> bool:
        """Whether there is room for more."""
        self._parts.append(part)
        self._waiting_bytes += len(part)
        self._wake()
        return self._waiting_bytes < _MOST_WAITING_BYTES

    def begin(self, status: int, headers: Headers) -> None:
        self.status, self.headers = status, headers
        self._wake()

    def end(self, error: UpstreamError | None = None) -> None:
        self._is_whole, self._error = error is None, error
        self._wake()

    def _take(self) -> bytes:
        part = self._parts.popleft() if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._waiting_bytes = 0
        if not self._is_whole:
            self._connection.go_on()
        return part

    async def _change(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Connection(asyncio.Protocol):
    """`free` is called when an answer is whole and the next request may be sent, `lost` when none may any more."""

    def __init__(self, *, free: "Callable[[Connection], None]", lost: "Callable[[Connection], None]") -> None:
        self._loop = asyncio.get_running_loop()
        self._free = free
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._answer: HttpAnswer | None = None
        self._is_head = False
        self._is_kept = False
        self._head_bytes = 0
        self._sending: asyncio.Task[None] | None = None
        self._may_write: asyncio.Future[None] | None = None
        self._is_paused = False
        self._silent_seconds: float | None = None
        self._heard_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self.used_at = self._loop.time()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, head: bytes, body: Body, *, is_head: bool, silent_seconds: float | None) -> HttpAnswer:
        """The answer to a request, its body still to come. A body of unknown length is sent in chunks.

        Raises UpstreamError; ConnectionClosedError where the connection was closed before anything was answered.
        """
        transport = self._transport
        if transport is None:
            raise ConnectionClosedError
        answer = self._answer = HttpAnswer(self)
        self._is_head, self._head_bytes = is_head, 0
        self._silent_seconds, self._heard_at = silent_seconds, self._loop.time()
        if silent_seconds is not None and self._watch is None:
            self._watch = self._loop.call_later(silent_seconds, self._look_whether_silent)
        transport.write(head + body if isinstance(body, bytes) else head)
        if body is not None and not isinstance(body, bytes):
            self._sending = asyncio.ensure_future(self._send(body, transport, in_chunks=head.endswith(CHUNKED)))
        try:
            await answer.wait_for_head()
        except BaseException:
            self.abort()
            raise
        return answer

    def abort(self) -> None:
        """Nothing more is wanted of it, nor sent to it."""
        self._end(UpstreamError())
        if self._transport is not None:
            self._transport.abort()

    def go_on(self) -> None:
        """There is room for more of the answer."""
        if not self._is_paused:
            return
        self._is_paused = False
        self._heard_at = self._loop.time()
        if self._transport is not None and self.is_open:
            self._transport.resume_reading()

    async def _send(self, body: AsyncIterable[bytes], transport: asyncio.Transport, *, in_chunks: bool) -> None:
        try:
            async for part in body:
                if in_chunks and not part:
                    continue  # It would end the body.
                transport.write(b"%x\r\n%b\r\n" % (len(part), part) if in_chunks else part)
                self._heard_at = self._loop.time()
                if self._may_write is not None:
                    await self._may_write
            if in_chunks:
                transport.write(_LAST_CHUNK)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the service is not sent the rest
            error = UpstreamError()
            error.__cause__ = failure
            self._sending = None
            self._end(error)
            transport.abort()
            return
        self._sending = None

    def _look_whether_silent(self) -> None:
        self._watch = None
        if self._answer is None or self._silent_seconds is None:
            return
        silent = 0.0 if self._is_paused else self._loop.time() - self._heard_at
        if silent >= self._silent_seconds:
            self.abort()
        else:
            self._watch = self._loop.call_later(self._silent_seconds - silent, self._look_whether_silent)

    def _end(self, error: UpstreamError | None = None) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.end(error)
        if error is not None and self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _rest(self) -> None:
        """Between two requests."""
        assert self._transport is not None  # noqa: S101 - somebody has just heard or sent something
        if self._is_kept and not self._transport.is_closing():
            self.go_on()
            self.used_at = self._loop.time()
            self._free(self)
        else:
            self._transport.close()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._watch is not None:
            self._watch.cancel()
        answer = self._answer
        if answer is not None and exc is None and _lasts_as_long_as_its_connection(answer):
            self._end()
        elif answer is not None:
            self._end(UpstreamError() if self._head_bytes else ConnectionClosedError())
        if self._sending is not None:
            self._sending.cancel()
        self._lost(self)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        if self._answer is None or (not self._answer.status and self._head_bytes > _MOST_HEAD_BYTES):
            # Said unasked, or without end.
            self.abort()
            return
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.abort()

    def pause_writing(self) -> None:
        self._may_write = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._may_write is not None and not self._may_write.done():
            self._may_write.set_result(None)
        self._may_write = None

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._answer is None:
            raise _UnaskedError
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < _OK or self._answer is None:
            return  # It says that there is an answer to come.
        self._answer.begin(status, self._headers)
        if self._is_head or status in _NO_BODY:
            self.on_message_complete()
            # This one waits for as many bytes as the head may have told of, and that do not come.
            self._parser = HttpResponseParser(self)

    def on_body(self, data: bytes) -> None:
        if self._answer is None:
            raise _UnaskedError
        if self._answer.fill(data) or self._is_paused or not self.is_open:
            return
        self._is_paused = True
        cast("asyncio.Transport", self._transport).pause_reading()

    def on_message_complete(self) -> None:
        if self._answer is None or not self._answer.status:
            return
        self._is_kept = self._parser.should_keep_alive()
        self._end()
        if self._sending is None:
            self._rest()
        else:
            self.abort()  # Nobody reads the rest of the request.


def _lasts_as_long_as_its_connection(answer: HttpAnswer) -> bool:
    """A body whose length nobody has told (RFC 9112 §6.3)."""
    names = {name.lower() for name, _ in answer.headers}
    return answer.status >= _OK and not names & {b"content-length", b"transfer-encoding"}
