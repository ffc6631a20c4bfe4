"""Fuzzing an app by its own OpenAPI document: no 500, no undocumented answer."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fastapi import FastAPI

Message = MutableMapping[str, Any]

_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_IN_PATH: Final = re.compile(rf"/([\w-]+)/({_UUID})")
_IN_QUERY: Final = re.compile(rf"(?:^|&)([\w-]+)=({_UUID})")
_IN_BODY: Final = re.compile(rf'"(\w+)": ?\[?"({_UUID})"')


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
    asked = [operation for operation in operations if operation.definition.raw["operationId"] not in without]
    for operation in asked:
        _ask(operation, dict(headers), max_examples)
    return len(asked)


def _ask(operation: Any, headers: dict[str, str], max_examples: int) -> None:
    import schemathesis
    from hypothesis import HealthCheck, given, settings
    from schemathesis.checks import load_all_checks, not_a_server_error
    from schemathesis.specs.openapi import checks

    load_all_checks()
    schemathesis.serializer("message/rfc822")(_as_it_is)
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


def _as_it_is(_context: object, value: Any) -> bytes:
    """A body that is not JSON: any bytes will do."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


async def assert_a_running_server_keeps_to_its_document(
    app: "FastAPI",
    *,
    headers: Mapping[str, str],
    known: Mapping[str, Sequence[str]],
    max_examples: int = 30,
    without: Collection[str] = (),
) -> set[int]:
    """The same over HTTP, so that the app's database lives in one event loop; returns the statuses answered.

    Every other question is about things that exist, else most answers would be 404: a generated id is replaced by
    one that is `known` under the path's segment before it or under its parameter's or field's name.
    """
    from slotstream_servicekit.http.server import HttpServer

    server = HttpServer(app, host="127.0.0.1", port=0, grace_seconds=5)
    await server.start()
    stop = asyncio.Event()
    running = asyncio.create_task(server.run(stop))
    forwarding: Any = _Forwarding(server.address, known)
    try:
        await asyncio.to_thread(
            assert_every_answer_is_declared,
            forwarding,
            headers=headers,
            max_examples=max_examples,
            without=without,
        )
    finally:
        forwarding.client.close()
        stop.set()
        await running
    statuses: set[int] = forwarding.statuses
    return statuses


class _Forwarding:
    """An ASGI application that passes questions on to where the real one listens."""

    def __init__(self, address: str, known: Mapping[str, Sequence[str]]) -> None:
        import httpx2

        self.client = httpx2.Client(base_url=address, timeout=20)
        self.statuses: set[int] = set()
        self._known = known
        self._asked = 0

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
        self._asked += 1
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        path = self._existing(_IN_PATH, raw.decode())
        query = self._existing(_IN_QUERY, scope["query_string"].decode())
        answer = self.client.request(
            scope["method"],
            f"{path}?{query}" if query else path,
            content=self._existing(_IN_BODY, body.decode("latin-1")).encode("latin-1"),
            headers=[(name, value) for name, value in scope["headers"] if name not in {b"host", b"content-length"}],
        )
        self.statuses.add(answer.status_code)
        headers = [pair for pair in answer.headers.raw if pair[0].lower() != b"content-encoding"]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": answer.content})

    def _existing(self, pattern: re.Pattern[str], text: str) -> str:
        if self._asked % 2:
            return text

        def replaced(found: re.Match[str]) -> str:
            ids = self._known.get(found[1])
            return found[0].replace(found[2], ids[self._asked // 2 % len(ids)]) if ids else found[0]

        return pattern.sub(replaced, text)
