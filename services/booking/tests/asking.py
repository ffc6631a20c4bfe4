"""Asking booking by command, and reading what it says."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from booking.consumers import on_commands
from booking.storage.policies import PolicyCache
from slotstream_contracts.envelope import wrap
from slotstream_servicekit.consumer import Received


async def answers_to(world: Any, *commands: Any, ids: Sequence[UUID] = ()) -> list[dict[str, Any]]:
    """The data of booking's results to commands that arrive in one batch, under `ids` or each under one of its own."""
    before = len(await world.outbox())
    async with world.database.system_transaction() as session:
        await work_through(session, world, commands, ids=ids)
    said = (await world.outbox())[before:]
    return [each["payload"]["data"] for each in said if each["topic"] == "slotstream.booking.results.v1"]


async def work_through(session: AsyncSession, world: Any, commands: Sequence[Any], *, ids: Sequence[UUID] = ()) -> None:
    """One batch of commands, in the transaction of `session`."""
    now = world.now[0]
    batch = []
    for number, data in enumerate(commands):
        event = wrap(
            data,
            id=ids[number] if ids else uuid4(),
            organization=world.organization_id,
            subject=str(getattr(data, "appointment_id", "a-batch")),
            sequence=0,
            time=now,
            source="/slotstream/imports",
            correlation_id="a-file",
        )
        batch.append(Received(event=event, key=event.subject, topic="c", partition=0, offset=0, timestamp=now))
    await on_commands(PolicyCache(), lambda: now)(session, batch)
