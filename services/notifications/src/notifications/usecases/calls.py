"""Calls as the provider tells of them: what is said when somebody picks up, which key they press, how it ended."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.answers import InboundMessage, InboundStatus, WrittenText
from notifications.domain.calls import KEYS, CallPolicy, spoken
from notifications.domain.channels import Channels
from notifications.domain.decisions import ON_A_PERSONS_WORD, still_reminds
from notifications.domain.messages import Channel, Kind, Message, Status
from notifications.domain.opt_outs import NumberDigests
from notifications.domain.planning import refusal_key
from notifications.domain.retries import RetryPolicy
from notifications.publishers import records_of
from notifications.storage import (
    AppointmentStore,
    CatalogueStore,
    DeliveryStore,
    InboundStore,
    MessageStore,
    OptOutStore,
    Report,
    ReportStore,
)
from notifications.usecases.answers import follow
from notifications.usecases.channel_accounts import read_channels
from notifications.usecases.eligibility import Sendable, judge_message
from notifications.usecases.rendering import render_message
from notifications.usecases.subjects import read_subjects
from slotstream_servicekit.context import Cause
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import enqueue

_MEANINGS: Final = {
    "queued": Status.SENT,
    "initiated": Status.SENT,
    "ringing": Status.SENT,
    "in-progress": Status.SENT,
    "answered": Status.SENT,
    "completed": Status.DELIVERED,
    "busy": Status.FAILED,
    "no-answer": Status.FAILED,
    "failed": Status.FAILED,
    "canceled": Status.FAILED,
}
_MAY_BE_CALLED_AGAIN: Final = frozenset({"busy", "no-answer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The `attempt`th call for one message, by the provider's id of it."""

    organization_id: UUID
    message_id: UUID
    attempt: int
    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallText:
    """What is read out, and whether keys are offered."""

    text: str
    asks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswer:
    """An answer by key, as far as booking has judged it, and where the business is reached."""

    answer: InboundMessage
    phone: str | None


async def receive_call_status(
    *, session: AsyncSession, call: Call, status: str, by_machine: bool, by_fax: bool, policy: CallPolicy, now: datetime
) -> Message | None:
    """How a call stands; None where that says nothing new. Nobody answered: it is made again, as `policy` has it.

    The first end of each call stays, and an earlier call says nothing of a later one.
    """
    meaning = _MEANINGS.get(status)
    if meaning is None:
        return None
    report = Report(
        channel=Channel.VOICE,
        status=meaning,
        provider_id=call.provider_id,
        attempt=call.attempt,
        code=f"twilio_{status}" if meaning is Status.FAILED else None,
        detail=f"the provider says: {status}" if meaning is Status.FAILED else None,
    )
    if meaning is Status.DELIVERED and by_fax:
        report = replace(report, status=Status.FAILED, code="answered_by_fax", detail="a fax machine has picked up")
    elif meaning is Status.DELIVERED and by_machine:
        report = replace(report, code="left_on_machine", detail="an answering machine has picked up")
    store = ReportStore(session)
    if status in _MAY_BE_CALLED_AGAIN:
        message = await MessageStore(session).find(call.organization_id, call.message_id)
        is_decided = message is None or message.code in ON_A_PERSONS_WORD
        at = policy.next_call(message, now=now) if message is not None and not is_decided else None
        if at is not None:
            await store.plan_call(call.organization_id, call.message_id, report, at=at, now=now)
            return None
    message = await store.put(call.organization_id, call.message_id, report, now=now)
    if message is not None:
        await enqueue(session, records_of([message]))
    return message


