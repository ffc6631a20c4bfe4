"""Planning anew, step by step, what a change asks for: each step is a transaction of its own, and may be done twice."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channels import Channels
from notifications.domain.contacts import CatalogueItem
from notifications.domain.messages import Channel, Message
from notifications.domain.replans import Replan, ReplanKind
from notifications.publishers import records_of
from notifications.storage import CatalogueStore, ReplanStore, UserStore
from notifications.storage.users import UserKey
from notifications.usecases.planning import plan_reminders
from notifications.usecases.quiet_replans import RELEASE_EVERY, move_reminders, release_held
from notifications.usecases.rule_applications import apply_to_next
from notifications.usecases.withdrawals import stop_next
from slotstream_servicekit.context import Cause
from slotstream_servicekit.database import Database
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import enqueue

MOST_AT_ONCE: Final = 200
"""Appointments, or messages, of one step."""
_LATER: Final = timedelta(minutes=1)
"""When one is tried again that has failed; others go on meanwhile."""


async def ask_for_users(*, session: AsyncSession, users: Collection[UserKey], now: datetime) -> None:
    """These users have chosen otherwise, or may see something else: their reminders are planned anew."""
    await ReplanStore(session).ask(
        [
            Replan(organization_id=organization_id, kind=ReplanKind.USER, name=user_id, requested_at=now)
            for organization_id, user_id in users
        ]
    )


async def ask_for_calendars(*, session: AsyncSession, calendars: Collection[CatalogueItem], now: datetime) -> None:
    """These calendars may be somebody else's now."""
    await ReplanStore(session).ask(
        [
            Replan(organization_id=item.organization_id, kind=ReplanKind.CALENDAR, name=str(item.id), requested_at=now)
            for item in calendars
        ]
    )


async def ask_for_quiet_hours(*, session: AsyncSession, organization_id: UUID, channel: Channel, now: datetime) -> None:
    """The quiet hours of a channel are others: what is planned is moved, and what waits is judged anew."""
    kinds = (ReplanKind.HELD,) if channel is Channel.VOICE else (ReplanKind.HELD, ReplanKind.QUIET_HOURS)
    await ReplanStore(session).ask(
        [Replan(organization_id=organization_id, kind=kind, name=channel, requested_at=now) for kind in kinds]
    )


async def replan_next(
    *, database: Database, channels: Channels, now: datetime, most: int = MOST_AT_ONCE
) -> list[Message] | None:
    """One step of what has waited longest: at most so many appointments. What changed; None where nothing waits.

    Whoever dies in it has done nothing, and the next one begins where the last step ended.
    """
    replan: Replan | None = None
    try:
        async with database.system_transaction() as session:
            replan = await ReplanStore(session).lock_next(now=now)
            if replan is None:
                return None
            changed = await _step(session, replan, channels, now, most)
            await enqueue(session, records_of(changed))
            return changed
    except Exception:
        if replan is not None:
            async with database.system_transaction() as session:
                await ReplanStore(session).put_off(replan, until=now + _LATER)
        raise


async def _step(session: AsyncSession, replan: Replan, channels: Channels, now: datetime, most: int) -> list[Message]:
    if replan.kind is ReplanKind.HELD:
        await _release(session, replan, now, most)
        return []
    if replan.kind is ReplanKind.RULE:
        return await apply_to_next(session=session, replan=replan, channels=channels, now=now, most=most)
    if replan.kind is ReplanKind.ORDER:
        return await stop_next(session=session, replan=replan, now=now, most=most)
    store = ReplanStore(session)
    of_staff = replan.kind in (ReplanKind.USER, ReplanKind.CALENDAR)
    page = await store.ahead(
        replan,
        now=now,
        limit=most,
        calendars=await _calendars(session, replan) if of_staff else None,
        user_id=replan.name if replan.kind is ReplanKind.USER else None,
    )
    chains = {(replan.organization_id, calendar_uid) for _, _, calendar_uid in page}
    if not chains:
        changed = []
    elif of_staff:
        changed = await plan_reminders(
            session=session,
            channels=channels,
            chains=chains,
            cause=Cause(correlation_id=str(new_id())),
            now=now,
            asked_at=replan.requested_at,
        )
    else:
        changed = await move_reminders(session=session, chains=chains, channel=Channel(replan.name), now=now)
    if len(page) < most:
        await store.done(replan)
    else:
        ends_at, appointment_id, _ = page[-1]
        await store.step(replan, after=(ends_at, appointment_id), next_step_at=now)
    return changed


async def _release(session: AsyncSession, replan: Replan, now: datetime, most: int) -> None:
    store = ReplanStore(session)
    held = await release_held(
        session=session,
        organization_id=replan.organization_id,
        channel=Channel(replan.name),
        after=replan.after[1] if replan.after is not None else None,
        now=now,
        most=most,
    )
    if len(held) < most:
        await store.done(replan)
    else:
        await store.step(replan, after=(now, held[-1]), next_step_at=now + most * RELEASE_EVERY)


async def _calendars(session: AsyncSession, replan: Replan) -> list[UUID]:
    if replan.kind is ReplanKind.CALENDAR:
        return [UUID(replan.name)]
    key = (replan.organization_id, replan.name)
    user = (await UserStore(session).get_all([key])).get(key)
    if user is None:
        return []
    calendars = await CatalogueStore(session).calendars_of(user.organization_id, user.id, user.resource_id)
    return [calendar.id for calendar in calendars]
