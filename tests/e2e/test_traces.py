"""One booking is one trace, from HTTP over the outbox and Kafka to SMTP."""

from typing import Any
from uuid import uuid4

import pytest
from harness.mailbox import Mailbox
from harness.platform import Platform
from harness.world import expect, next_weekday, until_true

pytestmark = pytest.mark.e2e


async def test_the_traces_of_one_booking_join_up_from_http_to_smtp(platform: Platform, mailbox: Mailbox) -> None:
    world = await platform.a_world()
    address = f"{uuid4().hex}@example.com"
    trace_id = uuid4().hex
    expect(
        await world.booking.post(
            "/v1/appointments",
            json=world.booking_of(next_weekday(10), client={"name": "Grace Hopper", "email": address}),
            headers=world.fresh_key() | {"traceparent": f"00-{trace_id}-{uuid4().hex[:16]}-01"},
        )
    )
    await mailbox.expect(address)

    def ours() -> list[dict[str, Any]]:
        return [span for span in platform.spans() if span["trace_id"] == trace_id]

    async def joined() -> bool:
        kinds = {(span["service"], span["kind"]) for span in ours()}
        return {("booking", "server"), ("notifications", "consumer"), ("notifications", "client")} <= kinds

    await until_true(joined, what="HTTP, consumer and SMTP spans share the caller's trace")
    assert any(span["name"] == "email send" for span in ours())
