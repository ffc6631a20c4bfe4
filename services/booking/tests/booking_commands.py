"""Asking booking by command, and reading what it says."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from booking_fixtures import Tenant
from sqlalchemy.ext.asyncio import AsyncSession

from booking.consumers import on_booking_commands
from booking.storage.policies import PolicyCache
from slotstream_contracts.envelope import Envelope, wrap
from slotstream_servicekit.consumer import Received


async def answers_to(
    tenant: Tenant, *commands: Any, ids: Sequence[UUID] = (), sent_at: datetime | None = None
) -> list[dict[str, Any]]:
    """The data of booking's results to commands that arrive in one batch, under `ids` or each under one of its own."""
    before = len(await tenant.outbox())
    async with tenant.database.system_transaction() as session:
        await work_through(session, tenant, commands, ids=ids, sent_at=sent_at)
    said = (await tenant.outbox())[before:]
    return [record["payload"]["data"] for record in said if record["topic"] == "slotstream.booking.results.v1"]


async def work_through(
    session: AsyncSession,
    tenant: Tenant,
    commands: Sequence[Any],
    *,
    ids: Sequence[UUID] = (),
    sent_at: datetime | None = None,
) -> None:
    """One batch of commands, in the transaction of `session`."""
    batch = [
        received(tenant, data, identity=ids[number] if ids else None, sent_at=sent_at)
        for number, data in enumerate(commands)
    ]
    await on_booking_commands(PolicyCache(), lambda: tenant.now[0])(session, batch)


def received(
    tenant: Tenant, data: Any, *, identity: UUID | None = None, sent_at: datetime | None = None
) -> Received[Envelope[Any]]:
    """The record of a command."""
    now = tenant.now[0]
    event = wrap(
        data,
        id=identity or uuid4(),
        organization=tenant.organization_id,
        subject=str(getattr(data, "appointment_id", "a-batch")),
        sequence=0,
        time=sent_at or now,
        source="/slotstream/imports",
        correlation_id="a-file",
    )
    return Received(event=event, key=event.subject, topic="c", partition=0, offset=0, timestamp=now)
