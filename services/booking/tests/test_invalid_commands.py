"""A command that cannot be worked through is answered: whoever sent it is told what is wrong with it."""

from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from booking_fixtures import Tenant

from booking.consumers import on_invalid_command
from slotstream_servicekit.consumer import InvalidRecord
from slotstream_servicekit.dead_letters import Cause

pytestmark = pytest.mark.service

BATCH = uuid4()


async def refusals_of(tenant: Tenant, value: bytes | None) -> list[dict[str, Any]]:
    invalid = InvalidRecord(
        topic="slotstream.booking.commands.v1",
        key=b"k",
        value=value,
        headers=(),
        cause=Cause(code="wrong_schema", detail="data.items: Field required", handler="handle"),
        event=None,
    )
    async with tenant.database.system_transaction() as session:
        await on_invalid_command(lambda: tenant.now[0])(session, invalid)
    return [row["payload"]["data"] for row in await tenant.outbox() if row["topic"] == "slotstream.booking.results.v1"]


def a_command(tenant: Tenant, identity: UUID, **changes: Any) -> bytes:
    command = {
        "specversion": "1.0",
        "id": str(identity),
        "type": "slotstream.command.book_appointments",
        "subject": "a-batch",
        "organization": str(tenant.organization_id),
        "correlationid": "a-file",
        "data": {"items": [{"request": {"batch_id": str(BATCH), "starts_at": "yesterday"}}]},
    }
    return orjson.dumps({**command, **changes})


async def test_an_invalid_command_is_refused_with_its_fault(tenant: Tenant) -> None:
    identity = uuid4()
    [refusal] = await refusals_of(tenant, a_command(tenant, identity))
    assert (refusal["command_id"], refusal["batch_id"]) == (str(identity), str(BATCH))
    assert (refusal["code"], refusal["detail"]) == ("wrong_schema", "data.items: Field required")


async def test_what_names_no_sender_or_is_no_command_is_not_answered(tenant: Tenant) -> None:
    assert await refusals_of(tenant, b"{broken") == []
    assert await refusals_of(tenant, None) == []
    assert await refusals_of(tenant, a_command(tenant, uuid4(), type="slotstream.client.state")) == []
