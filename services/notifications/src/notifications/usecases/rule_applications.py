"""Giving a default reminder to appointments that stand already: what it would do, asking for it, and doing it in steps.

Each step is a transaction of its own, which replanning opens. What is due already by then is not sent.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.appointments import Appointment
from notifications.domain.channels import Channels, require_channel
from notifications.domain.errors import RuleDisabledError, RuleNotAppliedError
from notifications.domain.messages import Draft, Message
from notifications.domain.planning import due_reminders
from notifications.domain.reminders import Reminder, ReminderRule
from notifications.domain.replans import Replan, ReplanKind
from notifications.domain.rule_applications import (
    ApplicationStatus,
    RuleApplication,
    RuleOutcomes,
    RulePreview,
    RuleScope,
    scope_of,
)
from notifications.storage import AppointmentStore, ReminderRuleStore, ReminderStore, ReplanStore, RuleApplicationStore
from notifications.storage.reminders import reminder_id
from notifications.usecases.planning import addressed, plan_reminders
from notifications.usecases.rules import check_rule_limits, rule_to_change
from slotstream_servicekit.context import Cause, Context
from slotstream_servicekit.ids import new_id

MOST_LOOKED_AT: Final = 5_000
"""Appointments that a preview judges one by one: those that begin first, among which is all that is too late."""
_CHUNK: Final = 500


async def preview_rule(*, session: AsyncSession, context: Context, rule_id: UUID, channels: Channels) -> RulePreview:
    """What applying the rule now would do; also of one that is switched off."""
    rule, scope = await _rule_and_scope(session, context, rule_id)
    store = RuleApplicationStore(session)
    reach = await store.reach(rule, scope, now=context.now)
    soonest = await store.next_ones(rule, scope, after=None, now=context.now, limit=MOST_LOOKED_AT)
    outcomes = RuleOutcomes()
    for start in range(0, len(soonest), _CHUNK):
        drafts = _drafts(rule, soonest[start : start + _CHUNK], context)
        outcomes += RuleOutcomes.of(draft.reason for draft in await addressed(session, drafts, channels))
    return RulePreview(reach=reach, outcomes=outcomes)


async def read_application(*, session: AsyncSession, context: Context, rule_id: UUID) -> RuleApplication:
    """How far it is. Raises RuleNotAppliedError where nobody has asked for it."""
    rule = await ReminderRuleStore(session).get(context.organization_id, rule_id)
    await check_rule_limits(session, context, rule)
    application = await RuleApplicationStore(session).get(context.organization_id, rule_id)
    if application is None:
        raise RuleNotAppliedError(f"Reminder rule {rule_id} was not applied to existing appointments")
    return application


async def apply_rule(
    *, session: AsyncSession, context: Context, rule_id: UUID, channels: Channels, expected_version: int | None
) -> RuleApplication:
    """Has the rule given to what stands already, by the worker. One that is under way goes on as it is."""
    rule = await rule_to_change(
        session=session,
        context=context,
        store=ReminderRuleStore(session),
        rule_id=rule_id,
        expected_version=expected_version,
    )
    if not rule.enabled:
        raise RuleDisabledError(f"Reminder rule {rule_id} is switched off: it gives reminders to nobody")
    require_channel(rule.channel, channels.names)
    store = RuleApplicationStore(session)
    known = await store.get(context.organization_id, rule_id)
    if known is not None and known.status is ApplicationStatus.RUNNING and known.rule_version == rule.version:
        return known
    # First, as a step of the worker does: so the two wait for each other in one order.
    await ReplanStore(session).ask(
        [
            Replan(
                organization_id=context.organization_id,
                kind=ReplanKind.RULE,
                name=str(rule_id),
                requested_at=context.now,
            )
        ]
    )
    scope = scope_of(rule, await ReminderRuleStore(session).of_organizations([context.organization_id]))
    application = RuleApplication(
        organization_id=context.organization_id,
        rule_id=rule_id,
        rule_version=rule.version,
        status=ApplicationStatus.RUNNING,
        looks_again=False,
        total=(await store.reach(rule, scope, now=context.now)).appointments,
        outcomes=RuleOutcomes(),
        requested_at=context.now,
        updated_at=context.now,
    )
    await store.put(application)
    return application


async def apply_to_next(
    *, session: AsyncSession, replan: Replan, channels: Channels, now: datetime, most: int
) -> list[Message]:
    """One step: the next appointments. Those that were moved to before it meanwhile are looked for at the end."""
    store, replans = RuleApplicationStore(session), ReplanStore(session)
    application = await store.get(replan.organization_id, UUID(replan.name))
    rules = await ReminderRuleStore(session).of_organizations([replan.organization_id])
    rule = next((rule for rule in rules if application is not None and rule.id == application.rule_id), None)
    if application is None or rule is None or rule.version != application.rule_version:
        if application is not None:
            await store.put(replace(application, status=ApplicationStatus.STOPPED, updated_at=now))
        await replans.done(replan)
        return []
    scope = scope_of(rule, rules)
    page = await store.next_ones(rule, scope, after=replan.after, now=now, limit=most)
    given = await _give(session, rule, scope, page, now)
    changed = await _plan(session, channels, rule, given, now)
    theirs = {reminder_id(rule, calendar_uid) for calendar_uid in given}
    outcomes = RuleOutcomes.of(message.reason for message in changed if message.reminder_id in theirs)
    application = replace(application, outcomes=application.outcomes + outcomes, updated_at=now)
    if len(page) == most:
        await replans.step(replan, after=(page[-1].ends_at, page[-1].id), next_step_at=now)
    elif replan.after is not None and not application.looks_again:
        application = replace(application, looks_again=True)
        await replans.step(replan, after=None, next_step_at=now)
    else:
        application = replace(application, status=ApplicationStatus.FINISHED)
        await replans.done(replan)
    await store.put(application)
    return changed


async def _give(
    session: AsyncSession, rule: ReminderRule, scope: RuleScope, page: Sequence[Appointment], now: datetime
) -> set[str]:
    """Gives the rule's reminder to those of the page that it is for still, now that nobody else changes them."""
    known = await AppointmentStore(session).lock_chains({appointment.chain for appointment in page}) if page else []
    wanted = {
        appointment.calendar_uid
        for appointment in known
        if appointment.is_active and appointment.starts_at > now and scope.covers(appointment)
    }
    wanted -= await RuleApplicationStore(session).left_alone(rule, wanted)
    if wanted:
        await ReminderStore(session).apply_rules(
            [(calendar_uid, rule) for calendar_uid in sorted(wanted)], now=now, asked_at=now
        )
    return wanted


