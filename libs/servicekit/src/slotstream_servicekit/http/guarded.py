"""An HTTP client for addresses that users supply. It does not connect to the operator's own network (SSRF).

The host is resolved once, all its addresses must be public, and the connection goes to the address that was checked, so
that a second, different DNS answer changes nothing. Each redirect opens a new connection, which is checked in the same
way. An address that is refused, closed or silent, and a name that does not exist, all give the same error after the
same time, so that a caller cannot explore a network that they cannot see. The log says which it was. Proxies of the
environment are not used: behind one, only the proxy's address would be checked.
"""

import asyncio
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, NoReturn

import httpcore2
import httpx2

from slotstream_servicekit.http.public_addresses import Network, is_listed, is_public
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

WEB_PORTS: Final = frozenset({80, 443})
MAX_REDIRECTS: Final = 5
MAX_ADDRESSES: Final = 4
CONNECT_SECONDS: Final = 5.0


class GuardedHttpError(Exception):
    """The address was refused, or gave no usable answer. `code` is stable; `detail` names no path or query."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class GuardedAnswer:
    """The final answer, after redirects and decoding."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def resolve_with_system(host: str, port: int) -> Sequence[str]:
    """All addresses of `host`, by the system's resolver."""
    entries = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Resolves, checks and connects. Every connection of a client is made here, also after a redirect."""

    def __init__(
        self,
        *,
        allowed: Sequence[Network] = (),
        ports: Collection[int] = (),
        resolve: Resolve = resolve_with_system,
        dialler: httpcore2.AsyncNetworkBackend | None = None,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        """Addresses in `allowed` may be reached at any port, all others at 80, 443 and `ports`."""
        self._allowed = tuple(allowed)
        self._ports = WEB_PORTS | set(ports)
        self._resolve = resolve
        self._dialler = dialler or httpcore2.AnyIOBackend()
        self._connect_seconds = connect_seconds

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the overridden signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        answer_at = asyncio.get_running_loop().time() + self._connect_seconds
        try:
            async with asyncio.timeout_at(answer_at):
                addresses = await self._checked_addresses(host, port)
                return await self._dial(addresses, port, timeout, local_address, socket_options)
        except TimeoutError:
            raise _unreachable("silent") from None
        except GuardedHttpError:
            # The error comes when that of a silent address would come, so that the two cannot be told apart.
            await asyncio.sleep(answer_at - asyncio.get_running_loop().time())
            raise

    async def _dial(
        self,
        addresses: Sequence[str],
        port: int,
        seconds: float | None,
        local_address: str | None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None,
    ) -> httpcore2.AsyncNetworkStream:
        for address in addresses[:MAX_ADDRESSES]:
            try:
                return await self._dialler.connect_tcp(
                    address,
                    port,
                    timeout=seconds,
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        raise _unreachable("closed")

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - the overridden signature
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> NoReturn:
        raise _unreachable("unix_socket")

    async def sleep(self, seconds: float) -> None:
        await self._dialler.sleep(seconds)

    async def _checked_addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            addresses = ()
        if not addresses:
            raise _unreachable("unresolvable")
        for address in addresses:
            if "%" in address or not self._may_dial(address, port):
                raise _unreachable("refused")
        return addresses

    def _may_dial(self, text: str, port: int) -> bool:
        address = ip_address(text)
        return is_listed(address, self._allowed) or (port in self._ports and is_public(address))


def _unreachable(reason: str) -> GuardedHttpError:
    log.info("address_unreachable", reason=reason)
    return GuardedHttpError("unreachable", "the address cannot be reached")


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """httpx2's transport, whose pool connects through the guard."""

    def __init__(self, backend: GuardedBackend, verify: ssl.SSLContext | None = None) -> None:
        context = verify or httpx2.create_ssl_context(trust_env=False)
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=100,
            max_keepalive_connections=0,
            network_backend=backend,
        )


class GuardedHttp:
    """Requests to addresses that users supply, with limits for time, redirects and decoded bytes."""

    def __init__(
        self,
        *,
        allowed: Sequence[Network] = (),
        ports: Collection[int] = (),
        resolve: Resolve = resolve_with_system,
        verify: ssl.SSLContext | None = None,
        seconds: float = 20.0,
        connect_seconds: float = CONNECT_SECONDS,
        max_bytes: int = 10_000_000,
        follow_redirects: bool = True,
    ) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._client = httpx2.AsyncClient(
            transport=GuardedTransport(
                GuardedBackend(
                    allowed=allowed, ports=ports, resolve=resolve, connect_seconds=min(connect_seconds, seconds / 2)
                ),
                verify,
            ),
            follow_redirects=follow_redirects,
            max_redirects=MAX_REDIRECTS,
            timeout=seconds,
            trust_env=False,
        )

    @property
    def client(self) -> httpx2.AsyncClient:
        """For callers that limit time and size themselves. It connects through the guard as well."""
        return self._client

    async def aclose(self) -> None:
        await self._client.aclose()

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> GuardedAnswer:
        """The answer to GET. gzip is the only accepted encoding. Raises GuardedHttpError."""
        return await self._send("GET", url, headers=headers)

    async def post_form(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> GuardedAnswer:
        """The answer to a form. Redirects are not followed. Raises GuardedHttpError."""
        return await self._send("POST", url, headers=headers, form=form)

    async def post(self, url: str, content: bytes, headers: Mapping[str, str] | None = None) -> GuardedAnswer:
        """The answer to `content`. Redirects are not followed. Raises GuardedHttpError."""
        return await self._send("POST", url, headers=headers, content=content)

    async def _send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> GuardedAnswer:
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream(
                    method,
                    url,
                    headers={**(headers or {}), "accept-encoding": "gzip"},
                    data=form,
                    content=content,
                    follow_redirects=self._client.follow_redirects and method == "GET",
                ) as answer,
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
            raise GuardedHttpError("insecure", "the secure connection could not be made") from error
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
        """Decompresses at most one byte more than the limit of each part, so that a zip bomb is never inflated."""
        inflater = zlib.decompressobj(wbits=31)
        async for part in answer.aiter_raw():
            yield inflater.decompress(part, self._max_bytes + 1) if gzipped else part
