"""Building a service's HTTP application: the same conventions for all."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Any, cast

import orjson
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.health import Health
from slotstream_servicekit.http.auth import Authenticator
from slotstream_servicekit.http.context import RequestContext
from slotstream_servicekit.http.dispatch import Dispatcher
from slotstream_servicekit.http.openapi import openapi_of, refuse_duplicate_operations
from slotstream_servicekit.http.problems import ProblemResponse, problem, problem_of
from slotstream_servicekit.http.routes import StrictRoute, add_strict_routes
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


def create_app(
    *,
    service: str,
    title: str,
    routers: Sequence[APIRouter],
    settings: ServiceSettings,
    authenticator: Authenticator | None,
    health: Health,
    lifespan: AppLifespan | None = None,
    version: str = "1",
) -> FastAPI:
    """The application of one service, with the conventions of docs/contracts: problems, checks, OpenAPI.

    Any FastAPI router will do; its routes are rebuilt as StrictRoutes. Without an authenticator no route may
    ask for a principal. `lifespan` opens and closes what the service holds (its database).
    """
    app = FastAPI(
        title=title,
        version=version,
        lifespan=_lifespan(lifespan, authenticator),
        middleware=[Middleware(RequestContext, service=service)],
        exception_handlers={
            SlotstreamError: _on_slotstream_error,
            RequestValidationError: _on_validation_error,
            HTTPException: _on_http_exception,
        },
        redirect_slashes=False,
        redoc_url=None,
        separate_input_output_schemas=True,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.service = service
    app.state.settings = settings
    app.state.authenticator = authenticator
    app.state.health = health
    routes = add_strict_routes(app.router, routers, max_body_bytes=settings.max_body_bytes)
    refuse_duplicate_operations(routes)
    _refuse_open_doors(routes, authenticator)
    operators = operator_routes(health)
    app.router.routes.extend(operators)
    app.router.middleware_stack = Dispatcher([*routes, *operators], fallback=app.router.middleware_stack)
    cast("Any", app).openapi = _remembered(lambda: openapi_of(app, routes))
    return app


def operator_routes(health: Health) -> list[Route]:
    """`/livez`, `/readyz` and `/metrics`, which both roles answer."""

    async def livez(_request: Request) -> Response:
        return _json({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        report = await health.report()
        return _json(report.as_json(), status=200 if report.ready else 503)

    async def metrics(_request: Request) -> Response:
        return Response(render_metrics(), media_type=METRICS_CONTENT_TYPE)

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]


def operator_app(health: Health) -> Starlette:
    """What a pure worker answers over HTTP."""
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


async def _on_http_exception(_request: Request, error: Exception) -> ProblemResponse:
    raised = cast("HTTPException", error)
    code, detail = _CODES_BY_STATUS.get(raised.status_code, (None, None))
    phrase = HTTPStatus(raised.status_code).phrase
    return problem(
        raised.status_code,
        code or phrase.lower().replace(" ", "_"),
        detail or phrase,
        headers=raised.headers,
    )
