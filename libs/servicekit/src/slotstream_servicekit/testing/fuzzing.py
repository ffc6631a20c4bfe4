"""Fuzzing an app by its own OpenAPI document: no 500, no undocumented answer."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI


def assert_every_answer_is_declared(
    app: "FastAPI",
    *,
    headers: Mapping[str, str],
    max_examples: int = 30,
    without: Collection[str] = (),
) -> int:
    """Asks every operation generated questions, good and bad; returns how many operations were asked.

    Fails on a 5xx, on a status, content type or body that the document does not declare. `without` names
    operations by id. That the document promises less than the rules ask (a date may be well-formed and still too
    far off) is no failure.
    """
    import schemathesis

    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    asked = [each for each in operations if each.definition.raw["operationId"] not in without]
    for operation in asked:
        _ask(operation, dict(headers), max_examples)
    return len(asked)


def _ask(operation: Any, headers: dict[str, str], max_examples: int) -> None:
    from hypothesis import HealthCheck, given, settings
    from schemathesis.checks import load_all_checks, not_a_server_error
    from schemathesis.specs.openapi import checks

    load_all_checks()
    declared = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]

    @settings(max_examples=max_examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def every_answer_is_declared(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=declared)

    every_answer_is_declared()
