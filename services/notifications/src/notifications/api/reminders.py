"""/v1/appointments/{id}/reminders: the reminders of one appointment."""

from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.api.dependencies import CurrentDependencies, Reader, Sender
from notifications.domain.leads import Lead
from notifications.domain.messages import Message
from notifications.schemas.reminders import AddReminderIn, ReminderOut, RemindersOut, SetRemindersIn
from notifications.storage import MessageStore, ReminderStore
from notifications.usecases.reminders import NewReminder, add_reminder, remove_reminder, set_reminders
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/appointments/{appointment_id}/reminders", tags=["reminders"])


@router.get("")
async def list_reminders(appointment_id: UUID, dependencies: CurrentDependencies, principal: Reader) -> RemindersOut:
    """Planned, sent and stopped ones, in the order in which they are due. None yet for one that has not arrived."""
    async with dependencies.database.transaction(principal) as session:
        messages = await MessageStore(session).reminders_of(principal.organization_id, appointment_id)
        known = {message.reminder_id for message in messages if message.reminder_id is not None}
        leads = await ReminderStore(session).leads(principal.organization_id, known)
    return RemindersOut(items=[_out(message, leads.get(message.reminder_id or message.id)) for message in messages])


@router.post("", status_code=201, response_model=ReminderOut)
async def create_reminder(
    *,
    request: Request,
    appointment_id: UUID,
    body: AddReminderIn,
    dependencies: CurrentDependencies,
    principal: Sender,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    context = dependencies.context_of(principal)
    reminder = _new(body)

    async def add(session: AsyncSession) -> Response:
        message = await add_reminder(
            session=session,
            context=context,
            appointment_id=appointment_id,
            reminder=reminder,
            channels=await dependencies.channels_of(session, principal),
        )
        return model_response(_out(message, reminder.lead), status=201)

    return await idempotent(request, database=dependencies.database, principal=principal, action=add)


@router.put("")
async def set_appointment_reminders(
    appointment_id: UUID, body: SetRemindersIn, dependencies: CurrentDependencies, principal: Sender
) -> RemindersOut:
    """Give the appointment these reminders and no others; also one that was booked a moment ago."""
    await dependencies.wait_for_appointment(principal, appointment_id)
    async with dependencies.database.transaction(principal) as session:
        await set_reminders(
            session=session,
            context=dependencies.context_of(principal),
            appointment_id=appointment_id,
            wanted=[_new(item) for item in body.items],
            channels=await dependencies.channels_of(session, principal),
        )
    return await list_reminders(appointment_id, dependencies, principal)


@router.delete("/{reminder_id}", status_code=204)
async def delete_reminder(
    appointment_id: UUID, reminder_id: UUID, dependencies: CurrentDependencies, principal: Sender
) -> None:
    """Stop this reminder, and leave it out when the appointment moves."""
    async with dependencies.database.transaction(principal) as session:
        await remove_reminder(
            session=session,
            context=dependencies.context_of(principal),
            appointment_id=appointment_id,
            reminder_id=reminder_id,
        )


def _new(body: AddReminderIn) -> NewReminder:
    return NewReminder(
        id=body.id or new_id(),
        channel=body.channel,
        lead=Lead.of(body.minutes_before, by_clock=body.by_clock),
        template_id=body.template_id,
    )


def _out(message: Message, lead: Lead | None) -> ReminderOut:
    """`lead` is None where the ledger alone remembers the reminder."""
    lead = lead or Lead(message.starts_at - message.due_at)
    return ReminderOut(
        id=message.reminder_id or message.id,
        message_id=message.id,
        appointment_id=message.appointment_id,
        channel=message.channel,
        minutes_before=lead.minutes,
        by_clock=lead.by_clock,
        due_at=message.due_at,
        status=message.status,
        reason=message.reason,
        sent_at=message.sent_at,
    )
