"""`/api/{service}/v1/…`: every service behind one origin, streamed through in both directions.

A browser's session becomes a token that lives for less than a minute; a program's own token is verified and passed
on. Problem bodies, ETags, keys and streams arrive as the service sent them.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, cast
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from dashboard.api.browsers import require_csrf_token, session_secret
from dashboard.api.dependencies import Dependencies, dependencies_of
from dashboard.api.limits import API_CLIENT, SESSION
from dashboard.domain.protocols import UpstreamAnswer, UpstreamError, Upstreams
from dashboard.domain.sessions import SignedIn
from dashboard.storage import ApiClientStore
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import TransientError
from slotstream_servicekit.http.auth import Principal, authenticate
from slotstream_servicekit.http.problems import MalformedRequestError
from slotstream_servicekit.telemetry import bind_organization, current_traceparent

OWN_NAME: Final = "dashboard"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PATH: Final = re.compile(rb"/api/([a-z][a-z-]{0,40})(/v1(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+)")
_UNSAFE_SEGMENT: Final = re.compile(rb"/(?:\.|%2e){1,2}(?:/|$)|%2f|%5c|%00", re.IGNORECASE)
_SENT_ON: Final = frozenset(
    {
        b"accept",
        b"accept-language",
        b"content-length",
        b"content-type",
        b"idempotency-key",
        b"if-match",
        b"if-none-match",
        b"last-event-id",
        b"slotstream-call-id",
    }
)
_SENT_BACK: Final = frozenset(
    {
        b"allow",
        b"cache-control",
        b"content-disposition",
        b"content-language",
        b"content-length",
        b"content-type",
        b"etag",
        b"idempotency-replayed",
        b"last-modified",
        b"location",
        b"ratelimit",
        b"ratelimit-policy",
        b"retry-after",
        b"vary",
        b"www-authenticate",
        b"x-accel-buffering",
    }
)
_PROVIDERS: Final = {"notifications": re.compile(rb"/v1/providers/[a-z]+/[a-z-]+")}
"""Where other companies' servers call without a token of ours; the service judges their signatures."""
_SENT_ON_OF_PROVIDERS: Final = frozenset({b"content-length", b"content-type", b"x-twilio-signature"})
_MAX_PROVIDER_BYTES: Final = 65_536
_INBOUND_MAIL: Final = b"/v1/providers/mail/inbound"
"""Where mail servers hand mails in: long ones, by a secret of the service's."""
_OUR_PREFIX: Final = b"slotstream-"
_OF_THE_OUTER_REQUEST: Final = frozenset(
    {"route", "endpoint", "path_params", "router", "app_root_path", "slotstream.principal"}
)
_LOOKED_AGAIN_SECONDS: Final = 15.0
"""How often it is looked at whether an answer without end may go on."""


_ADDRESS: Final = re.compile(rb"[\x21-\x7e]{1,65536}")
"""What may stand in a request's first line (RFC 9112 §3.2), as bytes."""


class ServiceUnavailableError(TransientError):
    code = "service_unavailable"


class _ClientGoneError(Exception):
    pass


class _BodyTooLongError(Exception):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class _Caller:
    """`signed_in` is a browser's session; `principal` is a program. Without a token it is a provider's server."""

    token: str | None
    signed_in: SignedIn | None = None
    principal: Principal | None = None


