"""Commands that cannot be read or worked through: whoever sent one is told what is wrong with it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.publishers import refused, result_record
from booking.usecases.commands.answering import KNOWN_COMMANDS
from slotstream_contracts.attributes import Attributes
from slotstream_servicekit.context import Cause
from slotstream_servicekit.outbox import enqueue


async def refuse_invalid_command(
    *, session: AsyncSession, attributes: Attributes, code: str, detail: str, now: datetime
) -> None:
    """Answers a command of ours with its fault; what is no command of ours is nobody's to answer."""
    if attributes.type not in KNOWN_COMMANDS:
        return
    answer = refused(
        command_id=attributes.id,
        command_type=attributes.type,
        code=code,
        detail=detail,
        appointment_id=attributes.uuid_in_data("appointment_id"),
        batch_id=attributes.uuid_in_data("batch_id") or _batch_of_items(attributes.data.get("items")),
    )
    cause = Cause(
        correlation_id=attributes.correlationid,
        causation_id=str(attributes.id),
        traceparent=attributes.traceparent,
    )
    record = result_record(
        answer, organization_id=attributes.organization, key=attributes.partitionkey, now=now, cause=cause
    )
    await enqueue(session, [record])


def _batch_of_items(items: Any) -> UUID | None:
    """The batch that the first item of a command belongs to, where it names one."""
    try:
        return UUID(items[0]["request"]["batch_id"])
    except (TypeError, KeyError, IndexError, ValueError, AttributeError):
        return None
