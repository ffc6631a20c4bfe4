"""What rules for reminders and for follow-ups have in common."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channels import require_channel
from notifications.domain.errors import ReminderLevelError, ServiceUnknownError
from notifications.domain.follow_ups import FollowUpRule
from notifications.domain.messages import Channel, Kind
from notifications.domain.reminders import ReminderRule
from notifications.storage import CatalogueStore, TemplateStore
from notifications.storage.rules import RuleStore, RuleT
from notifications.usecases.limits import check_setting
from notifications.usecases.templates import require_business
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import TemplateRefusedError, VersionConflictError

AnyRule = ReminderRule | FollowUpRule


async def check_new_rule(
    *, session: AsyncSession, context: Context, rule: AnyRule, kind: Kind, channels: frozenset[Channel]
) -> None:
    """Raises OutsideLimitsError, ChannelUnavailableError, ReminderLevelError, BusinessUnknownError,
    ServiceUnknownError or TemplateRefusedError.
    """
    await check_rule_limits(session, context, rule)
    require_channel(rule.channel, channels)
    await _require_level(session, rule)
    await require_rule_template(
        session=session,
        organization_id=context.organization_id,
        template_id=rule.template_id,
        kind=kind,
        channel=rule.channel,
    )


async def rule_to_change(
    *, session: AsyncSession, context: Context, store: RuleStore[RuleT], rule_id: UUID, expected_version: int | None
) -> RuleT:
    """The rule, locked. Raises NotFoundError, OutsideLimitsError or VersionConflictError."""
    rule = await store.get(context.organization_id, rule_id, lock=True)
    await check_rule_limits(session, context, rule)
    if expected_version is not None and expected_version != rule.version:
        raise VersionConflictError(rule.version)
    return rule


def next_version(rule: RuleT, context: Context) -> RuleT:
    return replace(rule, updated_at=context.now, version=rule.version + 1)


async def check_rule_limits(session: AsyncSession, context: Context, rule: AnyRule) -> None:
    """Raises OutsideLimitsError. A service that is not known is refused as one of another business."""
    if not context.limits.is_limited:
        return
    if rule.service_id is None:
        check_setting(context.limits, rule.business_id, what="A rule for all businesses")
        return
    service = await CatalogueStore(session).get(context.organization_id, "service", rule.service_id)
    context.limits.check_no_calendar()
    context.limits.check_businesses([service.business_id] if service and service.business_id else [])


async def _require_level(session: AsyncSession, rule: AnyRule) -> None:
    """Raises ReminderLevelError, BusinessUnknownError or ServiceUnknownError."""
    if rule.business_id is not None and rule.service_id is not None:
        raise ReminderLevelError("A rule belongs to a business or to a service, not to both")
    if rule.business_id is not None:
        await require_business(session=session, organization_id=rule.organization_id, business_id=rule.business_id)
    if rule.service_id is not None:
        service = await CatalogueStore(session).get(rule.organization_id, "service", rule.service_id)
        if service is None or service.archived:
            raise ServiceUnknownError(f"There is no service {rule.service_id}")


async def require_rule_template(
    *, session: AsyncSession, organization_id: UUID, template_id: UUID | None, kind: Kind, channel: Channel
) -> None:
    """Raises TemplateRefusedError where the template is not one for messages of `kind` on `channel`."""
    if template_id is None:
        return
    template = await TemplateStore(session).get(organization_id, template_id)
    if (template.kind, template.channel) != (kind, channel):
        raise TemplateRefusedError(f"Template {template_id} is not one for {_WORDS[kind]} by {channel}")


_WORDS = {Kind.REMINDER: "reminders", Kind.FOLLOW_UP: "follow-ups"}
