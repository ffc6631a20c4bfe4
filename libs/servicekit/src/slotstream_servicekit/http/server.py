"""uvicorn as a part of our process. The process keeps its own signals and logs, and tells the server when to stop."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Generator

import uvicorn
from starlette.types import ASGIApp

from slotstream_servicekit.background import pause_for
from slotstream_servicekit.errors import StartError
from slotstream_servicekit.http.writing import JoiningProtocol

_BACKLOG = 2_048
_KEEP_ALIVE_SECONDS = 75
_TICK_SECONDS = 1.0
"""How often the `Date` header is updated."""


class ServerStartError(StartError):
    """The port is not free, or the application failed to start."""

    exit_code = 1


class HttpServer:
    """Serves `app` on one port. Port 0 means a free one, which `address` tells."""

    def __init__(self, app: ASGIApp, *, host: str, port: int, grace_seconds: float) -> None:
        self._host, self._port = host, port
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                http=JoiningProtocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                # Endless streams are cut shortly before the process itself ends.
                timeout_graceful_shutdown=max(1, int(grace_seconds) - 2),
            )
        )
        self._task: asyncio.Task[None] | None = None
        self.address = ""

    async def start(self) -> None:
        """Binds the port and starts the app. Raises ServerStartError."""
        bound = _bind(self._host, self._port)
        self.address = "http://{}:{}".format(*bound.getsockname()[:2])
        self._task = asyncio.ensure_future(self._serve(bound))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0.01)
        if self._task.done():
            await self._task

    async def run(self, stop: asyncio.Event) -> None:
        """Serves until `stop` is set. Then it accepts no new connections, and finishes the current answers."""
        if self._task is None:
            await self.start()
        assert self._task is not None  # noqa: S101 - start() has set it
        waiting = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            self._server.leave()
        await self._task

    async def _serve(self, bound: socket.socket) -> None:
        try:
            await self._server.serve(sockets=[bound])
        except SystemExit:
            raise ServerStartError("the application's start-up failed; the log says why") from None
        finally:
            bound.close()


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        self._leaving.set()

    async def main_loop(self) -> None:
        """As uvicorn's, which checks ten times a second whether it must stop. This one is told."""
        while not self._leaving.is_set():
            await self.on_tick(0)
            await pause_for(_TICK_SECONDS, self._leaving)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield  # The runtime decides what a signal means for all parts of the process.


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise ServerStartError(f"port {port} on {host} is taken by another process") from None
        raise ServerStartError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    bound.setblocking(False)
    bound.listen(_BACKLOG)
    return bound
