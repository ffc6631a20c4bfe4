"""Events of the waiting list: from the contract to what the use cases work with."""

from typing import Any, cast

from notifications.domain.waiting_list import WaitingListEntry, WaitingListNews
from slotstream_contracts.envelope import Envelope
from slotstream_contracts.waiting_list import WaitingListEvent


def offer_news_of(envelope: Envelope[Any]) -> WaitingListNews:
    entry = cast("WaitingListEvent", envelope.data).entry
    offer = entry.offer
    return WaitingListNews(
        entry=WaitingListEntry(
            organization_id=entry.organization_id,
            id=entry.id,
            business_id=entry.business_id,
            service_id=entry.service_id,
            client_id=entry.client_id,
            status=entry.status,
            offer_id=offer.id if offer is not None else None,
            offer_starts_at=offer.starts_at if offer is not None else None,
            offer_ends_at=offer.ends_at if offer is not None else None,
            offer_expires_at=offer.expires_at if offer is not None else None,
            version=entry.version,
        ),
        time=envelope.time,
        event_id=envelope.id,
        correlation_id=envelope.correlationid,
        traceparent=envelope.traceparent,
    )
