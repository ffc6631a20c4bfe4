"""What a calendar answers when something is wrong with it, and what becomes of the time it had taken."""

from datetime import timedelta

import pytest
from calendar_tenant import IcsServer, Tenant, an_event

pytestmark = pytest.mark.service


@pytest.mark.parametrize("hostile", ["UID:a\x00b", "UID:a\x0bb", "X-NOTE:\x00\nUID:fine"])
async def test_a_hostile_row_ends_neither_the_worker_nor_another_tenants_reading(
    tenant: Tenant, ics: IcsServer, hostile: str
) -> None:
    ics.show(f"{hostile}\nDTSTART:20260310T100000Z\nDURATION:PT1H", an_event("good", day=11))
    connection = await tenant.connect(ics.url)

    await tenant.poll(after=timedelta(0))

    assert (await tenant.connection(connection["id"]))["state"] == "ok"
    assert "2026-03-11T10:00:00Z" in {record.data["starts_at"] for record in await tenant.busy()}


async def test_a_redirect_to_a_private_address_is_refused_and_says_so(tenant: Tenant, ics: IcsServer) -> None:
    ics.answer = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n"
    connection = await tenant.connect(ics.url)

    await tenant.poll(after=timedelta(0))

    failing = await tenant.connection(connection["id"])
    assert failing["state"] == "failing"
    assert failing["last_error"]["code"] == "unreachable"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "not_found"),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "unauthorized"),
        (b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n", "server_error"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhtml", "not_a_calendar"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", "bad_answer"),
        (b"nonsense\r\n\r\n", "bad_answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2500000\r\n\r\n" + b"x" * 2_500_000, "too_large"),
    ],
)
async def test_a_failing_calendar_keeps_its_busy_time_backs_off_and_recovers(
    tenant: Tenant, ics: IcsServer, answer: bytes, code: str
) -> None:
    ics.show(an_event())
    connection = await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    await tenant.outbox()

    ics.answer = answer
    await tenant.poll()
    failing = await tenant.connection(connection["id"])
    ics.answer = None
    await tenant.poll()

    assert (failing["state"], failing["last_error"]["code"]) == ("failing", code)
    assert failing["next_attempt_at"] > failing["last_attempt_at"]
    assert await tenant.outbox() == []
    assert (await tenant.connection(connection["id"]))["state"] == "ok"
