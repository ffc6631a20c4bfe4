"""The OpenAPI document, with stable operation ids, all problem responses, and the bearer scheme."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from slotstream_servicekit.http.problems import PROBLEM_CONTENT_TYPE, ProblemOut
from slotstream_servicekit.http.routes import StrictRoute

SECURITY_SCHEME = "bearer"
_GENERATED = ("HTTPValidationError", "ValidationError")
_ALWAYS = (400, 404, 422, 429, 500, 503)
_AUTHENTICATED = (401, 403)
_CHANGING = (409, 412)
_WITH_BODY = (413, 415)


class DuplicateOperationError(Exception):
    """Two endpoints have the same function name, and so the same operation id."""


def openapi_of(app: FastAPI, routes: Sequence[StrictRoute]) -> dict[str, Any]:
    """The document of the app. The same code always gives the same document."""
    document = get_openapi(title=app.title, version=app.version, openapi_version=app.openapi_version, routes=routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _GENERATED:
        schemas.pop(name, None)
    schemas.update(_problem_schemas())
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = {SECURITY_SCHEME: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    operations = {route.unique_id: route for route in routes}
    for path in document.get("paths", {}).values():
        for operation in path.values():
            _complete(operation, operations[operation["operationId"]])
    return document


def refuse_duplicate_operations(routes: Iterable[StrictRoute]) -> None:
    seen: dict[str, str] = {}
    for route in routes:
        name = route.unique_id
        if not route.include_in_schema:
            continue
        if name in seen:
            raise DuplicateOperationError(f"{name} names both {seen[name]} and {route.path}: rename a function")
        seen[name] = route.path


def _complete(operation: dict[str, Any], route: StrictRoute) -> None:
    responses: dict[str, Any] = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    for status in _problem_statuses(route, takes_body="requestBody" in operation):
        responses.setdefault(str(status), problem_response(status))
    operation["responses"] = dict(sorted(responses.items()))
    if route.requirements:
        operation["security"] = [{SECURITY_SCHEME: []}]


def _problem_statuses(route: StrictRoute, *, takes_body: bool) -> tuple[int, ...]:
    return (
        *_ALWAYS,
        *(_AUTHENTICATED if route.requirements else ()),
        *(() if route.methods == {"GET"} else _CHANGING),
        *(_WITH_BODY if takes_body else ()),
    )


def problem_response(status: int) -> dict[str, Any]:
    """A problem response for a route that has one more than usual: `responses={401: …}`."""
    response: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {PROBLEM_CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in {429, 503}:
        response["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "string"}}}
    return response


def _problem_schemas() -> Mapping[str, Any]:
    schema = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    return {**schema.pop("$defs", {}), "Problem": schema}
