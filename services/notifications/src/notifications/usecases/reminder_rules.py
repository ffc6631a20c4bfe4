"""Default reminder rules: the reminders that new appointments get."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain import (
    Channel,
    DuplicateError,
    DuplicateReminderError,
    Kind,
    ReminderLevelError,
    ReminderRule,
    ServiceUnknownError,
    TemplateRefusedError,
    require_channel,
)
from notifications.storage import CatalogueStore, ReminderRuleStore, TemplateStore
from notifications.usecases.limits import check_setting
from notifications.usecases.templates import require_business
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import TransientError, VersionConflictError


async def create_rule(
    *, session: AsyncSession, context: Context, rule: ReminderRule, channels: frozenset[Channel]
) -> ReminderRule:
    """A default reminder for appointments made from now on."""
    await _check_limits(session, context, rule)
    require_channel(rule.channel, channels)
    if rule.business_id is not None and rule.service_id is not None:
        raise ReminderLevelError("A rule belongs to a business or to a service, not to both")
    if rule.business_id is not None:
        await require_business(session=session, organization_id=context.organization_id, business_id=rule.business_id)
    if rule.service_id is not None:
        service = await CatalogueStore(session).get(context.organization_id, "service", rule.service_id)
        if service is None or service.archived:
            raise ServiceUnknownError(f"There is no service {rule.service_id}")
    await require_reminder_template(
        session=session,
        organization_id=context.organization_id,
        template_id=rule.template_id,
        channel=rule.channel,
    )
    await _refuse_a_second(session, rule)
    if not await ReminderRuleStore(session).add(rule):
        await _refuse_a_second(session, rule)  # added by somebody at the same time
        raise DuplicateError(f"There is a reminder rule {rule.id} already")
    return rule


async def change_rule(
    *,
    session: AsyncSession,
    context: Context,
    rule_id: UUID,
    before: timedelta | None,
    enabled: bool | None,
    template_id: UUID | None,
    drop_template: bool,
    expected_version: int | None,
) -> ReminderRule:
    """Changes what appointments made from now on get."""
    store = ReminderRuleStore(session)
    old = await store.get(context.organization_id, rule_id, lock=True)
    await _check_limits(session, context, old)
    _check_version(old, expected_version)
    await require_reminder_template(
        session=session, organization_id=context.organization_id, template_id=template_id, channel=old.channel
    )
    wanted = replace(
        old,
        before=old.before if before is None else before,
        enabled=old.enabled if enabled is None else enabled,
        template_id=None if drop_template else template_id or old.template_id,
    )
    if wanted == old:
        return old
    await _refuse_a_second(session, wanted)
    new = replace(wanted, updated_at=context.now, version=old.version + 1)
    if not await store.replace(new):
        await _refuse_a_second(session, new)
        raise TransientError("The reminder rules are being changed right now; ask again")
    return new


async def archive_rule(*, session: AsyncSession, context: Context, rule_id: UUID, expected_version: int | None) -> None:
    """Appointments that have the reminder keep it."""
    store = ReminderRuleStore(session)
    old = await store.get(context.organization_id, rule_id, lock=True)
    await _check_limits(session, context, old)
    _check_version(old, expected_version)
    await store.replace(replace(old, updated_at=context.now, version=old.version + 1), archived=True)


async def _check_limits(session: AsyncSession, context: Context, rule: ReminderRule) -> None:
    """Raises OutsideLimitsError. A service that is not known is refused as one of another business."""
    if not context.limits.is_limited:
        return
    if rule.service_id is None:
        check_setting(context.limits, rule.business_id, what="A rule for all businesses")
        return
    service = await CatalogueStore(session).get(context.organization_id, "service", rule.service_id)
    context.limits.check_no_calendar()
    context.limits.check_businesses([service.business_id] if service and service.business_id else [])


async def require_reminder_template(
    *, session: AsyncSession, organization_id: UUID, template_id: UUID | None, channel: Channel
) -> None:
    """Raises TemplateRefusedError where the template is not one for reminders on `channel`."""
    if template_id is None:
        return
    template = await TemplateStore(session).get(organization_id, template_id)
    if (template.kind, template.channel) != (Kind.REMINDER, channel):
        raise TemplateRefusedError(f"Template {template_id} is not one for reminders by {channel}")


async def _refuse_a_second(session: AsyncSession, rule: ReminderRule) -> None:
    """Two rules that plan the same reminder would send it twice."""
    same = await ReminderRuleStore(session).same_as(rule)
    if same is not None:
        minutes = rule.before // timedelta(minutes=1)
        raise DuplicateReminderError(f"Rule {same} reminds by {rule.channel} {minutes} minutes before already")


def _check_version(old: ReminderRule, expected: int | None) -> None:
    if expected is not None and expected != old.version:
        raise VersionConflictError(old.version)
