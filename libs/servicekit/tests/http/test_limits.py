"""One organization's haste is answered with 429, and nobody else feels it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from slotstream_servicekit.http import CurrentPrincipal, RequestModel, Router, limits, rate_limited
from slotstream_servicekit.http.limits import RateLimits
from slotstream_servicekit.settings import Rate

ClientMaker = Callable[[UUID], Awaitable[httpx2.AsyncClient]]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Wanted(RequestModel):
    name: str


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Streams:
    """Streams that go on until `end` is set."""

    def __init__(self) -> None:
        self.end = asyncio.Event()
        self._begun = asyncio.Semaphore(0)

    async def events(self) -> AsyncIterator[str]:
        self._begun.release()
        yield "begun"
        await self.end.wait()

    async def one_begins(self) -> None:
        await asyncio.wait_for(self._begun.acquire(), 60)


@pytest.fixture
async def streams() -> Streams:
    return Streams()


@pytest.fixture
def app(make_app: Callable[..., FastAPI], signer: Any, clock: Clock, streams: Streams) -> FastAPI:
    router = Router(prefix="/v1")

    @router.get("/reports", dependencies=[rate_limited("reports", per_minute=60, burst=2)])
    async def read_report(principal: CurrentPrincipal) -> str:
        return "read"

    @router.post("/reports", dependencies=[rate_limited("reports", per_minute=60, burst=2)])
    async def write_report(principal: CurrentPrincipal, wanted: Wanted) -> str:
        return wanted.name

    @router.get("/free", dependencies=[rate_limited("free", per_minute=1, burst=1)])
    async def read_free(principal: CurrentPrincipal) -> str:
        return "free"

    @router.get(
        "/stream",
        dependencies=[rate_limited("streams", per_minute=0, burst=1, open_at_once=2)],
        response_class=StreamingResponse,
    )
    async def read_stream(principal: CurrentPrincipal, broken: bool = False) -> StreamingResponse:
        if broken:
            raise RuntimeError
        return StreamingResponse(streams.events())

    app = make_app(signer.issuer, routers=[router])
    app.state.rate_limits = RateLimits({"free": Rate(per_minute=0, burst=1)}, clock=clock)
    return app


@pytest.fixture
def client_of(app: FastAPI, api_client: Callable[..., Awaitable[httpx2.AsyncClient]], signer: Any) -> ClientMaker:
    async def make(organization_id: UUID) -> httpx2.AsyncClient:
        return await api_client(app, token=signer.token(organization_id=organization_id))

    return make


async def test_too_many_at_once_are_told_when_to_come_back(client_of: ClientMaker, clock: Clock) -> None:
    hasty = await client_of(uuid4())
    assert [(await hasty.get("/v1/reports")).status_code for _ in range(3)] == [200, 200, 429]
    refused = await hasty.get("/v1/reports")
    assert refused.json()["code"] == "rate_limited"
    assert refused.json()["retry_after"] == 1
    assert refused.headers["retry-after"] == "1"
    clock.now += 1
    assert [(await hasty.get("/v1/reports")).status_code for _ in range(2)] == [200, 429]


async def test_another_organization_feels_nothing(client_of: ClientMaker) -> None:
    hasty, calm = await client_of(uuid4()), await client_of(uuid4())
    for _ in range(5):
        await hasty.get("/v1/reports")
    assert (await calm.get("/v1/reports")).status_code == 200


async def test_endpoints_of_one_kind_share_its_rate(client_of: ClientMaker) -> None:
    hasty = await client_of(uuid4())
    for _ in range(2):
        await hasty.get("/v1/reports")
    assert (await hasty.post("/v1/reports", json={"name": "a"})).status_code == 429


async def test_who_asks_is_settled_first_and_the_body_read_last(
    app: FastAPI, client_of: ClientMaker, api_client: Callable[..., Awaitable[httpx2.AsyncClient]]
) -> None:
    stranger, hasty = await api_client(app), await client_of(uuid4())
    assert {(await stranger.get("/v1/reports")).status_code for _ in range(5)} == {401}
    for _ in range(2):
        await hasty.get("/v1/reports")
    assert (await hasty.post("/v1/reports", content=b"{bad")).status_code == 429


async def test_each_answer_tells_what_is_left(client_of: ClientMaker) -> None:
    client = await client_of(uuid4())
    answer = await client.get("/v1/reports")
    assert answer.headers["ratelimit-policy"] == '"reports";q=2;w=2'
    assert answer.headers["ratelimit"] == '"reports";r=1;t=1'
    await client.get("/v1/reports")
    assert (await client.get("/v1/reports")).headers["ratelimit"] == '"reports";r=0;t=1'


async def test_a_rate_of_zero_means_no_limit(client_of: ClientMaker) -> None:
    client = await client_of(uuid4())
    answers = [await client.get("/v1/free") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert "ratelimit" not in answers[0].headers


def test_what_is_counted_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BUCKETS", 10)
    rates, rate, hasty = RateLimits({}, clock=clock), Rate(per_minute=1, burst=1), uuid4()
    for _ in range(100):
        clock.now += 0.001
        rates.take(uuid4(), "slots", rate)
        left = rates.take(hasty, "slots", rate)
    assert len(rates._buckets) <= 10
    assert left < 0, "who keeps asking is not forgotten"


async def test_so_many_streams_of_one_organization_are_open_at_one_time(
    client_of: ClientMaker, streams: Streams
) -> None:
    watching, calm = await client_of(uuid4()), await client_of(uuid4())
    open_ones = [asyncio.create_task(watching.get("/v1/stream")) for _ in range(2)]
    await streams.one_begins()
    await streams.one_begins()
    refused = await watching.get("/v1/stream")
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (429, "rate_limited", "5")
    another = asyncio.create_task(calm.get("/v1/stream"))
    await streams.one_begins()
    streams.end.set()
    assert {(await stream).status_code for stream in (*open_ones, another)} == {200}
    assert [(await watching.get("/v1/stream")).status_code for _ in range(3)] == [200, 200, 200]


async def test_who_hangs_up_or_meets_an_error_leaves_no_place_taken(client_of: ClientMaker, streams: Streams) -> None:
    client = await client_of(uuid4())
    for _ in range(5):
        watching = asyncio.create_task(client.get("/v1/stream"))
        await streams.one_begins()
        watching.cancel()
        await asyncio.wait([watching])
    assert {(await client.get("/v1/stream", params={"broken": "true"})).status_code for _ in range(5)} == {500}
    streams.end.set()
    assert (await client.get("/v1/stream")).status_code == 200


async def test_how_many_are_open_can_be_set(app: FastAPI, client_of: ClientMaker, streams: Streams) -> None:
    app.state.rate_limits = RateLimits({"streams": Rate(per_minute=0, burst=1, open=1)})
    client = await client_of(uuid4())
    watching = asyncio.create_task(client.get("/v1/stream"))
    await streams.one_begins()
    assert (await client.get("/v1/stream")).status_code == 429
    streams.end.set()
    assert (await watching).status_code == 200
