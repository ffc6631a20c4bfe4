"""The services behind this origin, asked by aiohttp: its parser is in C, and a call costs a fifth of httpx's."""

from asyncio import sleep as pause
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from functools import partial
from typing import Final

import aiohttp
from yarl import URL

from dashboard.domain.protocols import UpstreamError

_MOST_CONNECTIONS: Final = 1_000
_KEPT_SECONDS: Final = 60.0
"""Less than services keep a connection that nobody uses: whoever closes it first must not be they."""
_NOBODY_THERE_PAUSES: Final = (0.1, 0.4)
"""Seconds. A balancer may lead to a process that has just gone for as long as it takes to hear of it."""
_ADDED_BY_ITSELF: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class HttpUpstreams:
    """Follows no redirect, keeps no cookie, unpacks nothing: what a service answers is the browser's to judge.

    A call that finds its connection closed is sent once more where its method is safe to repeat and its body has not
    been read. Where no connection can be had, nothing has been sent yet: whatever it is, it is tried again.
    """

    def __init__(self, *, connect_seconds: float, silent_seconds: float) -> None:
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=connect_seconds, sock_connect=connect_seconds, sock_read=silent_seconds
        )
        self._endless = aiohttp.ClientTimeout(total=None, connect=connect_seconds, sock_connect=connect_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self,
        method: str,
        address: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes | AsyncIterable[bytes] | None = None,
        may_be_silent: bool = False,
    ) -> "HttpAnswer":
        ask = partial(
            self._open_session().request,
            method,
            URL(address, encoded=True),
            headers=headers,
            data=body,
            allow_redirects=False,
            timeout=self._endless if may_be_silent else self._timeout,
        )
        try:
            for seconds in _NOBODY_THERE_PAUSES:
                try:
                    return HttpAnswer(await ask())
                except aiohttp.ClientConnectorError:
                    await pause(seconds)
            return HttpAnswer(await ask())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UpstreamError from error

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        """One for the process's life: it can be made where a loop runs only."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_MOST_CONNECTIONS, keepalive_timeout=_KEPT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_ADDED_BY_ITSELF,
            )
        return self._session


class HttpAnswer:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Sequence[tuple[bytes, bytes]] = response.raw_headers

    async def parts(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._response.content.iter_any():
                yield part
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UpstreamError from error

    def close(self) -> None:
        self._response.close()
