"""The API keeps to its OpenAPI document, whatever it is asked."""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx2

from slotstream_servicekit.http.server import HttpServer
from slotstream_servicekit.testing.fuzzing import assert_every_answer_is_declared

Message = MutableMapping[str, Any]

FILE = "Client,Phone,Service,Start\nEva,030 901820,Haircut,2026-03-30 10:00\nFinn,12,Haircut,2026-03-30 10:00\n"
_AN_IMPORT = re.compile(r"(?<=^/v1/imports/)[0-9a-f-]{36}")


class Forwarding:
    """Passes requests on to where the API listens, so that its database lives in one event loop.

    Every other request about an import is about one that exists: else the answers would all be 404.
    """

    def __init__(self, address: str, import_ids: list[str]) -> None:
        self._client = httpx2.Client(base_url=address, timeout=20)
        self._import_ids = import_ids
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
        existing = self._import_ids[self.asked % len(self._import_ids)]
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        path = raw.decode()
        if self.asked % 2:
            path = _AN_IMPORT.sub(existing, path)
        query = scope["query_string"].decode()
        return f"{path}?{query}" if query else path


async def test_every_answer_is_one_that_the_openapi_document_declares(world: Any) -> None:
    import_ids = [await world.checked(FILE) for _ in range(3)] + [await world.finished(FILE)]
    # The one stream without end tells its first event and closes, as it does when the service stops.
    world.app.state.health.stopping()
    server = HttpServer(world.app, host="127.0.0.1", port=0, grace_seconds=5)
    await server.start()
    stop = asyncio.Event()
    running = asyncio.create_task(server.run(stop))
    asked = Forwarding(server.address, import_ids)
    try:
        headers = {"Authorization": world.http.headers["Authorization"]}
        operations = await asyncio.to_thread(
            assert_every_answer_is_declared,
            asked,  # type: ignore[arg-type]
            headers=headers,
            max_examples=20,
        )
    finally:
        asked.close()
        stop.set()
        await running
    assert operations == 11
    assert {200, 202, 404, 409, 422} <= asked.statuses
