"""Claim, commit, hand over, record. No network call is made while a transaction is open."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channel_accounts import ACCOUNT_FAILING, WAITS_FOR_ACCOUNT, ChannelAccount
from notifications.domain.channels import (
    Channels,
    NotHandedOverError,
    NotificationChannel,
    OutcomeUnknownError,
    Outgoing,
    RecipientOptedOutError,
    RefusedForGoodError,
    RefusedForNowError,
)
from notifications.domain.mail_domains import MailDomain
from notifications.domain.messages import Channel, Kind, Message, Status
from notifications.domain.opt_outs import NumberDigests
from notifications.domain.retries import RetryPolicy
from notifications.publishers import records_of
from notifications.storage import DeliveryStore, MailReplyStore, MessageStore, PushSubscriptionStore, Settlement
from notifications.usecases.agendas import plan_agendas
from notifications.usecases.channel_accounts import account_works, read_channels, rest_account
from notifications.usecases.eligibility import Sendable
from notifications.usecases.judging import about_appointments, judge
from notifications.usecases.mail_domains import domain_works, judge_domains, rest_domain, take_domains
from notifications.usecases.provider_calls import block_number
from notifications.usecases.send_limits import take_turns
from notifications.usecases.subjects import read_subjects
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.context import Cause
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import TransientError
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import enqueue
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

_SETTLE_PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""How long to insist on recording what came of a message that has been handed over, in seconds."""


async def claim_messages(
    *,
    database: Database,
    channels: Channels,
    now: datetime,
    lease: timedelta,
    limit: int,
    retries: RetryPolicy,
    numbers: NumberDigests | None = None,
    but: Collection[Channel] = (),
    full: Collection[tuple[UUID, Channel]] = (),
) -> list[Sendable]:
    """Claims what is due and settles at once what is not to be sent; the rest may be sent, its claim committed.

    What is to go out on the channels `but`, or on a channel of an organization that is `full`, is left for later.

    A message that cannot be judged fails by itself, and holds up no other. Nor do those that are not to be sent now: it
    claims until there is one to send, or nothing more is due.
    """
    while True:
        sendable, looked_at = await _claim_once(
            database=database,
            channels=channels,
            now=now,
            lease=lease,
            limit=limit,
            retries=retries,
            numbers=numbers or NumberDigests(()),
            but=but,
            full=full,
        )
        if sendable or looked_at < limit:
            return sendable


async def _claim_once(
    *,
    database: Database,
    channels: Channels,
    now: datetime,
    lease: timedelta,
    limit: int,
    retries: RetryPolicy,
    numbers: NumberDigests,
    but: Collection[Channel],
    full: Collection[tuple[UUID, Channel]],
) -> tuple[list[Sendable], int]:
    """What may be sent, and how many were looked at."""
    sendable: list[Sendable] = []
    async with database.system_transaction() as session:
        store = DeliveryStore(session)
        claimed = await store.claim_due(now=now, claim=new_id(), lease=lease, limit=limit, but=but, full=full)
        if claimed.unreadable:
            log.error("messages_unreadable", messages=[str(message_id) for _, message_id in claimed.unreadable])
            await store.fail_unreadable(claimed.unreadable, now=now)
        await enqueue(session, records_of(claimed.suppressed))
        if claimed.to_send:
            agendas = [message for message in claimed.to_send if message.kind is Kind.AGENDA]
            subjects = await read_subjects(
                session=session,
                messages=about_appointments(claimed.to_send),
                numbers=numbers,
            )
            own = await read_channels(
                session=session,
                channels=channels,
                organization_ids={message.organization_id for message in claimed.to_send},
            )
            for message in claimed.to_send:
                verdict = await judge(
                    session=session, message=message, subjects=subjects, channels=own, retries=retries, now=now
                )
                if isinstance(verdict, Sendable):
                    verdict = _resting(verdict, now) or verdict
                if isinstance(verdict, Sendable):
                    sendable.append(verdict)
                else:
                    await _settle_apart(session, message, verdict, now=now)
            # With the claim: whoever dies after it leaves tomorrow's planned, and before it today's.
            await plan_agendas(
                session=session,
                users={(message.organization_id, message.user_id or "") for message in agendas},
                cause=Cause(correlation_id=str(new_id())),
                now=now,
            )
            # Last, for whoever else claims what is to these domains or of these organizations waits meanwhile.
            limits = channels.domains
            turns = await judge_domains(session=session, waiting=sendable, limits=limits, now=now)
            sendable, later = await take_turns(session=session, waiting=turns.now, channels=channels, now=now)
            for waiting, settlement in later:
                await _settle_apart(session, waiting.message, settlement, now=now)
            await take_domains(session=session, going=sendable, lines=turns.lines, limits=limits, now=now)
    return sendable, len(claimed.to_send) + len(claimed.suppressed) + len(claimed.unreadable)


