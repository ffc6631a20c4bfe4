"""Asking the services over HTTP on somebody's behalf, with a token of a moment."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Generic, TypeVar

import httpx2
import orjson

from dashboard.domain.errors import PortalRefusedError, PortalUnavailableError
from slotstream_servicekit.telemetry import current_traceparent

_SECONDS: Final = 10.0
_MOST_BYTES: Final = 2_000_000

Document = Mapping[str, Any]
AnswerT = TypeVar("AnswerT")
VisitorT = TypeVar("VisitorT")


class ServiceCalls(Generic[VisitorT]):
    """`token_for` makes a visitor's token, which no browser ever sees."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        upstreams: Mapping[str, str],
        *,
        token_for: Callable[[VisitorT], Awaitable[str]],
    ) -> None:
        self._client = client
        self._upstreams = upstreams
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
        base = self._upstreams.get(service)
        if base is None:
            raise PortalUnavailableError(f"There is no service {service} behind the portal.")
        traceparent = current_traceparent()
        sent = {
            "Authorization": f"Bearer {await self._token_for(visitor)}",
            "Accept-Encoding": "identity",
            **({"traceparent": traceparent} if traceparent is not None else {}),
            **(headers or {}),
        }
        try:
            answer = await self._client.request(
                method, f"{base}{path}", params=params, json=body, headers=sent, timeout=_SECONDS
            )
        except httpx2.TransportError as error:
            raise PortalUnavailableError(f"The service {service} does not answer right now.") from error
        if answer.status_code >= 500 or answer.status_code == 429 or len(answer.content) > _MOST_BYTES:
            raise PortalUnavailableError(f"The service {service} does not answer right now.")
        try:
            document: Document = orjson.loads(answer.content)
            if answer.status_code >= 400:
                raise PortalRefusedError(answer.status_code, str(document.get("code", "refused")))
            return read(document)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PortalUnavailableError(f"The service {service} answers what cannot be read.") from error