async def _plan(
    session: AsyncSession, channels: Channels, rule: ReminderRule, calendar_uids: set[str], now: datetime
) -> list[Message]:
    if not calendar_uids:
        return []
    return await plan_reminders(
        session=session,
        channels=channels,
        chains={(rule.organization_id, calendar_uid) for calendar_uid in calendar_uids},
        cause=Cause(correlation_id=str(new_id())),
        now=now,
    )


async def _rule_and_scope(session: AsyncSession, context: Context, rule_id: UUID) -> tuple[ReminderRule, RuleScope]:
    rules = ReminderRuleStore(session)
    rule = await rules.get(context.organization_id, rule_id)
    await check_rule_limits(session, context, rule)
    return rule, scope_of(rule, await rules.of_organizations([context.organization_id]))


def _drafts(rule: ReminderRule, appointments: Sequence[Appointment], context: Context) -> list[Draft]:
    """What a step would plan for these."""
    return [
        draft
        for appointment in appointments
        for draft in due_reminders(
            [appointment],
            [
                Reminder(
                    organization_id=rule.organization_id,
                    id=reminder_id(rule, appointment.calendar_uid),
                    calendar_uid=appointment.calendar_uid,
                    rule_id=rule.id,
                    channel=rule.channel,
                    lead=rule.lead,
                    template_id=rule.template_id,
                    asked_at=context.now,
                )
            ],
            correlation_id=context.cause.correlation_id,
            traceparent=None,
        )
    ]
