"""Messages that somebody asks for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channels import Channels
from notifications.domain.messages import ORDER_CANCELLED, MessageRequest
from notifications.domain.planning import requested_message
from notifications.publishers import records_of
from notifications.storage import AppointmentStore, ClientStore, MessageStore, WithdrawalStore
from notifications.usecases.channel_accounts import read_channels
from slotstream_servicekit.outbox import enqueue


async def request_messages(
    *, session: AsyncSession, requests: Sequence[MessageRequest], channels: Channels, now: datetime
) -> bool:
    """Puts each message into the ledger, once by its id; whether anything was planned.

    The appointment may still be on its way on another topic: the message waits for it in the ledger, so that no
    request holds up another. Of an order that is withdrawn it is in the ledger as suppressed.
    """
    known = await AppointmentStore(session).get_all(
        {(request.organization_id, request.appointment_id) for request in requests}
    )
    channels = await read_channels(
        session=session, channels=channels, organization_ids={request.organization_id for request in requests}
    )
    drafts = []
    for request in requests:
        appointment = known.get((request.organization_id, request.appointment_id))
        available = channels.of(request.organization_id).get(request.channel) is not None
        drafts.append(requested_message(request, appointment, available=available, now=now))
    erased = await ClientStore(session).erased({draft.client_id for draft in drafts if draft.client_id is not None})
    drafts = [
        replace(draft, reason="client_erased", text=None) if draft.client_id in erased else draft for draft in drafts
    ]
    withdrawn = await WithdrawalStore(session).withdrawn(
        {(draft.organization_id, draft.order_id) for draft in drafts if draft.order_id is not None}
    )
    drafts = [
        replace(draft, reason=draft.reason or ORDER_CANCELLED, text=None)
        if draft.order_id is not None and (draft.organization_id, draft.order_id) in withdrawn
        else draft
        for draft in drafts
    ]
    planned = await MessageStore(session).plan(drafts, now=now)
    await enqueue(session, records_of(planned))
    return bool(planned)
