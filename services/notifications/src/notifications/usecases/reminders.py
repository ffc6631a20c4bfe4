"""The reminders of one appointment."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.appointments import Appointment
from notifications.domain.channels import Channels, require_channel
from notifications.domain.errors import (
    AppointmentInactiveError,
    DuplicateError,
    DuplicateReminderError,
    ReminderInThePastError,
)
from notifications.domain.leads import Lead
from notifications.domain.messages import Channel, Kind, Message
from notifications.domain.reminders import Reminder
from notifications.publishers import records_of
from notifications.storage import AppointmentStore, MessageStore, ReminderStore
from notifications.usecases.planning import plan_reminders
from notifications.usecases.rules import require_rule_template
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.outbox import enqueue


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReminder:
    """A reminder to be added to one appointment by hand."""

    id: UUID
    channel: Channel
    lead: Lead
    template_id: UUID | None


async def add_reminder(
    *,
    session: AsyncSession,
    context: Context,
    appointment_id: UUID,
    reminder: NewReminder,
    channels: Channels,
) -> Message:
    """One more reminder for an appointment; it moves and stops with it."""
    appointment = await _active(session, context.organization_id, appointment_id)
    await AppointmentStore(session).lock_chains([appointment.chain])
    await _add(session, context, appointment, reminder, channels)
    changed = await plan_reminders(
        session=session, channels=channels, chains=[appointment.chain], cause=context.cause, now=context.now
    )
    await enqueue(session, records_of(changed))
    messages = MessageStore(session)
    await messages.announce_planned()
    for message in await messages.reminders_of(context.organization_id, appointment_id):
        if message.reminder_id == reminder.id:
            return message
    raise AppointmentInactiveError(f"Appointment {appointment_id} has just been moved: add the reminder to the new one")


async def set_reminders(
    *,
    session: AsyncSession,
    context: Context,
    appointment_id: UUID,
    wanted: Sequence[NewReminder],
    channels: Channels,
) -> None:
    """The appointment has these reminders and no others; those that it has already, with that text, stay."""
    appointment = await _active(session, context.organization_id, appointment_id)
    await AppointmentStore(session).lock_chains([appointment.chain])
    store, messages = ReminderStore(session), MessageStore(session)
    kinds = [_kind_of(reminder) for reminder in wanted]
    if len(set(kinds)) < len(kinds):
        raise DuplicateReminderError("Two of the reminders are sent by the same channel at the same time")
    texts = {_kind_of(reminder): reminder.template_id for reminder in wanted}
    known = await store.of_chains([appointment.chain])
    kept = {kind for reminder in known if (kind := _kind_of(reminder)) in texts and texts[kind] == reminder.template_id}
    for gone in (reminder.id for reminder in known if _kind_of(reminder) not in kept):
        await store.remove(context.organization_id, appointment.calendar_uid, gone)
        stopped = await messages.stop_reminder(context.organization_id, gone, now=context.now)
        await enqueue(session, records_of(stopped))
    for reminder in wanted:
        if _kind_of(reminder) not in kept:
            await _add(session, context, appointment, reminder, channels)
    changed = await plan_reminders(
        session=session, channels=channels, chains=[appointment.chain], cause=context.cause, now=context.now
    )
    await enqueue(session, records_of(changed))
    await messages.announce_planned()


async def remove_reminder(*, session: AsyncSession, context: Context, appointment_id: UUID, reminder_id: UUID) -> None:
    """Stops the reminder, and leaves it out when the appointment moves.

    A reminder goes with its appointment: once that has moved, who is limited may not see where to, and stops nothing.
    """
    appointment = await _known(session, context.organization_id, appointment_id)
    if context.limits.is_limited and not appointment.is_active:
        raise AppointmentInactiveError(
            f"Appointment {appointment_id} is {appointment.status}: what took its place has its own reminders"
        )
    await ReminderStore(session).remove(context.organization_id, appointment.calendar_uid, reminder_id)
    stopped = await MessageStore(session).stop_reminder(context.organization_id, reminder_id, now=context.now)
    await enqueue(session, records_of(stopped))


async def _known(session: AsyncSession, organization_id: UUID, appointment_id: UUID) -> Appointment:
    appointment = await AppointmentStore(session).get(organization_id, appointment_id)
    if appointment is None:
        raise NotFoundError(f"There is no appointment {appointment_id}")
    return appointment


async def _active(session: AsyncSession, organization_id: UUID, appointment_id: UUID) -> Appointment:
    appointment = await _known(session, organization_id, appointment_id)
    if not appointment.is_active:
        raise AppointmentInactiveError(
            f"Appointment {appointment_id} is {appointment.status}: nobody is reminded of it"
        )
    return appointment


async def _add(
    session: AsyncSession, context: Context, appointment: Appointment, reminder: NewReminder, channels: Channels
) -> None:
    require_channel(reminder.channel, channels.names)
    if reminder.lead.due_at(appointment.starts_at, appointment.zone) <= context.now:
        raise ReminderInThePastError("The reminder would have been due already")
    await require_rule_template(
        session=session,
        organization_id=context.organization_id,
        template_id=reminder.template_id,
        kind=Kind.REMINDER,
        channel=reminder.channel,
    )
    added = Reminder(
        organization_id=context.organization_id,
        id=reminder.id,
        calendar_uid=appointment.calendar_uid,
        rule_id=None,
        channel=reminder.channel,
        lead=reminder.lead,
        template_id=reminder.template_id,
    )
    store = ReminderStore(session)
    same = await store.same_as(added)
    if same is not None:
        raise DuplicateReminderError(f"Reminder {same} is sent by {reminder.channel} {reminder.lead} before already")
    if not await store.add(added, now=context.now):
        raise DuplicateError(f"There is a reminder {reminder.id} already")


def _kind_of(reminder: NewReminder | Reminder) -> tuple[Channel, Lead]:
    """What an appointment has one of alone."""
    return reminder.channel, reminder.lead
