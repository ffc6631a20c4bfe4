"""One route class for all services: who asks is settled first, then the query, then the body."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any
from urllib.parse import unquote_plus

from fastapi import APIRouter, Request, params
from fastapi._compat import Undefined
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from slotstream_servicekit.http.auth import Requirement
from slotstream_servicekit.http.bodies import JsonRequest, limited
from slotstream_servicekit.http.plans import Plan, plan_of

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRoute(APIRoute):
    """FastAPI's route, which reads a body before it asks who is calling and ignores what it does not know.

    This one settles the principal and its rights first, refuses unknown query parameters, reads JSON through
    `bodies`, and calls the endpoint by its plan where it has one.
    """

    max_body_bytes: int
    requirements: tuple[Requirement, ...]
    _parameters: frozenset[str]
    _plan: Plan | None

    def get_route_handler(self) -> Handler:
        """FastAPI's own handler, for endpoints without a plan and for overridden dependencies."""
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            await self._admit(request.scope)
            if self._reads_json:
                request = JsonRequest(request.scope, request.receive)
                await request.load(self.max_body_bytes)
            else:
                request = Request(request.scope, limited(request.scope, request.receive, self.max_body_bytes))
            return await handle(request)

        self.requirements = tuple(_requirements(self.dependant))
        self._parameters = frozenset(_parameter_names(self.dependant))
        self._plan = plan_of(self)
        return strict

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._fastapi_app = self.app
        if self._plan is not None:
            self.app = self._answer_by_plan

    async def _answer_by_plan(self, scope: Scope, receive: Receive, send: Send) -> None:
        plan = self._plan
        if plan is None or scope["app"].dependency_overrides:
            await self._fastapi_app(scope, receive, send)
            return
        await self._admit(scope)
        body: Any = Undefined
        if self._reads_json:
            request = JsonRequest(scope, receive)
            body = await request.load(self.max_body_bytes)
            response = await plan.answer(request, body)
        else:
            bounded = receive if scope["method"] == "GET" else limited(scope, receive, self.max_body_bytes)
            response = await plan.answer(Request(scope, bounded))
        await response(scope, receive, send)

    async def _admit(self, scope: Scope) -> None:
        for requirement in self.requirements:
            await requirement.settle(scope)
        if "\x00" in scope["path"]:
            message = "The path holds a NUL character"
            raise RequestValidationError([{"type": "nul_character", "loc": ("path",), "msg": message}])
        if scope["query_string"]:
            refuse_unknown_parameters(scope["query_string"], self._parameters)

    @property
    def _reads_form(self) -> bool:
        return self.body_field is not None and isinstance(self.body_field.field_info, params.Form)

    @property
    def _reads_json(self) -> bool:
        return self.body_field is not None and not self._reads_form


def add_strict_routes(target: APIRouter, routers: Sequence[APIRouter], *, max_body_bytes: int) -> list[StrictRoute]:
    """Copies every route of `routers`, nested ones too, into `target` as StrictRoutes, flat and in order.

    Flat, because FastAPI matches each level of nesting twice per request.
    """
    added: list[StrictRoute] = []
    for router in routers:
        for context in iter_route_contexts(router.routes):
            if not isinstance(context.original_route, APIRoute):
                target.routes.append(_plain(context))
                continue
            route = _strict(context, target)
            route.max_body_bytes = context.max_body_size or max_body_bytes
            target.routes.append(route)
            added.append(route)
    return added


def _plain(context: Any) -> BaseRoute:
    route: BaseRoute = context._effective_route  # noqa: SLF001 - a Starlette route with its prefix
    return route


def _strict(context: Any, target: APIRouter) -> StrictRoute:
    return StrictRoute(
        context.path,
        context.endpoint,
        response_model=context.response_model,
        status_code=context.status_code,
        tags=context.tags,
        dependencies=context.dependencies,
        summary=context.summary,
        description=context.description,
        response_description=context.response_description,
        responses=context.responses,
        deprecated=context.deprecated,
        name=context.name,
        methods=context.methods,
        operation_id=context.operation_id or context.endpoint.__name__,
        response_model_include=context.response_model_include,
        response_model_exclude=context.response_model_exclude,
        response_model_by_alias=context.response_model_by_alias,
        response_model_exclude_unset=context.response_model_exclude_unset,
        response_model_exclude_defaults=context.response_model_exclude_defaults,
        response_model_exclude_none=context.response_model_exclude_none,
        include_in_schema=context.include_in_schema,
        response_class=context.response_class,
        dependency_overrides_provider=target.dependency_overrides_provider,
        callbacks=context.callbacks,
        openapi_extra=context.openapi_extra,
    )


def refuse_unknown_parameters(query_string: bytes, known: frozenset[str]) -> None:
    """A misspelt filter must not silently show everything. Raises RequestValidationError."""
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


def _dependants(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for each in dependant.dependencies:
        yield from _dependants(each)


def _requirements(dependant: Dependant) -> Iterator[Requirement]:
    for each in _dependants(dependant):
        if isinstance(each.call, Requirement):
            yield each.call


def _parameter_names(dependant: Dependant) -> Iterator[str]:
    for each in _dependants(dependant):
        for field in each.query_params:
            annotation = field.field_info.annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                yield from (info.alias or name for name, info in annotation.model_fields.items())
            else:
                yield field.alias