async def next_due(*, database: Database, now: datetime) -> datetime | None:
    """When the next message falls due; None where none is planned."""
    async with database.system_transaction() as session:
        return await MessageStore(session).next_due(now=now)


def _resting(sendable: Sendable, now: datetime) -> Settlement | None:
    """What becomes of a message whose account does not work: it waits until that is tried again, but for a day only."""
    account = sendable.account
    until = account.rests_until(now) if account is not None else None
    if account is None or until is None:
        return None
    return _waiting(sendable.message, account.failure_code or ACCOUNT_FAILING, until, code=ACCOUNT_FAILING, now=now)


def _waiting(message: Message, cause: str, until: datetime, *, code: str, now: datetime) -> Settlement:
    if now - message.due_at >= WAITS_FOR_ACCOUNT:
        detail = "given up: the organization's own account did not work for a day"
        return Settlement(status=Status.FAILED, code=cause, detail=detail)
    detail = "waits for the organization's own account, which does not work"
    return Settlement(status=Status.PLANNED, code=code, detail=detail, next_attempt_at=until)


async def _settle_apart(session: AsyncSession, message: Message, settlement: Settlement, *, now: datetime) -> None:
    """Settles one of many in a savepoint: where it fails, its claim runs out, and the others go on."""
    try:
        async with session.begin_nested():
            settled = await DeliveryStore(session).settle(message, settlement, now=now)
            if settled is not None:
                await enqueue(session, records_of(_finished([settled])))
    except Exception:
        log.exception("settling_failed", message=str(message.id), kind=message.kind.value)


async def deliver_message(
    *,
    database: Database,
    channel: NotificationChannel,
    message: Message,
    outgoing: Outgoing,
    recipient_name: str,
    clock: Clock,
    retries: RetryPolicy,
    numbers: NumberDigests | None = None,
    account: ChannelAccount | None = None,
    domain: MailDomain | None = None,
) -> Status | None:
    """Hands one claimed message over and records what came of it; None where somebody else has settled it.

    `account`: the organization's own by which it goes out. One that does not work rests, with all that waits for it.
    `domain`: the recipient's, which rests when it asks to be sent less.
    """

    async def may_hand_over() -> bool:
        async with database.system_transaction() as session:
            begun = await DeliveryStore(session).begin_attempt(
                message,
                recipient_name=recipient_name,
                outgoing=outgoing,
                lease=channel.longest_hand_over,
                now=clock(),
                by_own_account=account is not None,
            )
            if begun and outgoing.answered_at is not None:
                await MailReplyStore(session).give(outgoing.answered_at, now=clock())
            return begun

    gone: tuple[UUID, ...] = ()
    try:
        receipt = await channel.send(outgoing, may_hand_over=may_hand_over)
        gone = receipt.gone
    except NotHandedOverError:
        return None
    except RefusedForNowError as error:
        gone = error.gone
        settlement = await _refused_for_now(database, message, account, domain, error, retries=retries, now=clock())
    except RecipientOptedOutError:
        settlement = await _stopped(database, message, outgoing.address, numbers, account, now=clock())
    except RefusedForGoodError as error:
        gone = error.gone
        settlement = Settlement(status=Status.FAILED, code=error.code, detail=error.detail)
    except OutcomeUnknownError as error:
        gone = error.gone
        settlement = Settlement(status=Status.UNKNOWN, code=error.code, detail=error.detail)
    else:
        settlement = Settlement(
            status=Status.SENT,
            provider_id=receipt.provider_id[:200],
            segments=receipt.segments,
            cost_amount=receipt.cost_amount,
            cost_currency=receipt.cost_currency,
        )
    if gone:
        async with database.system_transaction() as session:
            await PushSubscriptionStore(session).forget(message.organization_id, gone)
    status = await _settle(database, message, settlement, clock=clock)
    await _works_again(database, account, domain, settlement, now=clock())
    return status


async def _works_again(
    database: Database,
    account: ChannelAccount | None,
    domain: MailDomain | None,
    settlement: Settlement,
    *,
    now: datetime,
) -> None:
    if settlement.status is not Status.SENT:
        return
    if account is not None and account.failures:
        async with database.system_transaction() as session:
            await account_works(session=session, account=account, now=now)
    if domain is not None and domain.refusals:
        async with database.system_transaction() as session:
            await domain_works(session=session, domain=domain)


