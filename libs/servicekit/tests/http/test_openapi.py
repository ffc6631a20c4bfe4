"""The OpenAPI document is complete: nothing is answered that it does not declare."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI, Response

from slotstream_servicekit.health import Health
from slotstream_servicekit.http import CurrentPrincipal, Router, create_app
from slotstream_servicekit.http.openapi import DuplicateOperationError
from slotstream_servicekit.testing.fuzzing import assert_every_answer_is_declared


@pytest.fixture
def document(make_app: Callable[..., FastAPI], signer: Any) -> dict[str, Any]:
    return make_app(signer.issuer).openapi()


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()}


def test_operation_ids_are_the_functions_names(document: dict[str, Any]) -> None:
    assert set(operations(document)) == {
        "create_thing",
        "create_plain_thing",
        "list_things",
        "read_thing",
        "edit_thing",
        "refuse_thing",
        "whoami",
        "boom",
        "stream",
        "upload",
    }


def test_every_operation_declares_its_problems_as_problem_documents(document: dict[str, Any]) -> None:
    for operation in operations(document).values():
        for status in ("400", "422", "500", "503"):
            content = operation["responses"][status]["content"]
            assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert {"409", "412", "413", "415", "401", "403"} <= set(operations(document)["create_thing"]["responses"])
    assert "413" not in operations(document)["read_thing"]["responses"]
    assert "401" not in operations(document)["boom"]["responses"]


def test_the_shapes_of_problems_are_declared_and_those_of_the_framework_are_not(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert {"Problem", "FieldErrorOut", "ReasonOut"} <= set(schemas)
    assert "HTTPValidationError" not in schemas
    assert "ValidationError" not in schemas
    assert schemas["FieldErrorOut"]["properties"].keys() == {"in", "pointer", "code", "detail"}


def test_a_plain_endpoint_is_described_like_any_other(document: dict[str, Any]) -> None:
    ordinary, plain = (operations(document)[name] for name in ("create_thing", "create_plain_thing"))
    assert plain["requestBody"] == ordinary["requestBody"]
    assert plain["responses"].keys() == ordinary["responses"].keys()
    assert plain["security"] == ordinary["security"]
    assert [parameter["name"] for parameter in plain["parameters"]] == ["Idempotency-Key"]


def test_operations_that_ask_for_a_principal_say_so(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert operations(document)["whoami"]["security"] == [{"bearer": []}]
    assert "security" not in operations(document)["boom"]


def test_times_in_and_out_are_declared_as_such(document: dict[str, Any]) -> None:
    for name in ("ThingIn", "ThingOut"):
        starts_at = document["components"]["schemas"][name]["properties"]["starts_at"]
        assert (starts_at["type"], starts_at["format"]) == ("string", "date-time")
    assert document["components"]["schemas"]["ThingIn"]["additionalProperties"] is False


def test_the_same_code_gives_the_same_document(make_app: Callable[..., FastAPI], signer: Any) -> None:
    assert make_app(signer.issuer).openapi() == make_app(signer.issuer).openapi()


def test_two_functions_of_one_name_are_refused(make_app: Callable[..., FastAPI]) -> None:
    router = Router()

    def add(path: str) -> None:
        @router.get(path)
        async def same_name() -> None: ...

    add("/a")
    add("/b")
    with pytest.raises(DuplicateOperationError, match="same_name"):
        make_app(routers=[router])


def test_a_route_that_asks_for_a_principal_needs_an_authenticator(make_app: Callable[..., FastAPI]) -> None:
    router = Router()

    @router.get("/secret")
    async def secret(principal: CurrentPrincipal) -> None: ...

    with pytest.raises(ValueError, match="authenticator"):
        create_app(
            service="open",
            title="Open",
            routers=[router],
            settings=make_app().state.settings,
            authenticator=None,
            health=Health(),
        )


def test_no_answer_is_undocumented(make_app: Callable[..., FastAPI], signer: Any) -> None:
    headers = {"Authorization": f"Bearer {signer.token(organization_id=uuid4())}"}
    asked = assert_every_answer_is_declared(make_app(signer.issuer), headers=headers, without={"boom"})
    assert asked == 9


def test_an_undocumented_answer_is_found(make_app: Callable[..., FastAPI]) -> None:
    router = Router()

    @router.get("/teapot")
    async def teapot() -> Response:
        return Response("short and stout", status_code=418)

    with pytest.raises(BaseExceptionGroup) as caught:
        assert_every_answer_is_declared(make_app(routers=[router]), headers={}, max_examples=3)
    assert "Undocumented status code" in repr(caught.value.exceptions)


def test_a_defect_is_found(make_app: Callable[..., FastAPI], signer: Any) -> None:
    with pytest.raises(BaseExceptionGroup) as caught:
        assert_every_answer_is_declared(make_app(signer.issuer), headers={}, max_examples=3)
    assert "Server error" in repr(caught.value.exceptions)
