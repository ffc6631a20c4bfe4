"""`slotstream.waiting-list.v1`: clients who wait for a service in a window that is full, and what they are offered.

Each event tells the whole entry after the change.
"""

from typing import ClassVar, Literal
from uuid import UUID

from slotstream_contracts.base import Actor, Instant, Message, Version
from slotstream_contracts.topics import WAITING_LIST, Topic


class WaitingListOffer(Message):
    """A slot that is held for the client until `expires_at`.

    `id` is also that of the hold, and of the appointment once the client takes it.
    """

    id: UUID
    starts_at: Instant
    ends_at: Instant
    expires_at: Instant


class WaitingListEntry(Message):
    """Who waits for what. `offer` is there while one is open, and once one was taken.

    `resource_id`: with whom alone. The appointment lies within the window.
    """

    id: UUID
    organization_id: UUID
    business_id: UUID
    service_id: UUID
    client_id: UUID
    resource_id: UUID | None = None
    window_from: Instant
    window_to: Instant
    status: Literal["waiting", "offered", "booked", "expired", "withdrawn"]
    offer: WaitingListOffer | None = None
    created_at: Instant
    updated_at: Instant
    version: Version


class WaitingListEvent(Message):
    topic: ClassVar[Topic] = WAITING_LIST

    entry: WaitingListEntry
    actor: Actor


class WaitingListEntryAdded(WaitingListEvent):
    type: ClassVar[str] = "slotstream.waiting_list_entry.added"


class WaitingListEntryOffered(WaitingListEvent):
    """A slot that was freed is held for the client, who is to be told."""

    type: ClassVar[str] = "slotstream.waiting_list_entry.offered"


class WaitingListEntryDeclined(WaitingListEvent):
    """The client did not want the slot, and goes on waiting for another."""

    type: ClassVar[str] = "slotstream.waiting_list_entry.declined"


class WaitingListEntryLapsed(WaitingListEvent):
    """The offer ran out without an answer, or its slot was given away; the client goes on waiting for another."""

    type: ClassVar[str] = "slotstream.waiting_list_entry.lapsed"


class WaitingListEntryBooked(WaitingListEvent):
    """The client took the slot: `offer.id` is the appointment's."""

    type: ClassVar[str] = "slotstream.waiting_list_entry.booked"


class WaitingListEntryExpired(WaitingListEvent):
    """The window is over."""

    type: ClassVar[str] = "slotstream.waiting_list_entry.expired"


class WaitingListEntryWithdrawn(WaitingListEvent):
    type: ClassVar[str] = "slotstream.waiting_list_entry.withdrawn"
