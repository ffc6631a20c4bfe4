"""What is refused when a route or an app is made, and which route answers."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Response

from slotstream_servicekit.http import RequestModel, Router
from slotstream_servicekit.http.routes import HiddenRouteError

AppMaker = Callable[..., FastAPI]


def test_a_router_without_checks_is_refused(make_app: AppMaker) -> None:
    router = APIRouter()

    @router.get("/open")
    async def read_open() -> None: ...

    with pytest.raises(TypeError, match="not checked"):
        make_app(routers=[router])


def test_a_route_hidden_by_an_earlier_one_is_refused(make_app: AppMaker) -> None:
    router = Router()

    @router.get("/things/{thing_id}")
    async def read_thing(thing_id: UUID) -> None: ...

    @router.get("/things/counts")
    async def count_things() -> None: ...

    with pytest.raises(HiddenRouteError, match="/things/counts must come before"):
        make_app(routers=[router])


async def test_a_fixed_path_beside_a_pattern_answers_for_itself(
    make_app: AppMaker, api_client: Callable[..., Awaitable[httpx2.AsyncClient]]
) -> None:
    router = Router()

    @router.get("/things/counts")
    async def count_things() -> str:
        return "counts"

    @router.get("/things/{thing_id}")
    async def read_thing(thing_id: str) -> str:
        return thing_id

    @router.delete("/things/{thing_id}")
    async def drop_thing(thing_id: str) -> str:
        return f"no more {thing_id}"

    client = await api_client(make_app(routers=[router]))
    assert (await client.get("/things/counts")).json() == "counts"
    assert (await client.get("/things/7")).json() == "7"
    assert (await client.delete("/things/counts")).json() == "no more counts"
    refused = await client.put("/things/counts")
    assert (refused.status_code, refused.headers["allow"]) == (405, "DELETE, GET")


async def test_an_endpoint_without_parameters_refuses_all(
    make_app: AppMaker, api_client: Callable[..., Awaitable[httpx2.AsyncClient]]
) -> None:
    router = Router()

    @router.get("/things")
    async def list_things() -> str:
        return "all"

    class Filter(RequestModel):
        colour: str = ""

    @router.get("/coloured")
    async def list_coloured(wanted: Annotated[Filter, Query()]) -> str:
        return wanted.colour

    client = await api_client(make_app(routers=[router]))
    assert (await client.get("/things?x=1")).json()["code"] == "unknown_parameter"
    assert (await client.get("/coloured?colour=red")).json() == "red"
    assert (await client.get("/coloured?color=red")).json()["code"] == "unknown_parameter"


def test_a_dependency_that_would_run_in_a_thread_is_refused() -> None:
    router = Router()

    def look_up() -> int:
        return 7

    async def read(number: Annotated[int, Depends(look_up)]) -> int:
        return number

    with pytest.raises(TypeError, match="look_up must be async"):
        router.get("/things")(read)


def test_a_plain_endpoint_takes_no_more_than_it_can_be_given() -> None:
    class Thing(RequestModel):
        name: str

    async def with_query(limit: int = 5) -> Response: ...

    async def with_two_bodies(first: Thing, second: Thing) -> Response: ...

    router = Router()
    endpoints: list[Any] = [with_query, with_two_bodies]
    for endpoint in endpoints:
        with pytest.raises(TypeError, match="cannot be given"):
            router.plain("/things", method="POST")(endpoint)