async def _stopped(
    database: Database,
    message: Message,
    number: str,
    numbers: NumberDigests | None,
    account: ChannelAccount | None,
    *,
    now: datetime,
) -> Settlement:
    """The provider knows of a STOP to the shared sender, or to the organization's own."""
    async with database.system_transaction() as session:
        await block_number(
            session=session,
            number=number,
            numbers=numbers or NumberDigests(()),
            cause=Cause(correlation_id=message.correlation_id, traceparent=message.traceparent),
            now=now,
            organization_id=message.organization_id if account is not None else None,
        )
    return Settlement(status=Status.SUPPRESSED, reason="opted_out")


async def _refused_for_now(
    database: Database,
    message: Message,
    account: ChannelAccount | None,
    domain: MailDomain | None,
    error: RefusedForNowError,
    *,
    retries: RetryPolicy,
    now: datetime,
) -> Settlement:
    """An own account that does not work rests, and so does a domain that asks for less. That counts as no try of the
    message, which is not to blame.
    """
    if domain is not None and error.of_domain:
        try:
            async with database.system_transaction() as session:
                return await rest_domain(
                    session=session, message=message, domain=domain, error=error, retries=retries, now=now
                )
        except TransientError:
            return _later(message, error, now=now, retries=retries)
    if account is None or not error.of_account:
        return _later(message, error, now=now, retries=retries)
    try:
        async with database.system_transaction() as session:
            until = await rest_account(session=session, account=account, code=error.code, retries=retries, now=now)
    except TransientError:
        until = now + retries.first
    return _waiting(message, error.code, until, code=error.code, now=now)


def _later(message: Message, error: RefusedForNowError, *, now: datetime, retries: RetryPolicy) -> Settlement:
    next_attempt_at = retries.next_attempt(attempts=message.tries + 1, now=now)
    if next_attempt_at is None:
        return Settlement(status=Status.FAILED, code=error.code, detail=f"given up: {error.detail}")
    next_attempt_at = max(next_attempt_at, now + error.wait)
    return Settlement(
        status=Status.PLANNED, code=error.code, detail=error.detail, next_attempt_at=next_attempt_at, tried=True
    )


async def give_up(*, database: Database, message: Message, code: str, detail: str, clock: Clock) -> Status | None:
    """Records that a claimed message cannot be sent, ever."""
    return await _settle(database, message, Settlement(status=Status.FAILED, code=code, detail=detail), clock=clock)


async def _settle(database: Database, message: Message, settlement: Settlement, *, clock: Clock) -> Status | None:
    """Records the outcome and insists on it: what is not recorded ends as unknown although it was sent."""
    for pause in (*_SETTLE_PAUSES, None):
        try:
            async with database.system_transaction() as session:
                settled = await DeliveryStore(session).settle(message, settlement, now=clock())
                if settled is not None:
                    await enqueue(session, records_of(_finished([settled])))
                return settled.status if settled is not None else None
        except TransientError:
            if pause is None:
                raise
            await asyncio.sleep(pause)
    return None


async def recover_claims(*, database: Database, now: datetime) -> int:
    """Takes over what crashed workers had claimed; how many messages are planned again.

    Each claim in a transaction of its own, so that one that cannot be recovered holds up no other.
    """
    async with database.system_transaction() as session:
        expired = await DeliveryStore(session).expired_claims(now=now)
    again = unknown = 0
    for organization_id, message_id in expired:
        try:
            async with database.system_transaction() as session:
                recovered = await DeliveryStore(session).recover(organization_id, message_id, now=now)
                await enqueue(session, records_of(_finished([recovered] if recovered is not None else [])))
        except TransientError:
            raise
        except Exception as error:
            log.exception("recovery_failed", message=str(message_id))
            if isinstance(error, ValueError):
                async with database.system_transaction() as session:
                    await DeliveryStore(session).fail_unreadable([(organization_id, message_id)], now=now)
            continue
        again += recovered is not None and recovered.status is Status.PLANNED
        unknown += recovered is not None and recovered.status is Status.UNKNOWN
    if again or unknown:
        log.warning("claims_recovered", planned_again=again, unknown=unknown)
    return again


def _finished(messages: Sequence[Message]) -> list[Message]:
    """Those whose status says something new; one that waits or is tried again is still planned."""
    return [message for message in messages if message.status is not Status.PLANNED]
