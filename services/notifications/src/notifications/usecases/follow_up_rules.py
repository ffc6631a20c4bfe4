"""Rules for who did not come: on which channel they are written to, and how long after."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.errors import DuplicateError, DuplicateFollowUpError, TooManyRulesError
from notifications.domain.follow_ups import FollowUpRule
from notifications.domain.messages import Channel, Kind
from notifications.domain.rules import MOST_RULES
from notifications.storage import FollowUpRuleStore
from notifications.usecases.rules import check_new_rule, next_version, require_rule_template, rule_to_change
from slotstream_servicekit.context import Context


async def add_follow_up_rule(
    *, session: AsyncSession, context: Context, rule: FollowUpRule, channels: frozenset[Channel]
) -> FollowUpRule:
    """A message for each no-show from now on. Raises DuplicateFollowUpError, TooManyRulesError."""
    await check_new_rule(session=session, context=context, rule=rule, kind=Kind.FOLLOW_UP, channels=channels)
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
    old = await rule_to_change(
        session=session, context=context, store=store, rule_id=rule_id, expected_version=expected_version
    )
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
    new = next_version(wanted, context)
    await store.replace(new)
    return new


async def archive_follow_up_rule(
    *, session: AsyncSession, context: Context, rule_id: UUID, expected_version: int | None
) -> None:
    """What is planned already goes as it was planned."""
    store = FollowUpRuleStore(session)
    old = await rule_to_change(
        session=session, context=context, store=store, rule_id=rule_id, expected_version=expected_version
    )
    await store.replace(next_version(old, context), archived=True)


async def _refuse_a_second(session: AsyncSession, rule: FollowUpRule) -> None:
    same = await FollowUpRuleStore(session).same_as(rule)
    if same is not None:
        raise DuplicateFollowUpError(f"Rule {same} writes to who did not come by {rule.channel} already")
