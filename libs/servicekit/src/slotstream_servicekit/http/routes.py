"""The route class of all services. It checks the caller first, then the query, then the body.

FastAPI reads the body before it knows the caller, and ignores unknown query parameters. So services make their routers
with `Router`, whose routes check these three around FastAPI's own handler
(https://fastapi.tiangolo.com/how-to/custom-request-and-route/).
"""

import inspect
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, ClassVar, TypeVar
from urllib.parse import unquote_plus

from fastapi import APIRouter, Request, params
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from slotstream_servicekit.http.auth import Requirement
from slotstream_servicekit.http.bodies import JsonRequest, bounded
from slotstream_servicekit.http.limits import RateLimit, give_places_back

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])


class StrictRoute(APIRoute):
    """FastAPI's route, except that the caller, its rights and the query are checked before the body is read."""

    comes_first: ClassVar[bool] = False
    """FastAPI tries one route after the other. This one is called all the time, so it is tried first."""
    requirements: tuple[Requirement, ...]
    """The requirements of the endpoint and of all its dependencies."""
    limits: tuple[RateLimit, ...]
    parameters: frozenset[str]
    """The query parameters of the endpoint and of its dependencies."""

    def get_route_handler(self) -> Handler:
        dependants = list(_with_dependencies(self.dependant))
        _refuse_threads(dependants)
        self.requirements = tuple(dependant.call for dependant in dependants if isinstance(dependant.call, Requirement))
        self.limits = tuple(dependant.call for dependant in dependants if isinstance(dependant.call, RateLimit))
        self.parameters = frozenset(name for dependant in dependants for name in _query_parameters(dependant))
        reads_json = self.body_field is not None and not isinstance(self.body_field.field_info, params.Form)
        handle = self.handler()

        async def strict(request: Request) -> Response:
            await self.admit(request.scope)
            receive = bounded(request.scope, request.receive, self.most_bytes(request))
            if not reads_json:
                return await handle(Request(request.scope, receive))
            json_request = JsonRequest(request.scope, receive)
            # Before FastAPI reads it, which would answer each of our errors with its own 400.
            await json_request.load()
            return await handle(json_request)

        return strict

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As Starlette's, until the answer has ended."""
        try:
            await super().handle(scope, receive, send)
        finally:
            give_places_back(scope)

    def most_bytes(self, request: Request) -> int:
        """The most bytes that a body may have."""
        return int(request.app.state.settings.max_body_bytes)

    def handler(self) -> Handler:
        """The handler for an admitted request."""
        return super().get_route_handler()

    async def admit(self, scope: Scope) -> None:
        """Raises UnauthenticatedError, ForbiddenError, RateLimitedError, or RequestValidationError."""
        for requirement in self.requirements:
            await requirement.settle(scope)
        for limit in self.limits:
            await limit.settle(scope)
        if "\x00" in scope["path"]:
            message = "The path holds a NUL character"
            raise RequestValidationError([{"type": "nul_character", "loc": ("path",), "msg": message}])
        if scope["query_string"]:
            refuse_unknown_parameters(scope["query_string"], self.parameters)


class Router(APIRouter):
    """FastAPI's router with strict routes. The operation ids are the names of the functions."""

    def __init__(self, *, prefix: str = "", tags: list[str] | None = None) -> None:
        super().__init__(
            prefix=prefix, tags=[*tags] if tags else None, route_class=StrictRoute, generate_unique_id_function=_name
        )

    def plain(self, path: str, *, method: str, **options: Any) -> Callable[[EndpointT], EndpointT]:
        """Adds an endpoint that is called without FastAPI's dependency solver: see `http/plain.py`."""
        from slotstream_servicekit.http.plain import PlainRoute

        def add(endpoint: EndpointT) -> EndpointT:
            self.add_api_route(path, endpoint, methods=[method], route_class_override=PlainRoute, **options)
            return endpoint

        return add


def _name(route: APIRoute) -> str:
    return route.name


def refuse_unknown_parameters(query_string: bytes, known: frozenset[str]) -> None:
    """Raises RequestValidationError: a list must not show everything because a filter was misspelt."""
    names = [unquote_plus(pair.partition("=")[0]) for pair in query_string.decode("latin-1").split("&") if pair]
    errors = [
        {"type": "unknown_parameter", "loc": ("query", name), "msg": "There is no such query parameter"}
        for name in dict.fromkeys(names)
        if name not in known
    ]
    if b"%00" in query_string:
        errors.append({"type": "nul_character", "loc": ("query",), "msg": "A value holds a NUL character"})
    if errors:
        raise RequestValidationError(errors)


class HiddenRouteError(Exception):
    """A route is never reached, because an earlier one matches all its requests."""


def refuse_hidden_routes(routes: Sequence[APIRoute]) -> None:
    """Raises HiddenRouteError: the first match answers, so `/things/counts` must come before `/things/{thing_id}`."""
    for position, route in enumerate(routes):
        for earlier in routes[:position]:
            if earlier.path_regex.fullmatch(route.path) and set(earlier.methods or ()) & set(route.methods or ()):
                raise HiddenRouteError(f"{route.path} must come before {earlier.path}, which takes its requests")


def _with_dependencies(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for dependency in dependant.dependencies:
        yield from _with_dependencies(dependency)


def _query_parameters(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        annotation = field.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from (info.alias or name for name, info in annotation.model_fields.items())
        else:
            yield field.alias


def _refuse_threads(dependants: list[Dependant]) -> None:
    """Raises TypeError: FastAPI runs a function that is not async in a thread, which costs more than most requests."""
    for dependant in dependants:
        call = dependant.call
        if call is None or inspect.isclass(call):
            continue
        function = call if inspect.isroutine(call) else type(call).__call__
        if not inspect.iscoroutinefunction(function) and not inspect.isasyncgenfunction(function):
            raise TypeError(f"{getattr(call, '__name__', call)} must be async: it would run in a thread")
