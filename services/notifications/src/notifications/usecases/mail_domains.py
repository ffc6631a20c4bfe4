"""Mail domains of recipients: kept to when messages are claimed, left alone when they ask for less."""

import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channels import RefusedForNowError
from notifications.domain.mail_domains import (
    WAITS_FOR_DOMAIN,
    DomainLimits,
    DomainTurns,
    MailDomain,
    domain_of,
    domain_turns,
    line_of,
)
from notifications.domain.messages import Channel, Kind, Message, Status
from notifications.domain.retries import RetryPolicy
from notifications.domain.send_limits import BULK_KINDS, Taken
from notifications.storage import Line, MailDomainStore, Settlement
from notifications.usecases.eligibility import Sendable
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

_OTHERS: Final = frozenset(Kind) - BULK_KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDomains:
    """`now` may go as far as their domains are concerned, `lines` wait for them."""

    now: Sequence[Sendable]
    lines: Sequence[Line] = ()


async def judge_domains(
    *, session: AsyncSession, waiting: Sequence[Sendable], limits: DomainLimits | None, now: datetime
) -> JudgedDomains:
    """Who goes now by what the recipients' mail domains take. An organization's own mail server is not asked.

    Other workers wait for the same domains meanwhile, until the transaction ends.
    """
    groups: dict[str, list[Sendable]] = defaultdict(list)
    going: list[Sendable] = []
    for each in waiting:
        limited = limits is not None and each.message.channel is Channel.EMAIL and each.account is None
        (groups[domain_of(each.address)] if limited else going).append(each)
    if limits is None or not groups:
        return JudgedDomains(now=waiting)
    store = MailDomainStore(session)
    domains = await store.lock(groups, now=now)
    under_way = await store.under_way(groups, but=waiting[0].message.claim, now=now)
    in_line = await store.in_line([_place(name, each) for name, group in groups.items() for each in group], now=now)
    lines: list[Line] = []
    for name, group in groups.items():
        # Who comes stands behind what its own organization has waiting there, and behind nobody else.
        free = [each for each in group if each.message.mail_line is not None or _place(name, each) not in in_line]
        turns = domain_turns(
            [(each, each.message.kind) for each in sorted(free, key=lambda each: _order(each.message, now))],
            domain=domains[name],
            limit=limits.of(name),
            under_way=under_way[name],
            now=now,
        )
        goes = {each.message.id for each in turns.now}
        going += [replace(each, domain=domains[name]) for each in turns.now]
        left = [each.message for each in group if each.message.id not in goes]
        lines += _lines(name, left, turns, spacing=limits.of(name).spacing)
    return JudgedDomains(now=going, lines=lines)


async def take_domains(
    *,
    session: AsyncSession,
    going: Sequence[Sendable],
    lines: Sequence[Line],
    limits: DomainLimits | None,
    now: datetime,
) -> None:
    """Takes of the domains what goes in the end, and has the rest wait, with what else is due for the same domains."""
    if limits is None:
        return
    groups: dict[MailDomain, list[Sendable]] = defaultdict(list)
    for each in going:
        if each.domain is not None:
            groups[each.domain].append(each)
    store = MailDomainStore(session)
    taken: dict[str, Taken] = {}
    for domain, group in groups.items():
        kinds = [(each, each.message.kind) for each in group]
        turns = domain_turns(kinds, domain=domain, limit=limits.of(domain.name), under_way=0, now=now)
        taken[domain.name] = turns.taken
    await store.put_taken(taken)
    await store.mark([(each.message, each.domain.name) for each in going if each.domain is not None])
    for line in lines:
        await store.line_up(line, now=now)


async def rest_domain(
    *,
    session: AsyncSession,
    message: Message,
    domain: MailDomain,
    error: RefusedForNowError,
    retries: RetryPolicy,
    now: datetime,
) -> Settlement:
    """The domain asks to be sent less: it is left alone for a while. What becomes of the message that it has refused,
    which is not to blame: it goes first when the rest is over, and is given up after a day.
    """
    until = retries.rest(failures=domain.refusals + 1, now=now)
    if await MailDomainStore(session).rest(domain, until=until, now=now):
        log.warning("mail_domain_rests", code=error.code, refusals=domain.refusals + 1, until=until.isoformat())
    if now - message.due_at >= WAITS_FOR_DOMAIN:
        detail = f"given up: the recipient's mail domain took no more for a day; {error.detail}"
        return Settlement(status=Status.FAILED, code=error.code, detail=detail)
    return Settlement(
        status=Status.PLANNED,
        code=error.code,
        detail=f"the recipient's mail domain asks to be sent less: {error.detail}",
        next_attempt_at=until,
        mail_line=line_of(domain.name, message.kind),
    )


async def domain_works(*, session: AsyncSession, domain: MailDomain) -> None:
    """It has taken a mail after it was left alone: the usual limit holds again."""
    await MailDomainStore(session).works(domain)


def _lines(name: str, left: Sequence[Message], turns: DomainTurns[Sendable], *, spacing: timedelta) -> list[Line]:
    lines = []
    for kinds, starts in ((BULK_KINDS, turns.bulk_from), (_OTHERS, turns.others_from)):
        if batch := [message for message in left if message.kind in kinds]:
            lines.append(Line(domain=name, kinds=kinds, batch=batch, starts=starts, spacing=spacing))
    return lines


def _place(domain: str, sendable: Sendable) -> tuple[str, UUID]:
    return line_of(domain, sendable.message.kind), sendable.message.organization_id


def _order(message: Message, now: datetime) -> tuple[datetime, int, datetime, UUID]:
    """As they wait; of those that come at the same instant, one organization's first, by lot: none stands behind
    another's flood.
    """
    lot = zlib.crc32(f"{message.organization_id} {now.timestamp()}".encode())
    return message.next_attempt_at, lot, message.due_at, message.id
