"""What the provider tells of texts and of numbers."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.messages import Channel, Message, Status
from notifications.domain.opt_outs import NumberDigests
from notifications.publishers import preference_record, records_of
from notifications.storage import InboundStore, MessageStore, OptOutStore, PreferenceStore, Report, ReportStore
from slotstream_servicekit.context import Cause
from slotstream_servicekit.outbox import enqueue

_MEANINGS: Final = {
    "accepted": Status.SENT,
    "scheduled": Status.SENT,
    "queued": Status.SENT,
    "sending": Status.SENT,
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.DELIVERED,
    "undelivered": Status.FAILED,
    "failed": Status.FAILED,
    "canceled": Status.FAILED,
}


async def receive_status(
    *,
    session: AsyncSession,
    organization_id: UUID,
    message_id: UUID,
    provider_id: str,
    status: str,
    code: int | None,
    now: datetime,
    attempt: int | None = None,
) -> Message | None:
    """What became of a text; None where that says nothing new. `attempt`: for the how manieth time it was handed over.

    The first final word stays: neither a late `sent` nor a later `failed` undoes a `delivered`. What is said of a text
    says nothing of the one that was sent again.
    """
    meaning = _MEANINGS.get(status)
    if meaning is None:
        return None
    failed = meaning is Status.FAILED
    report = Report(
        channel=Channel.SMS,
        status=meaning,
        provider_id=provider_id,
        attempt=attempt,
        code=(f"twilio_{code}" if code else f"twilio_{status}") if failed else None,
        detail=f"the SMS provider says: {status}" + (f" (error {code})" if code else "") if failed else None,
    )
    message = await ReportStore(session).put(organization_id, message_id, report, now=now)
    if message is not None:
        await enqueue(session, records_of([message]))
    return message


async def block_number(
    *,
    session: AsyncSession,
    number: str,
    numbers: NumberDigests,
    cause: Cause,
    now: datetime,
    organization_id: UUID | None = None,
) -> None:
    """From now on no text goes to this number, whoever's it is; what is planned is suppressed at once.

    With an organization it is that one's own sender that was stopped: it holds for that organization alone.
    """
    store = OptOutStore(session, organization_id)
    for digest in numbers.of(number)[:1]:
        await store.block(digest, now=now)
    await enqueue(session, records_of(await store.stop(number, now=now)))
    told = await PreferenceStore(session).stop(await InboundStore(session).lock_clients_of(number, organization_id))
    await enqueue(session, [preference_record(preference, cause=cause, now=now) for preference in told])


async def unblock_number(
    *,
    session: AsyncSession,
    number: str,
    numbers: NumberDigests,
    cause: Cause,
    now: datetime,
    organization_id: UUID | None = None,
) -> None:
    """What STOP did is undone; what staff have set stays.

    A START to an organization's own sender does not lift what was said to the shared one: whoever holds the account's
    token could say it for anybody. One to the shared sender lifts both.
    """
    store, digests = OptOutStore(session, organization_id), numbers.of(number)
    await store.unblock(digests)
    holders = await InboundStore(session).lock_clients_of(number, organization_id)
    if organization_id is not None and await OptOutStore(session).blocked(digests):
        return
    if organization_id is None:
        for holder in sorted({each for each, _ in holders}):
            await OptOutStore(session, holder).unblock(digests)
    resumed = await store.resume(number, now=now)
    await enqueue(session, records_of(resumed))
    if resumed:
        await MessageStore(session).announce_planned()
    told = await PreferenceStore(session).start(holders)
    await enqueue(session, [preference_record(preference, cause=cause, now=now) for preference in told])
