"""/v1/appointments/{id}/reminders: the reminders of one appointment."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.api.context import Context, answer, correlation_id
from notifications.domain import Channel, Message
from notifications.schemas import AddReminderIn, ReminderOut, RemindersOut
from notifications.storage import MessageStore
from notifications.usecases.reminders import add_reminder, remove_reminder
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import Principal, Right, requires
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.telemetry import current_traceparent

router = Router(prefix="/v1/appointments/{appointment_id}/reminders", tags=["reminders"])

Reader = Annotated[Principal, requires(Right.READ_MESSAGES)]
Writer = Annotated[Principal, requires(Right.SEND_MESSAGES)]


@router.get("")
async def list_reminders(appointment_id: UUID, context: Context, principal: Reader) -> RemindersOut:
    """Planned, sent and stopped ones, in the order in which they are due. None yet for one that has not arrived."""
    async with context.database.transaction(principal.organization_id) as session:
        found = await MessageStore(session).reminders_of(principal.organization_id, appointment_id)
    return RemindersOut(items=[_out(each) for each in found])


@router.post("", status_code=201, response_model=ReminderOut)
async def create_reminder(
    *,
    request: Request,
    appointment_id: UUID,
    body: AddReminderIn,
    context: Context,
    principal: Writer,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    reminder_id = body.id or new_id()

    async def add(session: AsyncSession) -> Response:
        message = await add_reminder(
            session,
            organization_id=principal.organization_id,
            appointment_id=appointment_id,
            reminder_id=reminder_id,
            channel=Channel(body.channel),
            before=timedelta(minutes=body.minutes_before),
            template_id=body.template_id,
            correlation_id=correlation_id(),
            traceparent=current_traceparent(),
            now=context.clock(),
        )
        return answer(_out(message), status=201)

    return await idempotent(request, database=context.database, principal=principal, action=add)


@router.delete("/{reminder_id}", status_code=204)
async def delete_reminder(appointment_id: UUID, reminder_id: UUID, context: Context, principal: Writer) -> None:
    """Stop this reminder, and leave it out when the appointment moves."""
    async with context.database.transaction(principal.organization_id) as session:
        await remove_reminder(
            session,
            organization_id=principal.organization_id,
            appointment_id=appointment_id,
            reminder_id=reminder_id,
            now=context.clock(),
        )


def _out(message: Message) -> ReminderOut:
    return ReminderOut(
        id=message.reminder_id or message.id,
        message_id=message.id,
        appointment_id=message.appointment_id,
        channel=message.channel,
        minutes_before=(message.starts_at - message.due_at) // timedelta(minutes=1),
        due_at=message.due_at,
        status=message.status,
        why=message.why,
        sent_at=message.sent_at,
    )
