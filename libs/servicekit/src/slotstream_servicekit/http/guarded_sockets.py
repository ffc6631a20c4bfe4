"""Connections to hosts that users supply, for protocols other than HTTP, checked by the same guard."""

import asyncio
import socket
from collections.abc import Collection, Iterable, Sequence
from typing import NoReturn, cast

import httpcore2

from slotstream_servicekit.http.guarded import CONNECT_SECONDS, GuardedBackend, Resolve, resolve_with_system
from slotstream_servicekit.http.public_addresses import Network


class GuardedSockets:
    """Connects only to public addresses and those in `allowed`, at `ports`."""

    def __init__(
        self,
        *,
        allowed: Sequence[Network] = (),
        ports: Collection[int] = (),
        resolve: Resolve = resolve_with_system,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._backend = GuardedBackend(
            allowed=allowed, ports=ports, resolve=resolve, dialler=_Dialler(), connect_seconds=connect_seconds
        )

    async def connect(self, host: str, port: int) -> socket.socket:
        """A connected socket, which the caller closes. Raises GuardedHttpError after the same time for every reason."""
        return cast("_Connected", await self._backend.connect_tcp(host, port)).socket


class _Connected(httpcore2.AsyncNetworkStream):
    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected


class _Dialler(httpcore2.AsyncNetworkBackend):
    """Connects to the address that the guard has checked."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the overridden signature; the guard bounds the time
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore2.AsyncNetworkStream:
        connecting = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        connecting.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connecting, (host, port))
        except OSError as error:
            connecting.close()
            raise httpcore2.ConnectError(str(error)) from error
        except BaseException:
            connecting.close()
            raise
        return _Connected(connecting)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> NoReturn:
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
