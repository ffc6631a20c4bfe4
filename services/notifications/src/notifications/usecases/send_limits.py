"""Limits of organizations: set within the installation's, and kept to when messages are claimed."""

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channels import Channels
from notifications.domain.errors import LimitTooHighError
from notifications.domain.messages import Channel, Kind, Status
from notifications.domain.send_limits import BULK_KINDS, RATE_LIMITED, ChannelLimit, Pace, Taken, turns_of
from notifications.storage import MessageStore, SendLimitStore, Settlement
from notifications.usecases.eligibility import Sendable
from notifications.usecases.limits import check_setting
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import VersionConflictError

_OTHERS: Final = frozenset(Kind) - BULK_KINDS
_BULK: Final = "bulk"


async def list_limits(*, session: AsyncSession, context: Context, channels: Channels) -> list[ChannelLimit]:
    """Of every channel: the organization's own, else the installation's."""
    own = await SendLimitStore(session).of_organizations([context.organization_id])
    return [_limit_of(context.organization_id, channel, own, channels) for channel in Channel]


async def change_limit(
    *,
    session: AsyncSession,
    context: Context,
    channels: Channels,
    channel: Channel,
    per_minute: int | None,
    expected_version: int | None,
) -> ChannelLimit:
    """Sets the organization's own, or with None goes back to the installation's, above which none can be set.

    What waits for its turn is claimed anew, and waits by the new limit.
    """
    check_setting(context.limits, None, what="A limit")
    most = channels.per_minute_of(channel)
    if per_minute is not None and most and per_minute > most:
        raise LimitTooHighError(f"This installation sends {most} a minute at most by {channel}")
    store = SendLimitStore(session)
    known = await store.of_organizations([context.organization_id])
    old = known.get((context.organization_id, channel)) or ChannelLimit(channel=channel, per_minute=most)
    if expected_version is not None and expected_version != old.version:
        raise VersionConflictError(old.version)
    if (per_minute is None and not old.version) or (old.version and per_minute == old.per_minute):
        return old
    if per_minute is None:
        new = ChannelLimit(channel=channel, per_minute=most)
        done = await store.remove(context.organization_id, channel, version=old.version)
    else:
        new = ChannelLimit(channel=channel, per_minute=per_minute, version=old.version + 1)
        done = await store.put(context.organization_id, new, replaces=old.version)
    if not done:
        current = (await store.of_organizations([context.organization_id])).get((context.organization_id, channel))
        raise VersionConflictError(current.version if current is not None else 0)
    if await MessageStore(session).wake_rate_limited(context.organization_id, channel, now=context.now):
        await MessageStore(session).announce_planned()
    return new


async def take_turns(
    *, session: AsyncSession, waiting: Sequence[Sendable], channels: Channels, now: datetime
) -> tuple[list[Sendable], list[tuple[Sendable, Settlement]]]:
    """Those that go now, and what becomes of the rest, which is planned for when its organization's turn comes.

    What else is due of an organization that is above its limit is planned for later at once, so that it stands in
    nobody's way. Take turns last in a transaction: other workers wait for the same organizations' meanwhile.
    """
    groups: dict[tuple[UUID, Channel], list[Sendable]] = defaultdict(list)
    for sendable in waiting:
        groups[sendable.message.organization_id, sendable.message.channel].append(sendable)
    store = SendLimitStore(session)
    own = await store.of_organizations({organization_id for organization_id, _ in groups})
    limits = {key: _limit_of(*key, own, channels) for key in groups}
    limited = sorted(key for key, limit in limits.items() if limit.per_minute)
    buckets = {key: ((key[0], key[1].value), (key[0], f"{key[1].value}:{_BULK}")) for key in limited}
    taken = await store.lock_taken((bucket for pair in buckets.values() for bucket in pair), now=now)
    going = [sendable for key, group in groups.items() if key not in buckets for sendable in group]
    later: list[tuple[Sendable, Settlement]] = []
    for key in limited:
        whole, bulk = buckets[key]
        limit = limits[key]
        turns = turns_of(
            [(sendable, sendable.message.kind) for sendable in groups[key]],
            limit=limit,
            taken=Taken(whole=taken[whole], bulk=taken[bulk]),
            now=now,
        )
        going += turns.now
        taken[whole], taken[bulk] = turns.taken.whole, turns.taken.bulk
        later += [(sendable, _wait(sendable, at)) for sendable, at in (*turns.bulk_later, *turns.others_later)]
        if turns.bulk_later:
            await store.defer_due(*key, BULK_KINDS, starts=turns.bulk_from, gap=limit.bulk.gap, now=now)
        if turns.others_later:
            await store.defer_due(*key, _OTHERS, starts=turns.others_from, gap=limit.whole.gap, now=now)
    await store.put_taken(taken)
    return going, later


async def take_allowance(*, session: AsyncSession, organization_id: UUID, what: str, pace: Pace, now: datetime) -> int:
    """Takes one of what an organization may do, whichever process it asks, and 0; else in how many seconds it may."""
    store, bucket = SendLimitStore(session), (organization_id, what)
    taken = pace.bounded((await store.lock_taken([bucket], now=now))[bucket], now)
    wait = pace.free_at(taken) - now
    if wait > timedelta(0):
        return max(1, math.ceil(wait.total_seconds()))
    await store.put_taken({bucket: pace.after_one(taken, now)})
    return 0


def _limit_of(
    organization_id: UUID,
    channel: Channel,
    own: dict[tuple[UUID, Channel], ChannelLimit],
    channels: Channels,
) -> ChannelLimit:
    """Never above the installation's, which may have become lower since."""
    most = channels.per_minute_of(channel)
    known = own.get((organization_id, channel))
    if known is None:
        return ChannelLimit(channel=channel, per_minute=most)
    per_minute = min(known.per_minute, most) if most else known.per_minute
    return ChannelLimit(channel=channel, per_minute=per_minute, version=known.version)


def _wait(sendable: Sendable, until: datetime) -> Settlement:
    return Settlement(
        status=Status.PLANNED,
        code=RATE_LIMITED,
        detail="the organization sends as much as it may in a minute",
        next_attempt_at=until,
        mail_line=sendable.message.mail_line,
    )
