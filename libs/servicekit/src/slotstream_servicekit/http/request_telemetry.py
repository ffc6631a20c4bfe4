"""The outermost layer of the application: for each request a span, metrics, one log line, and always an answer."""

import time
from typing import Any

from opentelemetry.trace import StatusCode
from prometheus_client import Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slotstream_servicekit.health import Health
from slotstream_servicekit.http.problems import PROBLEM_CODE, problem
from slotstream_servicekit.telemetry import (
    HTTP_IN_FLIGHT,
    HTTP_REQUEST_SECONDS,
    HTTP_REQUESTS,
    REFUSALS,
    bind_organization,
    get_logger,
)
from slotstream_servicekit.telemetry.context import _trace, new_trace, parse_traceparent
from slotstream_servicekit.telemetry.logs import log_line
from slotstream_servicekit.telemetry.tracing import Span, active_tracer, context_of, start_span

UNMATCHED = "unmatched"
RESPONSE_HEADERS = "slotstream.response_headers"
"""The key in the ASGI scope for a list of headers that are added to the answer, whatever it is."""
_OPERATORS_PATHS = frozenset({"/livez", "/readyz", "/metrics"})
_CLIENT_CLOSED_REQUEST = 499

log = get_logger(__name__)


class RequestTelemetry:
    """ASGI middleware without Starlette's base class, because every request has to pass it."""

    def __init__(self, app: ASGIApp, *, service: str, health: Health) -> None:
        self._app = app
        self._service = service
        self._health = health
        self._in_flight = HTTP_IN_FLIGHT.labels(service)
        # To look up a labelled metric takes a lock and a tuple, so the few that exist are kept here.
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._timers: dict[tuple[str, str], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        parent = parse_traceparent(_header(scope, b"traceparent"))
        tracer = active_tracer()
        span = start_span(tracer, parent, scope["method"], kind="server") if tracer else None
        trace = context_of(span) if span else parent or new_trace()
        token = _trace.set(trace)
        bind_organization(None)
        scope[RESPONSE_HEADERS] = headers = [(b"traceparent", trace.traceparent.encode())]
        if self._health.is_stopping:
            # A caller that kept the connection would send its next request to a process that has ended by then.
            headers.append((b"connection", b"close"))
        answer = _Answer(send, headers)
        self._in_flight.inc()
        try:
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            answer.status = answer.status or _CLIENT_CLOSED_REQUEST
        except Exception:
            log.exception("request_failed", method=scope["method"], route=_route(scope))
            if answer.status:
                raise
            await _internal_error()(scope, receive, answer)
        finally:
            self._in_flight.dec()
            status, seconds = answer.status or _CLIENT_CLOSED_REQUEST, time.perf_counter() - started
            self._observe(scope, status, seconds)
            _log(scope, status, seconds)
            if span:
                _end(span, scope, answer.status)
            _trace.reset(token)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        method, route = scope["method"], _route(scope)
        counter = self._counters.get((method, route, status))
        if counter is None:
            counter = HTTP_REQUESTS.labels(self._service, method, route, str(status))
            self._counters[method, route, status] = counter
        counter.inc()
        timer = self._timers.get((method, route))
        if timer is None:
            timer = self._timers[method, route] = HTTP_REQUEST_SECONDS.labels(self._service, method, route)
        timer.observe(seconds)
        if (code := scope.get(PROBLEM_CODE)) is not None:
            REFUSALS.labels(self._service, "http", code).inc()


class _Answer:
    """Passes messages on, adds headers, and keeps the status."""

    __slots__ = ("_headers", "_send", "status")

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._headers = headers
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers]
        await self._send(message)


def _log(scope: Scope, status: int, seconds: float) -> None:
    """One line per request, with the template of its route. Path and query may hold personal data."""
    route = _route(scope)
    if route in _OPERATORS_PATHS and status < 500:
        return
    level = "error" if status >= 500 else "info"
    facts = {"method": scope["method"], "route": route, "status": status, "milliseconds": round(seconds * 1_000, 1)}
    log_line("request", level, facts)


def _internal_error() -> Any:
    return problem(500, "internal_error", "Something went wrong here; the trace_id finds it in our logs.")


def _header(scope: Scope, wanted: bytes) -> str | None:
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value, "latin-1")
    return None


def _route(scope: Scope) -> str:
    """The template of the route. With the path, there would be a metric for each id."""
    if (route := scope.get("route")) is not None:
        return str(route.path)
    return scope["path"] if scope["path"] in _OPERATORS_PATHS else UNMATCHED


def _end(span: Span, scope: Scope, status: int) -> None:
    route = _route(scope)
    span.update_name(f"{scope['method']} {route}")
    span.set_attributes(
        {"http.request.method": scope["method"], "http.route": route, "http.response.status_code": status}
    )
    if status >= 500:
        span.set_status(StatusCode.ERROR)
    span.end()