class Gateway:
    """An ASGI endpoint; `addresses` says where each service is."""

    path: Final = "/api/{service}/v1/{path}"
    """As metrics and logs call it; what stands in a path may be personal."""

    def __init__(self, upstreams: Upstreams, addresses: Mapping[str, str], *, max_body_bytes: int) -> None:
        self._upstreams = upstreams
        self._addresses = {name: address.rstrip("/") for name, address in addresses.items()}
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # A mount takes WebSockets too; no service speaks them.
            await WebSocketClose()(scope, receive, send)
            return
        scope["route"] = self
        service, path = _target(scope)
        if service != OWN_NAME and service not in self._addresses:
            raise HTTPException(404)
        request = Request(scope)
        dependencies = dependencies_of(request)
        is_provider = _is_provider(scope["method"], service, path)
        caller = _Caller(token=None) if is_provider else await _caller(request, dependencies)
        if service == OWN_NAME:
            await _call_ourselves(scope, receive, send, path, caller)
            return
        is_short = is_provider and path != _INBOUND_MAIL
        body = _Body(scope, receive, _MAX_PROVIDER_BYTES if is_short else self._max_body_bytes)
        answer = await self._ask(scope, service, path, caller, body)
        try:
            await _Answer(answer, service, dependencies, caller).send(receive, send, head=scope["method"] == "HEAD")
        finally:
            answer.close()

    async def _ask(self, scope: Scope, service: str, path: bytes, caller: _Caller, body: "_Body") -> UpstreamAnswer:
        """The service's answer, its body still to come.

        Raises HTTPException 413, MalformedRequestError or ServiceUnavailableError.
        """
        try:
            return await self._upstreams.ask(
                scope["method"],
                self._address(service, path, scope["query_string"]),
                headers=_request_headers(scope, caller, path),
                body=body.parts() if body.is_there else None,
                may_be_silent=_wants_events(scope),
            )
        except UpstreamError as error:
            if body.is_too_long:
                raise HTTPException(413) from error
            raise ServiceUnavailableError(f"The service {service} does not answer right now.") from error

    def _address(self, service: str, path: bytes, query: bytes) -> str:
        """Raises MalformedRequestError for what no address may hold: other bytes than ASCII's, or too many of them."""
        target = path + b"?" + query if query else path
        if _ADDRESS.fullmatch(target) is None:
            raise MalformedRequestError("The address is too long, or holds what has to be percent-encoded")
        return self._addresses[service] + target.decode()


class _Body:
    """The request's body, passed on as it arrives and cut off where it grows too long."""

    def __init__(self, scope: Scope, receive: Receive, limit: int) -> None:
        names = dict(scope["headers"])
        declared = names.get(b"content-length", b"")
        self._receive = receive
        self._limit = limit
        self.is_there = b"transfer-encoding" in names or declared not in (b"", b"0")
        self.is_too_long = declared.isdigit() and int(declared) > limit
        if self.is_too_long:
            raise HTTPException(413)

    async def parts(self) -> AsyncIterator[bytes]:
        received = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise _ClientGoneError
            part = message.get("body", b"")
            received += len(part)
            if received > self._limit:
                self.is_too_long = True
                raise _BodyTooLongError
            if part:
                yield part
            if not message.get("more_body", False):
                return


