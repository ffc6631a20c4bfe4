"""Default reminder rules: the reminders that new appointments get."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.errors import DuplicateError, DuplicateReminderError, TooManyRulesError
from notifications.domain.leads import Lead
from notifications.domain.messages import Channel, Kind
from notifications.domain.reminders import ReminderRule
from notifications.domain.rules import MOST_RULES, MOST_RULES_OF_LEVEL
from notifications.storage import ReminderRuleStore
from notifications.usecases.rules import check_new_rule, next_version, require_rule_template, rule_to_change
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import TransientError


async def create_rule(
    *, session: AsyncSession, context: Context, rule: ReminderRule, channels: frozenset[Channel]
) -> ReminderRule:
    """A default reminder for appointments made from now on. Raises DuplicateReminderError, TooManyRulesError."""
    await check_new_rule(session=session, context=context, rule=rule, kind=Kind.REMINDER, channels=channels)
    await _refuse_a_second(session, rule)
    store = ReminderRuleStore(session)
    if not await store.add(rule):
        await _refuse_a_second(session, rule)  # added by somebody at the same time
        raise DuplicateError(f"There is a reminder rule {rule.id} already")
    if await store.count_alone(context.organization_id) > MOST_RULES:
        raise TooManyRulesError(f"There are {MOST_RULES} reminder rules already: delete one first")
    if await store.count_of_level(rule) > MOST_RULES_OF_LEVEL:
        raise TooManyRulesError(f"There are {MOST_RULES_OF_LEVEL} reminder rules of this level already")
    return rule


async def change_rule(
    *,
    session: AsyncSession,
    context: Context,
    rule_id: UUID,
    lead: Lead | None,
    enabled: bool | None,
    template_id: UUID | None,
    drop_template: bool,
    expected_version: int | None,
) -> ReminderRule:
    """Changes what appointments made from now on get."""
    store = ReminderRuleStore(session)
    old = await rule_to_change(
        session=session, context=context, store=store, rule_id=rule_id, expected_version=expected_version
    )
    await require_rule_template(
        session=session,
        organization_id=context.organization_id,
        template_id=template_id,
        kind=Kind.REMINDER,
        channel=old.channel,
    )
    wanted = replace(
        old,
        lead=lead or old.lead,
        enabled=old.enabled if enabled is None else enabled,
        template_id=None if drop_template else template_id or old.template_id,
    )
    if wanted == old:
        return old
    await _refuse_a_second(session, wanted)
    new = next_version(wanted, context)
    if not await store.replace(new):
        await _refuse_a_second(session, new)
        raise TransientError("The reminder rules are being changed right now; ask again")
    return new


async def archive_rule(*, session: AsyncSession, context: Context, rule_id: UUID, expected_version: int | None) -> None:
    """Appointments that have the reminder keep it."""
    store = ReminderRuleStore(session)
    old = await rule_to_change(
        session=session, context=context, store=store, rule_id=rule_id, expected_version=expected_version
    )
    await store.replace(next_version(old, context), archived=True)


async def _refuse_a_second(session: AsyncSession, rule: ReminderRule) -> None:
    """Two rules that plan the same reminder would send it twice."""
    same = await ReminderRuleStore(session).same_as(rule)
    if same is not None:
        raise DuplicateReminderError(f"Rule {same} reminds by {rule.channel} {rule.lead} before already")
