"""What clients write back: stopping, starting, and answers that become commands to booking; the rest is for staff."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.answers import (
    ForStaff,
    InboundMessage,
    InboundStatus,
    Meaning,
    WrittenText,
    client_keys,
    doubt_about,
    kept_text,
    meaning_of,
)
from notifications.domain.channels import Channels
from notifications.domain.messages import Channel
from notifications.domain.opt_outs import NumberDigests, opt_out_word
from notifications.domain.planning import refused_answer
from notifications.domain.words import bare
from notifications.publishers import answer_command, answered_record, read_record, received_record, records_of
from notifications.storage import AppointmentStore, ClientStore, InboundStore, MessageStore, OptOutStore, Verdict
from notifications.usecases.channel_accounts import read_channels
from notifications.usecases.client_wrote import tell_staff_of
from notifications.usecases.provider_calls import block_number, unblock_number
from slotstream_servicekit.context import Cause, Context
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import enqueue

Answered = Meaning | Literal["repeated"]


async def receive_text(
    *,
    session: AsyncSession,
    call_id: str,
    number: str,
    text: str,
    numbers: NumberDigests,
    now: datetime,
    traceparent: str | None = None,
    organization_id: UUID | None = None,
) -> Answered:
    """Somebody has written to our number. Worked through once per call; nothing that is not plain is acted on.

    With an organization they have written to its own number: what they say is said to it alone.
    """
    # An organization that knows its own token could else use up the ids of others' texts.
    own_id = call_id if organization_id is None else f"{organization_id}:{call_id}"
    if not await OptOutStore(session).claim_call(own_id, now=now):
        return "repeated"
    meaning = await _heard(session, number, text, numbers, organization_id)
    inbound = InboundMessage(
        organization_id=UUID(int=0),
        id=new_id(),
        provider_id=call_id,
        channel=Channel.SMS,
        client_id=None,
        appointment_id=None,
        message_id=None,
        meaning=meaning,
        status=InboundStatus.FOR_STAFF,
        reason="unknown_sender",
        text=kept_text(text),
        address=number,
        received_at=now,
        updated_at=now,
    )
    cause = Cause(correlation_id=str(inbound.id), traceparent=traceparent)
    if meaning is Meaning.STOP:
        await block_number(
            session=session, number=number, numbers=numbers, cause=cause, now=now, organization_id=organization_id
        )
    elif meaning is Meaning.START:
        await unblock_number(
            session=session, number=number, numbers=numbers, cause=cause, now=now, organization_id=organization_id
        )
    store = InboundStore(session)
    texts = await store.texts_to(number, organization_id)
    if texts:
        await follow(session, inbound, texts, text, cause=cause)
    else:
        await _add_unasked(session, inbound, organization_id, cause=cause)
    return meaning


async def _heard(
    session: AsyncSession, number: str, text: str, numbers: NumberDigests, organization_id: UUID | None
) -> Meaning:
    """YES lifts an opt-out where there is one, and says yes where there is none."""
    meaning, word = meaning_of(text), opt_out_word(text)
    if word == "stop":
        return Meaning.STOP
    store = OptOutStore(session, organization_id)
    if word == "start" and (meaning is not Meaning.CONFIRM or await store.blocked(numbers.of(number))):
        return Meaning.START
    return meaning


async def follow(
    session: AsyncSession, inbound: InboundMessage, texts: Sequence[WrittenText], text: str, *, cause: Cause
) -> InboundMessage | None:
    """What follows the newest of `texts`: a command where there is no doubt, else something to read.

    None, and nothing, for a client who has been erased.
    """
    last, number = texts[0], inbound.address or ""
    appointments = await AppointmentStore(session).get_all(
        {(item.organization_id, item.appointment_id) for item in texts}
    )
    clients = await ClientStore(session).get_all(client_keys(texts, appointments))
    doubt = doubt_about(texts, number=number, appointments=appointments, clients=clients, now=inbound.received_at)
    client = clients.get((last.organization_id, last.client_id)) if last.client_id is not None else None
    if client is not None and not await InboundStore(session).lock_client(client.organization_id, client.id):
        return None
    status, reason = _outcome(inbound.meaning, doubt, text)
    answer = replace(
        inbound,
        organization_id=last.organization_id,
        client_id=client.id if client is not None else None,
        appointment_id=last.appointment_id,
        message_id=last.message_id,
        status=status,
        reason=reason,
    )
    await _add(session, answer, cause=cause)
    if answer.status is InboundStatus.PENDING:
        await enqueue(session, [answer_command(answer, shown_starts_at=last.starts_at, cause=cause)])
    if doubt is None and answer.meaning not in (Meaning.OTHER, Meaning.START):
        await enqueue(session, [answered_record(answer, cause=cause)])
    return answer


def _outcome(meaning: Meaning, doubt: ForStaff | None, text: str) -> tuple[InboundStatus, ForStaff | None]:
    """What becomes of a text, and why staff are to read it."""
    match meaning:
        case Meaning.STOP if bare(text) == "cancel":
            return InboundStatus.FOR_STAFF, "opt_out_word"
        case Meaning.STOP | Meaning.START:
            return InboundStatus.NOTED, None
        case Meaning.OTHER:
            return InboundStatus.FOR_STAFF, "free_text"
        case Meaning.CALL_BACK:
            return InboundStatus.FOR_STAFF, doubt or "call_back"
    return (InboundStatus.PENDING, None) if doubt is None else (InboundStatus.FOR_STAFF, doubt)


async def _add(session: AsyncSession, inbound: InboundMessage, *, cause: Cause) -> None:
    if await InboundStore(session).add(inbound):
        await enqueue(session, [received_record(inbound, cause=cause)])
        await tell_staff_of(session=session, inbound=inbound, cause=cause)


async def _add_unasked(
    session: AsyncSession, inbound: InboundMessage, organization_id: UUID | None, *, cause: Cause
) -> None:
    """From a number that we never wrote to: to the one organization that knows it, or to the only one there is.

    To whose own number it was written: to that one.
    """
    store = InboundStore(session)
    holders = await store.lock_clients_of(inbound.address or "", organization_id)
    clients = await ClientStore(session).get_all(holders)
    known = {(client.organization_id, client.id) for client in clients.values()}
    organizations = {each for each, _ in known} if organization_id is None else {organization_id}
    if not organizations and (sole := await store.sole_organization()) is not None:
        organizations = {sole}
    if len(organizations) != 1:
        return
    is_one = len(known) == 1
    status = InboundStatus.NOTED if inbound.meaning in (Meaning.STOP, Meaning.START) else InboundStatus.FOR_STAFF
    unasked = replace(
        inbound,
        organization_id=organizations.pop(),
        client_id=known.pop()[1] if is_one else None,
        status=status,
        reason=None if status is InboundStatus.NOTED else "no_question" if holders else "unknown_sender",
    )
    await _add(session, unasked, cause=cause)


async def read_inbound(*, session: AsyncSession, context: Context, message_ids: Collection[UUID]) -> None:
    """Somebody has seen these; what has been read before stays as it is, and so does what the caller may not see."""
    read = await InboundStore(session).mark_read(context.organization_id, message_ids, now=context.now)
    await enqueue(session, [read_record(message, cause=context.cause, now=context.now) for message in read])


async def receive_verdicts(
    *, session: AsyncSession, verdicts: Sequence[Verdict], channels: Channels, now: datetime
) -> bool:
    """What booking made of answers; whether a client is to be told of a refusal. Each is worked through once."""
    settled = await InboundStore(session).settle(verdicts, now=now)
    channels = await read_channels(
        session=session, channels=channels, organization_ids={answer.organization_id for answer in settled}
    )
    refused = [answer for answer in settled if answer.status is InboundStatus.REFUSED]
    keys = {(answer.organization_id, answer.appointment_id) for answer in refused if answer.appointment_id is not None}
    appointments = await AppointmentStore(session).get_all(keys) if keys else {}
    drafts = [
        refused_answer(
            answer,
            appointments[answer.organization_id, answer.appointment_id],
            available=channels.of(answer.organization_id).get(answer.channel) is not None,
            now=now,
        )
        for answer in refused
        if answer.appointment_id is not None and (answer.organization_id, answer.appointment_id) in appointments
    ]
    planned = await MessageStore(session).plan(drafts, now=now)
    await enqueue(session, records_of(planned))
    return bool(planned)
