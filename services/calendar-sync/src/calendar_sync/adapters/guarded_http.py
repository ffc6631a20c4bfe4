"""An HTTP client for addresses that users supply, which cannot be led into the operator's own network.

The host is resolved once, every address must be global, and the checked address itself is dialled, so that
a second, different DNS answer gains nothing. Each redirect hop opens its own connection and is checked in
the same place. The environment's proxies are ignored: behind one, the check would look at the proxy only.
"""

import asyncio
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NoReturn

import httpcore2
import httpx2

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

MAX_REDIRECTS = 5
_NAT64 = IPv6Network("64:ff9b::/96")


class GuardedHttpError(Exception):
    """The address was refused, or gave no usable answer. `code` is stable; `detail` names no path or query."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class GuardedAnswer:
    """The final answer after redirects, decoded and within its limits."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def resolve_with_system(host: str, port: int) -> Sequence[str]:
    """All addresses of `host`, by the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_reachable_for_users(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether a user may make us connect there: the public internet, or a network the operator listed."""
    if any(address in network for network in allowed if network.version == address.version):
        return True
    inner = _embedded(address)
    if inner is not None:
        return is_reachable_for_users(inner, allowed)
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    )


def _embedded(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to through mapping, 6to4, Teredo or NAT64."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Resolves, checks and dials. Every connection of a client passes here, redirects included."""

    def __init__(
        self,
        *,
        allowed: Sequence[Network] = (),
        resolve: Resolve = resolve_with_system,
        dialler: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve
        self._dialler = dialler or httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the overridden signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception | None = None
        for address in await self._checked_addresses(host, port):
            try:
                return await self._dialler.connect_tcp(
                    address,
                    port,
                    timeout=timeout,
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise GuardedHttpError("unreachable", "the host does not answer") from failure

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - the overridden signature
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> NoReturn:
        raise GuardedHttpError("address_not_allowed", "unix sockets are never dialled")

    async def sleep(self, seconds: float) -> None:
        await self._dialler.sleep(seconds)

    async def _checked_addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise GuardedHttpError("unresolvable", "the host name has no address") from error
        if not addresses:
            raise GuardedHttpError("unresolvable", "the host name has no address")
        for address in addresses:
            if "%" in address or not is_reachable_for_users(ip_address(address), self._allowed):
                raise GuardedHttpError("address_not_allowed", "the host is not on the public internet")
        return addresses


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """httpx2's transport over a pool that dials through the guard."""

    def __init__(self, backend: GuardedBackend, verify: ssl.SSLContext | None = None) -> None:
        super().__init__(verify=verify or True, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=verify or httpx2.create_ssl_context(trust_env=False),
            max_connections=100,
            max_keepalive_connections=0,
            network_backend=backend,
        )


class GuardedHttp:
    """GET for addresses that users supply, bounded in time, redirects and decoded bytes."""

    def __init__(
        self,
        *,
        allowed: Sequence[Network] = (),
        resolve: Resolve = resolve_with_system,
        verify: ssl.SSLContext | None = None,
        seconds: float = 20.0,
        max_bytes: int = 10_000_000,
    ) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._client = httpx2.AsyncClient(
            transport=GuardedTransport(GuardedBackend(allowed=allowed, resolve=resolve), verify),
            follow_redirects=True,
            max_redirects=MAX_REDIRECTS,
            timeout=seconds,
            trust_env=False,
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> GuardedAnswer:
        """The answer to GET, or GuardedHttpError. gzip is the only encoding that is asked for and taken."""
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream("GET", url, headers={**(headers or {}), "accept-encoding": "gzip"}) as answer,
            ):
                body = await self._bounded_body(answer)
                return GuardedAnswer(answer.status_code, dict(answer.headers), body)
        except GuardedHttpError:
            raise
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise GuardedHttpError("timed_out", f"no complete answer within {self._seconds:g} s") from error
        except httpx2.TooManyRedirects as error:
            raise GuardedHttpError("too_many_redirects", f"more than {MAX_REDIRECTS} redirects") from error
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            raise GuardedHttpError("invalid_url", "only http and https addresses are read") from error
        except httpx2.ConnectError as error:
            raise GuardedHttpError("unreachable", "the secure connection could not be made") from error
        except (httpx2.HTTPError, zlib.error) as error:
            raise GuardedHttpError("bad_answer", "the answer breaks off or is not HTTP") from error

    async def _bounded_body(self, answer: httpx2.Response) -> bytes:
        encoding = answer.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip", ""):
            raise GuardedHttpError("unsupported_encoding", "the answer uses an encoding that was not asked for")
        body = bytearray()
        async for part in self._decoded(answer, gzipped="gzip" in encoding):
            body += part
            if len(body) > self._max_bytes:
                raise GuardedHttpError("too_large", f"the answer is larger than {self._max_bytes} bytes")
        return bytes(body)

    async def _decoded(self, answer: httpx2.Response, *, gzipped: bool) -> AsyncIterator[bytes]:
        """Never more than one byte over the limit at a time: a bomb is not inflated to be measured."""
        inflater = zlib.decompressobj(wbits=31)
        async for part in answer.aiter_raw():
            yield inflater.decompress(part, self._max_bytes + 1) if gzipped else part
