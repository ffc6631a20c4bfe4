"""Asking the services over HTTP on somebody's behalf, with a token of a moment."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode

import orjson

from dashboard.domain.errors import PortalRefusedError, PortalUnavailableError
from dashboard.domain.protocols import UpstreamAnswer, UpstreamError, Upstreams
from slotstream_servicekit.telemetry import current_traceparent

_SECONDS: Final = 10.0
_NO_CONTENT: Final = 204
_MOST_BYTES: Final = 2_000_000

Document = Mapping[str, Any]
AnswerT = TypeVar("AnswerT")
VisitorT = TypeVar("VisitorT")


class ServiceCalls(Generic[VisitorT]):
    """`token_for` makes a visitor's token, which no browser ever sees."""

    def __init__(
        self,
        upstreams: Upstreams,
        addresses: Mapping[str, str],
        *,
        token_for: Callable[[VisitorT], Awaitable[str]],
    ) -> None:
        self._upstreams = upstreams
        self._addresses = addresses
        self._token_for = token_for

    async def _ask(
        self,
        service: str,
        method: str,
        path: str,
        visitor: VisitorT,
        *,
        read: Callable[[Document], AnswerT],
        params: Mapping[str, Any] | None = None,
        body: Document | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AnswerT:
        """Raises PortalRefusedError where the service says no, and PortalUnavailableError where it does not answer."""
        base = self._addresses.get(service)
        if base is None:
            raise PortalUnavailableError(f"There is no service {service} behind the portal.")
        traceparent = current_traceparent()
        sent = {
            "Authorization": f"Bearer {await self._token_for(visitor)}",
            "Accept-Encoding": "identity",
            **({"traceparent": traceparent} if traceparent is not None else {}),
            **({"Content-Type": "application/json"} if body is not None else {}),
            **(headers or {}),
        }
        query = f"?{urlencode(params, doseq=True)}" if params else ""
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await self._upstreams.ask(
                    method,
                    f"{base.rstrip('/')}{path}{query}",
                    headers=list(sent.items()),
                    body=orjson.dumps(body) if body is not None else None,
                )
                content = await _content(answer)
        except (UpstreamError, TimeoutError) as error:
            raise PortalUnavailableError(f"The service {service} does not answer right now.") from error
        if answer.status >= 500 or answer.status == 429 or content is None:
            raise PortalUnavailableError(f"The service {service} does not answer right now.")
        try:
            document: Document = orjson.loads(content) if content or answer.status != _NO_CONTENT else {}
            if answer.status >= 400:
                raise PortalRefusedError(answer.status, str(document.get("code", "refused")))
            return read(document)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PortalUnavailableError(f"The service {service} answers what cannot be read.") from error


async def _content(answer: UpstreamAnswer) -> bytes | None:
    """The whole body; None where it is longer than any page needs."""
    content = bytearray()
    try:
        async for part in answer.parts():
            content += part
            if len(content) > _MOST_BYTES:
                return None
    finally:
        answer.close()
    return bytes(content)
