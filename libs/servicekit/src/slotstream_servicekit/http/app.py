"""Builds the HTTP application of a service, with the conventions that all services share."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, cast

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.health import Health
from slotstream_servicekit.http.auth import Authenticator
from slotstream_servicekit.http.limits import RateLimits
from slotstream_servicekit.http.openapi import openapi_of, refuse_duplicate_operations
from slotstream_servicekit.http.plain import ErrorHandlers, PlainRoute
from slotstream_servicekit.http.problems import ProblemResponse, problem, problem_of
from slotstream_servicekit.http.request_telemetry import RequestTelemetry
from slotstream_servicekit.http.routes import Router, StrictRoute, refuse_hidden_routes
from slotstream_servicekit.http.validation import code_of_all, field_errors
from slotstream_servicekit.settings import ServiceSettings
from slotstream_servicekit.telemetry import render_metrics
from slotstream_servicekit.telemetry.metrics import METRICS_CONTENT_TYPE

AppLifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_CODES_BY_STATUS = {
    400: ("malformed_request", "The request cannot be read"),
    404: ("no_such_path", "There is nothing at this path"),
    405: ("method_not_allowed", "This path does not know that method"),
    413: ("body_too_large", "The request's body is too long"),
}


class _Application(FastAPI):
    """FastAPI, except that plain routes are called without its layers: see `http/plain.py`."""

    def __init__(self, *, direct: Mapping[tuple[str, str], ASGIApp], **options: Any) -> None:
        super().__init__(**options)
        self._direct = direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        direct = self._direct.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if direct is None:
            await super().__call__(scope, receive, send)
        else:
            scope["app"] = self
            await direct(scope, receive, send)


def create_app(
    *,
    service: str,
    title: str,
    routers: Sequence[Router],
    settings: ServiceSettings,
    authenticator: Authenticator | None,
    health: Health,
    lifespan: AppLifespan | None = None,
    version: str = "1",
) -> FastAPI:
    """The application of one service, with the shared conventions: problem responses, checks of requests, OpenAPI.

    Without an authenticator no route may ask for a principal. `lifespan` opens and closes what the service holds,
    such as its database.
    """
    routes = _strict_routes(routers)
    refuse_duplicate_operations(routes)
    _refuse_open_doors(routes, authenticator)
    app = _Application(
        direct=_direct(routes, service, health),
        title=title,
        version=version,
        lifespan=_lifespan(lifespan, authenticator),
        middleware=[Middleware(RequestTelemetry, service=service, health=health)],
        exception_handlers=dict(_HANDLERS),
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=True,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.service = service
    app.state.settings = settings
    app.state.authenticator = authenticator
    app.state.health = health
    app.state.rate_limits = RateLimits(settings.rate_limits)
    in_order = sorted(routes, key=lambda route: not route.comes_first)
    refuse_hidden_routes(in_order)
    # Not by include_router: FastAPI matches the routes of an included router twice for each request.
    app.router.routes[:] = [*in_order, *operator_routes(health), _docs(title), *app.router.routes]
    cast("Any", app).openapi = _remembered(lambda: openapi_of(app, routes))
    return app


def _strict_routes(routers: Sequence[Router]) -> list[StrictRoute]:
    routes: list[StrictRoute] = []
    for route in (route for router in routers for route in router.routes):
        if not isinstance(route, StrictRoute):
            raise TypeError(f"{route} is not checked: make its router a slotstream_servicekit.http.Router")
        routes.append(route)
    return routes


def _direct(routes: Sequence[StrictRoute], service: str, health: Health) -> dict[tuple[str, str], ASGIApp]:
    """The plain routes by method and path."""
    return {
        (method, route.path): RequestTelemetry(route.direct(_HANDLERS), service=service, health=health)
        for route in routes
        if isinstance(route, PlainRoute) and route.is_direct
        for method in route.methods or ()
    }


def operator_routes(health: Health) -> list[Route]:
    """`/livez`, `/readyz` and `/metrics`, for the role api and the role worker."""

    async def livez(_request: Request) -> Response:
        return _json({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        report = await health.report()
        return _json(report.as_json(), status=200 if report.ready else 503)

    async def metrics(_request: Request) -> Response:
        return Response(render_metrics(), media_type=METRICS_CONTENT_TYPE)

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]


def _docs(title: str) -> Route:
    """FastAPI's page of documentation. Its relative link also works behind a proxy that adds a path prefix."""

    async def docs(_request: Request) -> Response:
        return get_swagger_ui_html(openapi_url="openapi.json", title=title)

    return Route("/docs", docs)


def operator_app(health: Health) -> Starlette:
    """The HTTP application of a worker."""
    return Starlette(routes=operator_routes(health), exception_handlers={HTTPException: _on_http_exception})


def _json(content: object, *, status: int = 200) -> Response:
    return Response(orjson.dumps(content, default=str), status_code=status, media_type="application/json")


def _lifespan(inner: AppLifespan | None, authenticator: Authenticator | None) -> AppLifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if authenticator is not None:
                stack.push_async_callback(authenticator.aclose)
            if inner is not None:
                await stack.enter_async_context(inner(app))
            yield

    return lifespan


def _remembered(build: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    documents: list[dict[str, Any]] = []

    def document() -> dict[str, Any]:
        if not documents:
            documents.append(build())
        return documents[0]

    return document


def _refuse_open_doors(routes: Sequence[StrictRoute], authenticator: Authenticator | None) -> None:
    if authenticator is None and any(route.requirements for route in routes):
        raise ValueError("a route asks for a principal, but the app has no authenticator")


async def _on_slotstream_error(_request: Request, error: Exception) -> ProblemResponse:
    return problem_of(cast("SlotstreamError", error))


async def _on_validation_error(_request: Request, error: Exception) -> ProblemResponse:
    errors = field_errors(cast("RequestValidationError", error).errors())
    detail = str(errors[0]["detail"]) if len(errors) == 1 else f"{len(errors)} things are wrong with the request"
    return problem(422, code_of_all(errors), detail, errors=errors)


async def _on_http_exception(request: Request, error: Exception) -> ProblemResponse:
    raised = cast("HTTPException", error)
    phrase = HTTPStatus(raised.status_code).phrase
    code, detail = _CODES_BY_STATUS.get(raised.status_code, (phrase.lower().replace(" ", "_"), phrase))
    headers = raised.headers
    if raised.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"Allow": ", ".join(sorted(_methods_at(request)))}
    return problem(raised.status_code, code, detail, headers=headers)


_HANDLERS: Final[ErrorHandlers] = {
    SlotstreamError: _on_slotstream_error,
    RequestValidationError: _on_validation_error,
    HTTPException: _on_http_exception,
}


def _methods_at(request: Request) -> set[str]:
    """All methods of the path. Starlette names only those of the first route."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for route in matching for method in route.methods or ()}
