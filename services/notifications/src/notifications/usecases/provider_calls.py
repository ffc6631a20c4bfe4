"""What the provider tells of texts and of numbers."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain import Channel, Message, NumberDigests, Status
from notifications.publishers import preference_record, records_of
from notifications.storage import DeliveryStore, InboundStore, MessageStore, OptOutStore, PreferenceStore, Report
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
) -> Message | None:
    """What became of a text; None where that says nothing new.

    The first final word stays: neither a late `sent` nor a later `failed` undoes a `delivered`.
    """
    meaning = _MEANINGS.get(status)
    if meaning is None:
        return None
    failed = meaning is Status.FAILED
    report = Report(
        channel=Channel.SMS,
        status=meaning,
        provider_id=provider_id,
        code=(f"twilio_{code}" if code else f"twilio_{status}") if failed else None,
        detail=f"the SMS provider says: {status}" + (f" (error {code})" if code else "") if failed else None,
    )
    message = await DeliveryStore(session).report(organization_id, message_id, report, now=now)
    if message is not None:
        await enqueue(session, records_of([message]))
    return message


async def block_number(
    *, session: AsyncSession, number: str, numbers: NumberDigests, cause: Cause, now: datetime
) -> None:
    """From now on no text and no call goes to this number, whoever's it is; what is planned is suppressed at once."""
    store = OptOutStore(session)
    for digest in numbers.of(number)[:1]:
        await store.block(digest, now=now)
    await enqueue(session, records_of(await store.stop(number, now=now)))
    told = await PreferenceStore(session).stop(await InboundStore(session).lock_clients_of(number))
    await enqueue(session, [preference_record(preference, cause=cause, now=now) for preference in told])


async def unblock_number(
    *, session: AsyncSession, number: str, numbers: NumberDigests, cause: Cause, now: datetime
) -> None:
    """What STOP did is undone; what staff have set stays."""
    store = OptOutStore(session)
    await store.unblock(numbers.of(number))
    resumed = await store.resume(number, now=now)
    await enqueue(session, records_of(resumed))
    if resumed:
        await MessageStore(session).announce_planned()
    told = await PreferenceStore(session).start(await InboundStore(session).lock_clients_of(number))
    await enqueue(session, [preference_record(preference, cause=cause, now=now) for preference in told])
