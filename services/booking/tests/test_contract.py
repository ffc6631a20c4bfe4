"""The API keeps to its OpenAPI document, whatever it is asked."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import httpx2
import pytest

from slotstream_servicekit.http.server import HttpServer
from slotstream_servicekit.testing.fuzzing import assert_every_answer_is_declared

pytestmark = pytest.mark.service

Message = MutableMapping[str, Any]
_AN_ID = re.compile(r"^/v1/(\w+)/([0-9a-f-]{36})")


class Forwarding:
    """Passes requests on to where the API listens, so that its database lives in one event loop.

    Every other request about one thing is about one that exists: else the answers would all be 404.
    """

    def __init__(self, address: str, known: Mapping[str, list[str]]) -> None:
        self._client = httpx2.Client(base_url=address, timeout=20)
        self._known = known
        self.asked = 0
        self.statuses: set[int] = set()

    def close(self) -> None:
        self._client.close()

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        body = b""
        while scope["type"] == "http":
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        answer = self._client.request(
            scope["method"],
            self._path(scope),
            content=body,
            headers=[(name, value) for name, value in scope["headers"] if name not in {b"host", b"content-length"}],
        )
        self.statuses.add(answer.status_code)
        headers = [pair for pair in answer.headers.raw if pair[0].lower() != b"content-encoding"]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": answer.content})

    def _path(self, scope: Message) -> str:
        self.asked += 1
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        path = raw.decode()
        found = _AN_ID.match(path)
        if self.asked % 2 and found and found[1] in self._known:
            ids = self._known[found[1]]
            path = path.replace(found[2], ids[self.asked % len(ids)], 1)
        query = scope["query_string"].decode()
        return f"{path}?{query}" if query else path


async def test_every_answer_is_one_that_the_openapi_document_declares(world: Any) -> None:
    booked = [await world.book(world.at(hour)) for hour in range(8, 18)]
    series = await world.post(
        "/v1/series", {**world.wish(world.at(19)), "recurrence": {"freq": "weekly", "count": 3}}, status=201
    )
    known = {
        "appointments": [one["id"] for one in booked],
        "series": [series["id"]],
        "businesses": [world.business["id"]],
        "resources": [world.staff[0]["id"]],
        "services": [world.service["id"]],
        "clients": [world.client["id"]],
    }
    server = HttpServer(world.app, host="127.0.0.1", port=0, grace_seconds=5)
    await server.start()
    stop = asyncio.Event()
    running = asyncio.create_task(server.run(stop))
    asked = Forwarding(server.address, known)
    try:
        await asyncio.to_thread(
            assert_every_answer_is_declared,
            asked,  # type: ignore[arg-type]  # what it needs of an app is that it is called as one
            headers={"Authorization": world.api.headers["Authorization"]},
            max_examples=8,
        )
    finally:
        asked.close()
        stop.set()
        await running
    assert {200, 201, 404, 409, 422} <= asked.statuses
