"""Several copies of a service behind one address, as behind a load balancer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx2


@dataclass
class Copies:
    """Who answers for whom, and what came of the requests."""

    behind: dict[int, Sequence[int]] = field(default_factory=dict)
    """By the port of an address, the ports of its copies; an address that is not named answers for itself."""
    answered: Counter[int] = field(default_factory=Counter)
    """By port."""
    failed: list[str] = field(default_factory=list)
    """Requests that were cut off, or whose answer says that it is the server's fault.

    Not those that took too long or were put off with 503: a machine that is too busy does that by itself.
    """


class Balanced(httpx2.AsyncBaseTransport):
    """Asks the copies in turn."""

    def __init__(self, copies: Copies, *, limits: httpx2.Limits) -> None:
        self._copies = copies
        self._inner = httpx2.AsyncHTTPTransport(limits=limits)
        self._turn = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        port = self._next(request.url.port or 80)
        request.url = request.url.copy_with(port=port)
        try:
            response = await self._inner.handle_async_request(request)
        except httpx2.TimeoutException:
            raise
        except httpx2.TransportError as error:
            self._copies.failed.append(f"{request.method} {request.url}: {error!r}")
            raise
        self._copies.answered[port] += 1
        if response.status_code >= 500 and response.status_code != 503:
            content = await response.aread()
            self._copies.failed.append(f"{request.method} {request.url}: {response.status_code} {content[:500]!r}")
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _next(self, address: int) -> int:
        ports = self._copies.behind.get(address, (address,))
        self._turn += 1
        return ports[self._turn % len(ports)]
