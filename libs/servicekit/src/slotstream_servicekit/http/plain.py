"""Endpoints that are called directly, without FastAPI's dependency solver: for the few that are called all the time.

    @router.plain("/v1/appointments", method="POST", status_code=201, response_model=AppointmentOut)
    async def create_appointment(
        request: Request, principal: Booker, body: BookAppointmentIn, idempotency_key: IdempotencyKey = None
    ) -> Response: ...

A plain endpoint is declared like any other, so its OpenAPI description and its answers to bad requests are the same.
But it may only have these parameters; others raise a TypeError when the route is made:

- `request: Request`, with `request.app.state` in place of dependencies;
- a principal: `CurrentPrincipal`, or `Annotated[Principal, requires(...)]`, checked before the body is read;
- single headers: `Annotated[..., Header(alias=...)]` with a default;
- at most one body, a pydantic model.

It returns a finished Response.

If its path has no parameters, the application calls it without the layers of Starlette and FastAPI, which cost an
eighth of a booking. `PlainRoute.direct` does what these layers would do.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from fastapi import Request, params
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from slotstream_servicekit.http.auth import Requirement
from slotstream_servicekit.http.bodies import NO_BODY, JsonRequest
from slotstream_servicekit.http.limits import give_places_back
from slotstream_servicekit.http.routes import Handler, StrictRoute

ErrorHandlers = Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]]


class PlainRoute(StrictRoute):
    """See the module's documentation."""

    comes_first = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        answer = self._answer = self.get_route_handler()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            response = await answer(Request(scope, receive))
            await response(scope, receive, send)

        # In place of FastAPI's, which opens exit stacks for generator dependencies. A plain endpoint has none.
        self.app = app

    @property
    def is_direct(self) -> bool:
        return not self.param_convertors

    def direct(self, handlers: ErrorHandlers) -> ASGIApp:
        """The route as an ASGI application. Errors are answered by the first of `handlers` that matches."""
        answer, handled = self._answer, tuple(handlers)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["route"] = self
            request = Request(scope, receive)
            try:
                try:
                    response = await answer(request)
                except handled as error:
                    handler = next(handlers[kind] for kind in handlers if isinstance(error, kind))
                    response = await handler(request, error)
                await response(scope, receive, send)
            finally:
                give_places_back(scope)

        return app

    def handler(self) -> Handler:
        call = self.endpoint
        arguments = _Arguments.of(call)

        async def answer(request: Request) -> Any:
            return await call(**await arguments.values(request))

        return answer


@dataclass(frozen=True, slots=True)
class _HeaderArgument:
    name: str
    alias: str
    default: Any
    adapter: TypeAdapter[Any]

    def value(self, request: Request, errors: list[Any]) -> Any:
        sent = request.headers.get(self.alias)
        if sent is None:
            return self.default
        try:
            return self.adapter.validate_python(sent)
        except ValidationError as error:
            errors.extend(_located(error, "header", self.alias))
            return None


@dataclass(slots=True)
class _Arguments:
    """The arguments of an endpoint, by name."""

    request: str | None = None
    requirement: Requirement | None = None
    principal: str = ""
    headers: tuple[_HeaderArgument, ...] = ()
    body: str = ""
    model: type[BaseModel] | None = None

    @classmethod
    def of(cls, call: Callable[..., Any]) -> "_Arguments":
        arguments = cls()
        parameters = inspect.signature(call).parameters
        for name, hint in get_type_hints(call, include_extras=True).items():
            if name != "return":
                arguments._add(name, hint, parameters[name].default)
        return arguments

    def _add(self, name: str, hint: Any, default: Any) -> None:
        notes = get_args(hint)[1:]
        requirement = next((_requirement(note) for note in notes if _requirement(note)), None)
        header = next((note for note in notes if isinstance(note, params.Header)), None)
        if hint is Request:
            self.request = name
        elif requirement is not None:
            self.requirement, self.principal = requirement, name
        elif header is not None and header.alias and default is not inspect.Parameter.empty:
            self.headers += (_HeaderArgument(name, header.alias, default, TypeAdapter(hint)),)
        elif isinstance(hint, type) and issubclass(hint, BaseModel) and self.model is None:
            self.model, self.body = hint, name
        else:
            raise TypeError(f"a plain endpoint cannot be given {name}: {hint}")

    async def values(self, request: Request) -> dict[str, Any]:
        """Raises RequestValidationError with all errors."""
        values: dict[str, Any] = {}
        errors: list[Any] = []
        if self.request is not None:
            values[self.request] = request
        if self.requirement is not None:
            values[self.principal] = await self.requirement.settle(request.scope)
        for header in self.headers:
            values[header.name] = header.value(request, errors)
        if self.model is not None and isinstance(request, JsonRequest):
            values[self.body] = _parsed(self.model, request.value, errors)
        if errors:
            raise RequestValidationError(errors)
        return values


def _parsed(model: type[BaseModel], value: Any, errors: list[Any]) -> BaseModel | None:
    if value is NO_BODY:
        errors.append({"type": "missing", "loc": ("body",), "msg": "Field required"})
        return None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        errors.extend(_located(error, "body"))
        return None


def _located(error: ValidationError, *place: str) -> list[Any]:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return [{**fault, "loc": (*place, *fault["loc"])} for fault in faults]


def _requirement(note: Any) -> Requirement | None:
    call = note.dependency if isinstance(note, params.Depends) else None
    return call if isinstance(call, Requirement) else None
