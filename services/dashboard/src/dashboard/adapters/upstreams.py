"""The services behind this origin. Every call of a browser passes here: what one costs is told in ADR 0060."""

import asyncio
import re
import ssl
from asyncio import sleep as pause
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from dashboard.adapters.upstream_connections import CHUNKED, Body, Connection, ConnectionClosedError, HttpAnswer
from dashboard.domain.protocols import UpstreamError

_KEPT_SECONDS: Final = 60.0
"""Less than services keep a connection that nobody uses: whoever closes it first must not be they."""
_NOBODY_THERE_PAUSES: Final = (0.1, 0.4)
"""Seconds. A balancer may lead to a process that has just gone for as long as it takes to hear of it."""
_SAFE_TO_REPEAT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""RFC 9110 §9.2.2."""
_MORE_THAN_ONE_LINE: Final = re.compile(r"[\r\n\0]")
_PORTS: Final = {"http": 80, "https": 443}


class _NobodyThereError(UpstreamError):
    """No connection could be had: nothing was sent."""


class HttpUpstreams:
    """Follows no redirect, keeps no cookie, unpacks nothing: what a service answers is the browser's to judge.

    A call that finds its connection closed is sent once more where its method is safe to repeat and its body is at
    hand. Where no connection can be had, nothing has been sent yet: whatever it is, it is tried again.
    """

    def __init__(self, *, connect_seconds: float, silent_seconds: float) -> None:
        self._connect_seconds = connect_seconds
        self._silent_seconds = silent_seconds
        self._origins: dict[str, _Origin] = {}

    async def ask(
        self,
        method: str,
        address: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: Body = None,
        may_be_silent: bool = False,
    ) -> HttpAnswer:
        path = address.index("/", address.index("://") + 3)
        origin = self._origin(address[:path])
        head = _head(method, address[path:], origin.host_header, headers, body)
        silent = None if may_be_silent else self._silent_seconds
        is_repeatable = method in _SAFE_TO_REPEAT and (body is None or isinstance(body, bytes))
        while True:
            connection = origin.take() or await self._connect(origin)
            try:
                return await connection.ask(head, body, is_head=method == "HEAD", silent_seconds=silent)
            except ConnectionClosedError:
                if not is_repeatable:
                    raise
                is_repeatable = False

    async def aclose(self) -> None:
        for origin in self._origins.values():
            for connection in list(origin.open):
                connection.abort()

    def _origin(self, address: str) -> "_Origin":
        known = self._origins.get(address)
        if known is None:
            known = self._origins[address] = _Origin.of(address)
        return known

    async def _connect(self, origin: "_Origin") -> Connection:
        """Raises UpstreamError."""
        for seconds in _NOBODY_THERE_PAUSES:
            try:
                return await self._connect_once(origin)
            except _NobodyThereError:
                await pause(seconds)
        return await self._connect_once(origin)

    async def _connect_once(self, origin: "_Origin") -> Connection:
        try:
            async with asyncio.timeout(self._connect_seconds):
                return await origin.connect()
        except TimeoutError as error:
            raise UpstreamError from error
        except OSError as error:
            raise _NobodyThereError from error


@dataclass(slots=True, kw_only=True)
class _Origin:
    """One service's address, and the connections with it. `idle` ends with the one that was used last."""

    host: str
    port: int
    host_header: str
    tls: ssl.SSLContext | None
    open: set[Connection] = field(default_factory=set)
    idle: dict[Connection, None] = field(default_factory=dict)

    @classmethod
    def of(cls, address: str) -> "_Origin":
        parts = urlsplit(address)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"{address} is no address of a service")
        return cls(
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            host_header=parts.netloc.rpartition("@")[2],
            tls=ssl.create_default_context() if parts.scheme == "https" else None,
        )

    def take(self) -> Connection | None:
        """One that nobody uses."""
        now = asyncio.get_running_loop().time()
        while self.idle:
            connection, _ = self.idle.popitem()
            if connection.is_open and now - connection.used_at < _KEPT_SECONDS:
                return connection
            connection.abort()
        return None

    async def connect(self) -> Connection:
        """Raises OSError, and what the handshake raises (an OSError as well)."""
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(free=self._free, lost=self._lost), self.host, self.port, ssl=self.tls
        )
        self.open.add(connection)
        return connection

    def _free(self, connection: Connection) -> None:
        self.idle[connection] = None

    def _lost(self, connection: Connection) -> None:
        self.open.discard(connection)
        self.idle.pop(connection, None)


def _head(method: str, target: str, host: str, headers: Sequence[tuple[str, str]], body: Body) -> bytes:
    """Raises ValueError where a field is more than one line."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers)]
    if _MORE_THAN_ONE_LINE.search("".join(lines)):
        raise ValueError("a request's line or header has more than one line")
    head = "\r\n".join(lines).encode() + b"\r\n"
    if isinstance(body, bytes):
        return head + b"content-length: %d\r\n\r\n" % len(body)
    if body is None or any(name.lower() == "content-length" for name, _ in headers):
        return head + b"\r\n"
    return head + CHUNKED