async def answer_call(
    *,
    session: AsyncSession,
    call: Call,
    by_machine: bool,
    channels: Channels,
    numbers: NumberDigests,
    policy: CallPolicy,
    now: datetime,
) -> CallText | None:
    """Somebody, or a machine, has picked up: what is said, if it still holds; else None.

    A machine is told the built-in text, whatever an organization has written: anybody may listen to it.
    """
    await receive_call_status(
        session=session, call=call, status="in-progress", by_machine=False, by_fax=False, policy=policy, now=now
    )
    message = await _message_of(session, call)
    if message is None or message.sent_text is None:
        return None
    sendable = await _sendable(session, message, channels=channels, numbers=numbers, now=now)
    if sendable is None:
        return None
    if not by_machine:
        return CallText(text=message.sent_text, asks=message.asks)
    text = message.sent_text
    if message.kind is not Kind.AD_HOC:
        plain = replace(sendable, templates=(), template=None)
        text = spoken(render_message(plain, portal=None, now=now).text.text)
        await DeliveryStore(session).put_spoken(message, text)
    return CallText(text=text, asks=False)


async def receive_key(
    *, session: AsyncSession, call: Call, key: str, now: datetime, traceparent: str | None = None
) -> InboundMessage | None:
    """A key that means something. Each call answers once: what is pressed later, or told again, changes nothing.

    None for a call that nothing is known of, or whose client has been erased.
    """
    message = await _message_of(session, call)
    if message is None:
        return None
    if not await OptOutStore(session).claim_call(f"{call.provider_id}:key", now=now):
        return await InboundStore(session).find(call.organization_id, call.provider_id)
    inbound = InboundMessage(
        organization_id=call.organization_id,
        id=new_id(),
        provider_id=call.provider_id,
        channel=Channel.VOICE,
        client_id=None,
        appointment_id=None,
        message_id=None,
        meaning=KEYS[key],
        status=InboundStatus.FOR_STAFF,
        reason=None,
        text=key,
        address=message.address,
        received_at=now,
        updated_at=now,
    )
    asked = WrittenText(
        organization_id=message.organization_id,
        message_id=message.id,
        appointment_id=message.appointment_id,
        client_id=message.client_id,
        starts_at=message.starts_at,
        asks=message.asks,
        handed_over_at=message.attempted_at or now,
    )
    cause = Cause(correlation_id=str(inbound.id), traceparent=traceparent)
    return await follow(session, inbound, [asked], key, cause=cause)


async def hear_verdict(*, session: AsyncSession, call: Call, now: datetime) -> CallAnswer | None:
    """What has become of the key that was pressed. A refusal that is heard now is not told by another call."""
    answer = await InboundStore(session).find(call.organization_id, call.provider_id)
    if answer is None:
        return None
    if answer.status is InboundStatus.REFUSED:
        stopped = await MessageStore(session).stop_key(
            call.organization_id, refusal_key(answer), "told_in_the_call", now=now
        )
        await enqueue(session, records_of(stopped))
    return CallAnswer(answer=answer, phone=await _phone_of(session, answer))


async def _message_of(session: AsyncSession, call: Call) -> Message | None:
    """The message of this very call; None once its client has been erased."""
    message = await MessageStore(session).find(call.organization_id, call.message_id)
    is_this = (
        message is not None
        and message.channel is Channel.VOICE
        and message.attempts == call.attempt
        and message.provider_id in (None, call.provider_id)
        and message.address is not None
    )
    return message if is_this else None


async def _sendable(
    session: AsyncSession, message: Message, *, channels: Channels, numbers: NumberDigests, now: datetime
) -> Sendable | None:
    subjects = await read_subjects(session=session, messages=[message], numbers=numbers)
    channels = await read_channels(session=session, channels=channels, organization_ids=[message.organization_id])
    verdict = judge_message(message, subjects, channels=channels, now=now, retries=RetryPolicy())
    if not isinstance(verdict, Sendable):
        return None
    return verdict if still_reminds(message, verdict.appointment, now=now) else None


async def _phone_of(session: AsyncSession, answer: InboundMessage) -> str | None:
    if answer.appointment_id is None:
        return None
    appointment = await AppointmentStore(session).get(answer.organization_id, answer.appointment_id)
    if appointment is None:
        return None
    business = await CatalogueStore(session).get(answer.organization_id, "business", appointment.business_id)
    return business.phone if business is not None else None
