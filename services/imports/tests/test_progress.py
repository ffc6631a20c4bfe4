"""Watching an import over server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio
from imports_service import ImportsService

from slotstream_servicekit.http.limits import RateLimits
from slotstream_servicekit.http.server import HttpServer
from slotstream_servicekit.settings import Rate

FILE = "Client,Phone,Service,Start\nEva,030 901820,Haircut,2026-03-30 10:00\n"


@pytest_asyncio.fixture
async def address(service: ImportsService) -> AsyncIterator[str]:
    """Where the API listens: a stream that does not end needs a real connection."""
    server = HttpServer(service.app, host="127.0.0.1", port=0, grace_seconds=5)
    await server.start()
    stop = asyncio.Event()
    running = asyncio.create_task(server.run(stop))
    yield server.address
    stop.set()
    await running


class Watcher:
    """Reads one connection's events."""

    def __init__(self, response: httpx2.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self) -> dict[str, Any]:
        """The next event's data; empty once the stream has ended."""
        async with asyncio.timeout(60):
            async for line in self._lines:
                if line.startswith("data: "):
                    progress: dict[str, Any] = json.loads(line.removeprefix("data: "))
                    return progress
        return {}


async def test_each_change_is_told_until_the_import_is_settled(service: ImportsService, address: str) -> None:
    import_id = await service.checked(FILE)
    async with service.watching(address, import_id) as response:
        watcher = Watcher(response)
        first = await watcher.next()
        await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
        second = await watcher.next()
        await service.settle()
        last = second
        while shown := await watcher.next():
            last = shown
    assert (first["state"], second["state"], last["state"]) == ("checked", "booking", "finished")
    assert last["counts"]["booked"] == 1


async def test_who_connects_again_is_told_the_present_state_at_once(service: ImportsService, address: str) -> None:
    import_id = await service.mapped(FILE)
    async with service.watching(address, import_id) as response:
        assert (await Watcher(response).next())["state"] == "reading"
    await service.settle()
    async with service.watching(address, import_id) as response:
        assert (await Watcher(response).next())["state"] == "checked"


async def test_a_stop_of_the_service_ends_the_stream(service: ImportsService, address: str) -> None:
    import_id = await service.checked(FILE)
    async with service.watching(address, import_id) as response:
        watcher = Watcher(response)
        assert (await watcher.next())["state"] == "checked"
        service.app.state.health.stopping()
        assert await watcher.next() == {}


@pytest.mark.parametrize(("kind", "place"), [("streams", "progress"), ("exports", "errors.csv")])
async def test_an_organization_that_asks_too_often_is_told_when_to_come_again(
    service: ImportsService, kind: str, place: str
) -> None:
    service.app.state.rate_limits = RateLimits({kind: Rate(per_minute=60, burst=2)}, clock=lambda: 0.0)
    answers = [await service.http.get(f"/v1/imports/{uuid4()}/{place}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert int(answers[2].headers["retry-after"]) >= 1


async def test_an_import_that_is_not_there_cannot_be_watched(service: ImportsService) -> None:
    assert (await service.http.get(f"/v1/imports/{uuid4()}/progress")).status_code == 404
