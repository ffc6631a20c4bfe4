"""Rules for who did not come: on which channel they are written to, and how long after."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channels import require_channel
from notifications.domain.errors import DuplicateError, DuplicateFollowUpError, TooManyRulesError
from notifications.domain.follow_ups import FollowUpRule
from notifications.domain.messages import Channel, Kind
from notifications.domain.rules import MOST_RULES
from notifications.storage import FollowUpRuleStore
from notifications.usecases.rules import (
    check_rule_limits,
    check_rule_version,
    require_rule_level,
    require_rule_template,
)
from slotstream_servicekit.context import Context


async def add_follow_up_rule(
    *, session: AsyncSession, context: Context, rule: FollowUpRule, channels: frozenset[Channel]
) -> FollowUpRule:
    """A message for each no-show from now on. Raises DuplicateFollowUpError, TooManyRulesError."""
    await check_rule_limits(session, context, rule)
    require_channel(rule.channel, channels)
    await require_rule_level(session, rule)
    await require_rule_template(
        session=session,
        organization_id=context.organization_id,
        template_id=rule.template_id,
        kind=Kind.FOLLOW_UP,
        channel=rule.channel,
    )
    await _refuse_a_second(session, rule)
    store = FollowUpRuleStore(session)
    if not await store.add(rule):
        await _refuse_a_second(session, rule)  # added by somebody at the same time
        raise DuplicateError(f"There is a follow-up rule {rule.id} already")
    if await store.count_alone(context.organization_id) > MOST_RULES:
        raise TooManyRulesError(f"There are {MOST_RULES} follow-up rules already: delete one first")
    return rule


async def change_follow_up_rule(
    *,
    session: AsyncSession,
    context: Context,
    rule_id: UUID,
    after: timedelta | None,
    enabled: bool | None,
    template_id: UUID | None,
    drop_template: bool,
    expected_version: int | None,
) -> FollowUpRule:
    """Changes what no-shows from now on lead to; what is planned already goes as it was planned."""
    store = FollowUpRuleStore(session)
    old = await store.get(context.organization_id, rule_id, lock=True)
    await check_rule_limits(session, context, old)
    check_rule_version(old, expected_version)
    await require_rule_template(
        session=session,
        organization_id=context.organization_id,
        template_id=template_id,
        kind=Kind.FOLLOW_UP,
        channel=old.channel,
    )
    wanted = replace(
        old,
        after=old.after if after is None else after,
        enabled=old.enabled if enabled is None else enabled,
        template_id=None if drop_template else template_id or old.template_id,
    )
    if wanted == old:
        return old
    new = replace(wanted, updated_at=context.now, version=old.version + 1)
    await store.replace(new)
    return new


async def archive_follow_up_rule(
    *, session: AsyncSession, context: Context, rule_id: UUID, expected_version: int | None
) -> None:
    """What is planned already goes as it was planned."""
    store = FollowUpRuleStore(session)
    old = await store.get(context.organization_id, rule_id, lock=True)
    await check_rule_limits(session, context, old)
    check_rule_version(old, expected_version)
    await store.replace(replace(old, updated_at=context.now, version=old.version + 1), archived=True)


async def _refuse_a_second(session: AsyncSession, rule: FollowUpRule) -> None:
    same = await FollowUpRuleStore(session).same_as(rule)
    if same is not None:
        raise DuplicateFollowUpError(f"Rule {same} writes to who did not come by {rule.channel} already")
