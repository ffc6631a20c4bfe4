"""What comes to the gateway from others than browsers at their best: odd addresses, WebSockets, answers without end."""

import asyncio
from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from dashboard_tenant import START, Browser, Json, Tenant
from starlette.types import Message

from dashboard.api import gateway
from dashboard.api.sessions_memory import SessionMemory
from dashboard.domain.sessions import SignedIn
from slotstream_servicekit.testing.plugin import until

pytestmark = pytest.mark.service

PATH = "/api/booking/v1/appointments"


class Exchange:
    """A request as a server hands it on, whose sender waits until it is told to go."""

    def __init__(self, tenant: Tenant, *, path: str = PATH, query: bytes = b"", kind: str = "http") -> None:
        self.sent: list[Message] = []
        self._app = tenant.app
        self._scope: MutableMapping[str, Any] = {
            "type": kind,
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query,
            "headers": [],
            "client": ("192.0.2.7", 1),
            "server": ("desk.example.com", 443),
        }
        self._asked = False

    async def answered(self, **headers: str) -> list[Message]:
        """Everything that was sent by the end."""
        self._scope["headers"] = [(name.encode(), value.encode()) for name, value in headers.items()]
        await asyncio.wait_for(self._app(self._scope, self._receive, self._send), timeout=120)
        return self.sent

    async def _receive(self) -> Message:
        if self._asked:
            await asyncio.Event().wait()
        self._asked = True
        kind = "http.request" if self._scope["type"] == "http" else "websocket.connect"
        return {"type": kind, "body": b"", "more_body": False}

    async def _send(self, message: Message) -> None:
        self.sent.append(message)


def bearer_of(tenant: Tenant) -> str:
    return str(tenant.api().headers["authorization"])


def cookie_of(browser: Browser) -> str:
    return f"__Host-slotstream={browser.cookie}"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (PATH, b"q=\xff"),
        (PATH, b"q=M\xc3\xbcller"),
        (PATH, b"q=\x7f"),
        (PATH, b"q=" + b"a" * 70_000),
        (f"{PATH}/{'a' * 70_000}", b""),
    ],
    ids=["no text", "not percent-encoded", "a control character", "a long query", "a long path"],
)
async def test_an_address_that_cannot_be_passed_on_is_the_callers_mistake(
    tenant: Tenant, path: str, query: bytes
) -> None:
    answered = await Exchange(tenant, path=path, query=query).answered(authorization=bearer_of(tenant))

    assert answered[0]["status"] == 400
    assert tenant.upstream.requests == []


async def test_a_websocket_is_closed(tenant: Tenant) -> None:
    answered = await Exchange(tenant, kind="websocket").answered(authorization=bearer_of(tenant))

    assert [message["type"] for message in answered] == ["websocket.close"]


@pytest.mark.parametrize(
    ("content", "declared", "parts"),
    [
        (b"", None, [(b"", False)]),
        (b"0123456789abc", None, [(b"0123456789", True), (b"abc", False)]),
        # As an answer that says how long it would be, and is "not modified".
        (b"", "13", [(b"", False)]),
    ],
)
async def test_an_answer_of_known_length_ends_with_its_last_part(
    tenant: Tenant, content: bytes, declared: str | None, parts: list[tuple[bytes, bool]]
) -> None:
    tenant.upstream.content = content
    tenant.upstream.headers = {"Content-Length": declared} if declared else {}

    _, *answered = await Exchange(tenant).answered(authorization=bearer_of(tenant))

    assert [(message["body"], message.get("more_body", False)) for message in answered] == parts


async def test_a_redirect_is_passed_on_and_not_followed(tenant: Tenant) -> None:
    tenant.upstream.status = 307
    tenant.upstream.headers = {"Location": "https://elsewhere.example.com/"}

    answer = await tenant.api().get(PATH)

    assert (answer.status_code, answer.headers["location"]) == (307, "https://elsewhere.example.com/")
    assert len(tenant.upstream.requests) == 1


async def test_a_cookie_that_is_set_behind_the_gateway_is_sent_for_nobody(tenant: Tenant) -> None:
    tenant.upstream.headers = {"Set-Cookie": "route=planted; Path=/"}
    await tenant.api().get(PATH)

    await tenant.api().get(PATH)

    assert "cookie" not in tenant.upstream.last.headers


async def test_a_stream_does_not_keep_somebody_signed_in_who_has_gone(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session idles out while its page is open and listens, and the stream ends with it."""
    monkeypatch.setattr(gateway, "_LOOKED_AGAIN_SECONDS", 0.02)
    looked = asyncio.Event()
    is_unchanged = SessionMemory.is_unchanged

    async def look(memory: SessionMemory, signed_in: SignedIn) -> bool:
        looked.set()
        return await is_unchanged(memory, signed_in)

    monkeypatch.setattr(SessionMemory, "is_unchanged", look)
    browser = await tenant.signed_in()
    tenant.upstream.is_endless = True
    streaming = asyncio.ensure_future(Exchange(tenant).answered(cookie=cookie_of(browser)))
    await tenant.upstream.asked.wait()

    while not streaming.done():
        tenant.pass_time(tenant.settings.session_idle / 20)
        assert tenant.now - START < 2 * tenant.settings.session_idle, "the session goes on and on"
        looked.clear()
        await until(lambda: looked.is_set() or streaming.done(), what="the session to be looked at again")

    assert (await streaming)[-1] == {"type": "http.response.body", "body": b""}
    assert (await browser.get("/api/session")).status_code == 401


@pytest.mark.parametrize("change", ["deactivated", "limited", "removed"])
async def test_a_programs_stream_ends_when_its_rights_do(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(gateway, "_LOOKED_AGAIN_SECONDS", 0.02)
    client, token = await an_api_client(tenant)
    tenant.upstream.is_endless = True
    streaming = asyncio.ensure_future(Exchange(tenant).answered(authorization=f"Bearer {token}"))
    await tenant.upstream.asked.wait()
    await asyncio.sleep(0.2)
    assert not streaming.done()

    path = f"/v1/api-clients/{client['id']}"
    if change == "removed":
        answer = await tenant.api().delete(path)
    else:
        body = {"active": False} if change == "deactivated" else {"business_ids": [str(uuid4())]}
        answer = await tenant.api().patch(path, json=body)
    assert answer.is_success, answer.text

    assert (await streaming)[-1] == {"type": "http.response.body", "body": b""}


async def an_api_client(tenant: Tenant) -> tuple[Json, str]:
    """An API client and a token of it."""
    body = {"name": "Import", "role": "integration", "scopes": ["imports:read"]}
    made: Json = (await tenant.api().post("/v1/api-clients", json=body)).json()
    form = {
        "grant_type": "client_credentials",
        "client_id": made["id"],
        "client_secret": made["client_secret"],
    }
    issued = await tenant.browser().http.post("/oauth/token", data=form)
    assert issued.status_code == 200, issued.text
    return made, issued.json()["access_token"]


async def test_requests_of_a_session_are_limited_outside_of_the_gateway_as_well(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    answers = [await browser.get("/api/session") for _ in range(tenant.settings.session_rate.burst + 1)]
    stream = await browser.get("/events/stream")

    assert answers[0].status_code == 200
    assert (answers[-1].status_code, stream.status_code) == (429, 429)
    tenant.pass_time(timedelta(seconds=2))
    assert (await browser.get("/api/session")).status_code == 200
