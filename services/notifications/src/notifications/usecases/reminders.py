"""Default reminder rules, and the reminders of one appointment."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain import (
    Appointment,
    AppointmentInactiveError,
    Channel,
    DuplicateError,
    Kind,
    Message,
    Reminder,
    ReminderInThePastError,
    ReminderLevelError,
    ReminderRule,
    ServiceUnknownError,
    TemplateRefusedError,
)
from notifications.publishers import records_of
from notifications.storage import (
    AppointmentStore,
    CatalogueStore,
    MessageStore,
    ReminderRuleStore,
    ReminderStore,
    TemplateStore,
)
from notifications.usecases.planning import plan_reminders
from notifications.usecases.templates import require_business
from slotstream_servicekit.errors import NotFoundError, VersionConflictError
from slotstream_servicekit.outbox import enqueue


async def create_rule(session: AsyncSession, *, rule: ReminderRule) -> ReminderRule:
    """A default reminder for appointments made from now on."""
    if rule.business_id is not None and rule.service_id is not None:
        raise ReminderLevelError("A rule belongs to a business or to a service, not to both")
    if rule.business_id is not None:
        await require_business(session, rule.organization_id, rule.business_id)
    if rule.service_id is not None:
        service = await CatalogueStore(session).get(rule.organization_id, "service", rule.service_id)
        if service is None or service.archived:
            raise ServiceUnknownError("There is no such service")
    await _check_template(session, rule.organization_id, rule.template_id, rule.channel)
    if not await ReminderRuleStore(session).add(rule):
        raise DuplicateError("There is a reminder rule of this id already")
    return rule


async def change_rule(
    session: AsyncSession,
    *,
    organization_id: UUID,
    rule_id: UUID,
    before: timedelta | None,
    enabled: bool | None,
    template_id: UUID | None,
    drop_template: bool,
    expected_version: int | None,
    now: datetime,
) -> ReminderRule:
    """Changes what appointments made from now on get."""
    store = ReminderRuleStore(session)
    old = await store.get(organization_id, rule_id, lock=True)
    _check_version(old, expected_version)
    await _check_template(session, organization_id, template_id, old.channel)
    wanted = replace(
        old,
        before=old.before if before is None else before,
        enabled=old.enabled if enabled is None else enabled,
        template_id=None if drop_template else template_id or old.template_id,
    )
    if wanted == old:
        return old
    new = replace(wanted, updated_at=now, version=old.version + 1)
    await store.replace(new)
    return new


async def archive_rule(
    session: AsyncSession, *, organization_id: UUID, rule_id: UUID, expected_version: int | None, now: datetime
) -> None:
    store = ReminderRuleStore(session)
    old = await store.get(organization_id, rule_id, lock=True)
    _check_version(old, expected_version)
    await store.replace(replace(old, updated_at=now, version=old.version + 1), archived=True)


async def add_reminder(
    session: AsyncSession,
    *,
    organization_id: UUID,
    appointment_id: UUID,
    reminder_id: UUID,
    channel: Channel,
    before: timedelta,
    template_id: UUID | None,
    correlation_id: str,
    traceparent: str | None,
    now: datetime,
) -> Message:
    """One more reminder for an appointment; it moves and stops with it."""
    appointment = await _known(session, organization_id, appointment_id)
    if not appointment.is_active:
        raise AppointmentInactiveError(f"The appointment is {appointment.status}: nobody is reminded of it")
    if appointment.starts_at - before <= now:
        raise ReminderInThePastError("The reminder would have been due already")
    await _check_template(session, organization_id, template_id, channel)
    await AppointmentStore(session).lock_chains([appointment.chain])
    reminder = Reminder(
        organization_id=organization_id,
        id=reminder_id,
        calendar_uid=appointment.calendar_uid,
        rule_id=None,
        channel=channel,
        before=before,
        template_id=template_id,
    )
    if not await ReminderStore(session).add(reminder, now=now):
        raise DuplicateError("There is a reminder of this id already")
    changed = await plan_reminders(
        session,
        chains=[appointment.chain],
        now=now,
        correlation_id=correlation_id,
        traceparent=traceparent,
    )
    await enqueue(session, records_of(changed))
    for each in await MessageStore(session).reminders_of(organization_id, appointment_id):
        if each.reminder_id == reminder_id:
            return each
    raise AppointmentInactiveError("The appointment has just been moved: add the reminder to the new one")


async def remove_reminder(
    session: AsyncSession, *, organization_id: UUID, appointment_id: UUID, reminder_id: UUID, now: datetime
) -> None:
    appointment = await _known(session, organization_id, appointment_id)
    await ReminderStore(session).remove(organization_id, appointment.calendar_uid, reminder_id)
    stopped = await MessageStore(session).stop_reminder(organization_id, reminder_id, now=now)
    await enqueue(session, records_of(stopped))


async def _known(session: AsyncSession, organization_id: UUID, appointment_id: UUID) -> Appointment:
    appointment = await AppointmentStore(session).get(organization_id, appointment_id)
    if appointment is None:
        raise NotFoundError("There is no such appointment")
    return appointment


async def _check_template(
    session: AsyncSession, organization_id: UUID, template_id: UUID | None, channel: Channel
) -> None:
    if template_id is None:
        return
    template = await TemplateStore(session).get(organization_id, template_id)
    if (template.kind, template.channel) != (Kind.REMINDER, channel):
        raise TemplateRefusedError(f"The template is not one for reminders by {channel}")


def _check_version(old: ReminderRule, expected: int | None) -> None:
    if expected is not None and expected != old.version:
        raise VersionConflictError(old.version)