class _Answer:
    """The service's answer on its way to the client."""

    def __init__(self, answer: UpstreamAnswer, service: str, dependencies: Dependencies, caller: _Caller) -> None:
        self._answer = answer
        self._service = service
        self._dependencies = dependencies
        self._caller = caller

    async def send(self, receive: Receive, send: Send, *, head: bool) -> None:
        headers = _response_headers(self._answer, self._service)
        await send({"type": "http.response.start", "status": self._answer.status, "headers": headers})
        if head:
            await send({"type": "http.response.body", "body": b""})
        elif (length := next((value for name, value in headers if name == b"content-length"), None)) is not None:
            await self._pass_on(send, left=int(length))
        else:
            await self._pass_on_while_wanted(receive, send)

    async def _pass_on(self, send: Send, *, left: int | None = None) -> None:
        """`left` is how many bytes there are to come, where that is known: the last of them end the answer."""
        is_whole = False
        async for part in self._answer.parts():
            if left is not None:
                left -= len(part)
                is_whole = left == 0
            await send({"type": "http.response.body", "body": part, "more_body": not is_whole})
        if not is_whole:
            await send({"type": "http.response.body", "body": b""})

    async def _pass_on_while_wanted(self, receive: Receive, send: Send) -> None:
        """Ends an answer without end when the client has gone, and soon after the caller's rights have."""
        is_still_admitted = await self._watch()
        passing = asyncio.ensure_future(self._pass_on(send))
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            while not passing.done():
                done, _ = await asyncio.wait(
                    {passing, gone}, timeout=_LOOKED_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if gone in done:
                    return
                if not done and not await is_still_admitted():
                    await send({"type": "http.response.body", "body": b""})
                    return
            passing.result()
        finally:
            for task in (passing, gone):
                task.cancel()
            await asyncio.gather(passing, gone, return_exceptions=True)

    async def _watch(self) -> Callable[[], Awaitable[bool]]:
        """Tells, whenever it is asked, whether the caller may still be answered.

        Asking is no use of a session: a page that is open and listens does not keep somebody signed in who has gone.
        """
        signed_in, principal = self._caller.signed_in, self._caller.principal
        if self._caller.token is None:
            return _always
        if signed_in is not None:
            return partial(self._dependencies.sessions.is_unchanged, signed_in)
        assert principal is not None  # noqa: S101 - who is no browser is a program
        known = await _api_client(self._dependencies.database, principal)

        async def is_unchanged() -> bool:
            return known is None or await _api_client(self._dependencies.database, principal) == known

        return is_unchanged


async def _api_client(database: Database, principal: Principal) -> tuple[int, str] | None:
    """Version and state of the API client that a program is; None for one of another issuer."""
    try:
        client_id = UUID(principal.subject)
    except ValueError:
        return None
    async with database.transaction(principal.organization_id) as session:
        client = await ApiClientStore(session).find(principal.organization_id, client_id)
    return (client.version, client.state.value) if client is not None else None


async def _until_gone(receive: Receive) -> None:
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return


def _target(scope: Scope) -> tuple[str, bytes]:
    """Service and path, from the path as it was sent. Raises HTTPException 404 for one that says two things."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    match = _PATH.fullmatch(raw.partition(b"?")[0])
    if match is None or _UNSAFE_SEGMENT.search(match[2]):
        raise HTTPException(404)
    return match[1].decode(), match[2]


def _wants_events(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/event-stream" in value for name, value in scope["headers"])


def _is_provider(method: str, service: str, path: bytes) -> bool:
    pattern = _PROVIDERS.get(service)
    return method == "POST" and pattern is not None and pattern.fullmatch(path) is not None


async def _always() -> bool:
    return True


async def _caller(request: Request, dependencies: Dependencies) -> _Caller:
    """A program by its token, else a browser by its cookie: never both. Raises what says why neither.

    Where there is a token the cookie counts for nothing, so that no page can act by it without the session's token.
    """
    settings = dependencies.settings
    if "authorization" in request.headers:
        principal = await authenticate(request.scope)
        owner = (principal.organization_id, principal.subject)
        dependencies.limits.take(request.scope, owner, API_CLIENT, settings.api_client_rate)
        return _Caller(token=request.headers["authorization"].partition(" ")[2].strip(), principal=principal)
    secret = session_secret(request, settings)
    signed_in = await dependencies.sessions.get(secret)
    bind_organization(signed_in.user.organization_id)
    dependencies.limits.take(request.scope, signed_in.session.id, SESSION, settings.session_rate)
    if request.method not in _SAFE_METHODS:
        require_csrf_token(request, cast("str", secret), settings)
    return _Caller(token=await dependencies.tokens.for_session(signed_in), signed_in=signed_in)


async def _call_ourselves(scope: Scope, receive: Receive, send: Send, path: bytes, caller: _Caller) -> None:
    """Our own `/v1/…`, as any service's: by the token alone."""
    kept = [(name, value) for name, value in scope["headers"] if name in _SENT_ON]
    inner: Scope = {
        **{key: value for key, value in scope.items() if key not in _OF_THE_OUTER_REQUEST},
        "path": path.decode(),
        "raw_path": path,
        "headers": [*kept, (b"authorization", f"Bearer {caller.token}".encode())],
        "root_path": scope.get("app_root_path", ""),
    }
    await scope["app"].router(inner, receive, send)


def _request_headers(scope: Scope, caller: _Caller, path: bytes) -> list[tuple[str, str]]:
    """What services understand, and no cookie. Nothing is compressed on the way. Raises MalformedRequestError."""
    names = _SENT_ON if caller.token is not None else _SENT_ON_OF_PROVIDERS
    if caller.token is None and path == _INBOUND_MAIL:
        names = names | {b"authorization"}
    try:
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"] if name in names]
    except UnicodeDecodeError:
        raise MalformedRequestError("A header holds bytes that are no text in UTF-8") from None
    headers.append(("accept-encoding", "identity"))
    if (traceparent := current_traceparent()) is not None:
        headers.append(("traceparent", traceparent))
    if caller.token is not None:
        headers.append(("authorization", f"Bearer {caller.token}"))
    return headers


def _response_headers(answer: UpstreamAnswer, service: str) -> list[tuple[bytes, bytes]]:
    headers = []
    for raw_name, value in answer.headers:
        name = raw_name.lower()
        if name == b"location" and value.startswith(b"/") and not value.startswith(b"//"):
            headers.append((name, b"/api/" + service.encode() + value))
        elif name in _SENT_BACK or name.startswith(_OUR_PREFIX):
            headers.append((name, value))
    return headers


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Every method; a path that is no service's is left to others."""
    return [Mount("/api/{service}/v1", app=gateway)]
