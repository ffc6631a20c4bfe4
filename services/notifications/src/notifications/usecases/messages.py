"""Messages that somebody asks for."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain import Channels, MessageRequest, requested_message
from notifications.publishers import records_of
from notifications.storage import AppointmentStore, MessageStore
from slotstream_servicekit.errors import NotFoundError, TransientError
from slotstream_servicekit.outbox import enqueue

_LONGEST_AHEAD = timedelta(minutes=10)


async def request_messages(
    *, session: AsyncSession, requests: Sequence[MessageRequest], channels: Channels, now: datetime
) -> bool:
    """Puts each message into the ledger, once by its id; whether anything was planned.

    The appointment may still be on its way on another topic: a request that is ahead of it waits; one that has
    waited for ten minutes is about nothing.
    """
    known = await AppointmentStore(session).get_all(
        {(request.organization_id, request.appointment_id) for request in requests}
    )
    drafts = []
    for request in requests:
        appointment = known.get((request.organization_id, request.appointment_id))
        if appointment is None and request.time > now - _LONGEST_AHEAD:
            raise TransientError(f"Appointment {request.appointment_id} is not known yet")
        if appointment is None:
            raise NotFoundError(f"There is no appointment {request.appointment_id}")
        available = channels.get(request.channel) is not None
        drafts.append(requested_message(request, appointment, available=available))
    planned = await MessageStore(session).plan(drafts, now=now)
    await enqueue(session, records_of(planned))
    return bool(planned)
