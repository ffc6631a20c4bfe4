"""The waiting list: the event of each change, with the whole entry after it."""

from typing import Final

from booking.domain.waiting_list import WaitingListEntry
from booking.publishers.states import state_record
from slotstream_contracts import base
from slotstream_contracts import waiting_list as contract
from slotstream_contracts.waiting_list import (
    WaitingListEntryAdded,
    WaitingListEntryBooked,
    WaitingListEntryDeclined,
    WaitingListEntryExpired,
    WaitingListEntryLapsed,
    WaitingListEntryOffered,
    WaitingListEntryWithdrawn,
    WaitingListEvent,
)
from slotstream_servicekit.context import Context
from slotstream_servicekit.outbox import OutboxRecord

__all__ = [
    "WaitingListEntryAdded",
    "WaitingListEntryBooked",
    "WaitingListEntryDeclined",
    "WaitingListEntryExpired",
    "WaitingListEntryLapsed",
    "WaitingListEntryOffered",
    "WaitingListEntryWithdrawn",
    "waiting_list_record",
]

_SAME: Final = (
    "id",
    "organization_id",
    "business_id",
    "service_id",
    "client_id",
    "resource_id",
    "window_from",
    "window_to",
    "created_at",
    "updated_at",
    "version",
)


def waiting_list_record(event: type[WaitingListEvent], entry: WaitingListEntry, context: Context) -> OutboxRecord:
    offer = entry.offer
    told = event(
        entry=contract.WaitingListEntry(
            **{name: getattr(entry, name) for name in _SAME},
            status=entry.status.value,
            offer=None
            if offer is None
            else contract.WaitingListOffer(
                id=offer.id, starts_at=offer.starts_at, ends_at=offer.ends_at, expires_at=offer.expires_at
            ),
        ),
        actor=base.Actor(type=context.actor.type, id=context.actor.id, call_id=context.actor.call_id),
    )
    return state_record(
        told,
        "waiting_list_entry",
        entry.organization_id,
        str(entry.id),
        None,
        entry.version,
        entry.updated_at,
        context.cause,
    )
