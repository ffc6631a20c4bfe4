"""Deciding about messages of which nobody knows whether they went out."""

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channels import Channels
from notifications.domain.decisions import decided, still_reminds
from notifications.domain.errors import PeopleOnlyError, SendAgainRefusedError
from notifications.domain.messages import Decision, Message, Status
from notifications.domain.opt_outs import NumberDigests
from notifications.domain.retries import RetryPolicy
from notifications.publishers import records_of
from notifications.storage import DecisionStore, MessageStore
from notifications.storage.staff_reminders import TOO_LATE
from notifications.usecases.channel_accounts import read_channels
from notifications.usecases.eligibility import Sendable
from notifications.usecases.judging import about_appointments, judge
from notifications.usecases.subjects import read_subjects
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import Reason, VersionConflictError
from slotstream_servicekit.outbox import enqueue

_NO_LONGER_DUE: Final = "no_longer_due"
"""As claiming says it of a reminder whose appointment does not stand as it did."""


async def decide_message(
    *,
    session: AsyncSession,
    context: Context,
    message_id: UUID,
    decision: Decision,
    expected_version: int | None,
    channels: Channels,
    numbers: NumberDigests,
) -> Message:
    """The message as the caller, a person, has decided. Of several who decide at once the first one is heard.

    Raises PeopleOnlyError, NotFoundError, VersionConflictError, MessageNotUnknownError, and SendAgainRefusedError where
    what would be sent again would not be sent now.
    """
    if context.actor.type != "user":
        raise PeopleOnlyError("Only people decide about a message that may have been sent.")
    messages = MessageStore(session)
    message = await messages.get(context.organization_id, message_id, lock=True)
    if expected_version is not None and expected_version != message.version:
        raise VersionConflictError(message.version)
    taken = decided(message, decision, by=context.actor.id, now=context.now)
    if decision is Decision.SEND_AGAIN:
        reason = await _why_not(session, context, taken, channels, numbers)
        if reason is not None:
            detail = f"Message {message.id} is not sent again: {reason}"
            raise SendAgainRefusedError(detail, reasons=(Reason(reason, detail),))
    await DecisionStore(session).put(taken)
    await enqueue(session, records_of([taken], decided_by=context.actor.id))
    if decision is Decision.SEND_AGAIN:
        await messages.announce_planned()
    return taken


async def _why_not(
    session: AsyncSession, context: Context, message: Message, channels: Channels, numbers: NumberDigests
) -> str | None:
    """Why the message would not be sent now; None where it would be, or waits for something that ends."""
    subjects = await read_subjects(session=session, messages=about_appointments([message]), numbers=numbers)
    appointment = subjects.appointments.get((message.organization_id, message.appointment_id))
    if appointment is not None and appointment.is_active and not still_reminds(message, appointment, now=context.now):
        return TOO_LATE if appointment.starts_at <= context.now else _NO_LONGER_DUE
    verdict = await judge(
        session=session,
        message=message,
        subjects=subjects,
        channels=await read_channels(session=session, channels=channels, organization_ids=[message.organization_id]),
        retries=RetryPolicy(),
        now=context.now,
    )
    if isinstance(verdict, Sendable) or verdict.status is Status.PLANNED:
        return None
    return verdict.reason or verdict.code
