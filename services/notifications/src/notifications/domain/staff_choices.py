"""What staff are told of, and what each of them chooses: by event and channel, and how long before an appointment."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from notifications.domain.messages import Channel, Kind

SWITCHED_OFF: Final = "switched_off"
UNASSIGNED: Final = "unassigned"
"""It is no longer theirs."""
NOT_PERMITTED: Final = "not_permitted"
"""It lies beyond what the user is limited to."""


class StaffEvent(StrEnum):
    """What a member of staff may be told of as it happens."""

    ASSIGNED = "assigned"
    UNASSIGNED = "unassigned"
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"
    ANSWERED = "answered"
    """The client has confirmed, or has written something that somebody has to read."""


STAFF_CHANNELS: Final = (Channel.EMAIL, Channel.PUSH)
"""Staff choose among these. Texts and calls to them are written by hand."""

_ALWAYS_TOLD: Final = frozenset(STAFF_CHANNELS)
DEFAULT_CHOICES: Final[Mapping[StaffEvent, frozenset[Channel]]] = {
    StaffEvent.ASSIGNED: _ALWAYS_TOLD,
    StaffEvent.UNASSIGNED: _ALWAYS_TOLD,
    StaffEvent.RESCHEDULED: _ALWAYS_TOLD,
    StaffEvent.CANCELLED: _ALWAYS_TOLD,
    StaffEvent.ANSWERED: frozenset(),
}
"""Of who has chosen nothing. Reminders are off as well."""

_EVENTS: Final[Mapping[Kind, StaffEvent]] = {
    Kind.ASSIGNED: StaffEvent.ASSIGNED,
    Kind.SERIES_ASSIGNED: StaffEvent.ASSIGNED,
    Kind.UNASSIGNED: StaffEvent.UNASSIGNED,
    Kind.SERIES_UNASSIGNED: StaffEvent.UNASSIGNED,
    Kind.RESCHEDULED: StaffEvent.RESCHEDULED,
    Kind.SERIES_CHANGED: StaffEvent.RESCHEDULED,
    Kind.CANCELLED: StaffEvent.CANCELLED,
    Kind.SERIES_CANCELLED: StaffEvent.CANCELLED,
    Kind.CLIENT_CONFIRMED: StaffEvent.ANSWERED,
    Kind.CLIENT_WROTE: StaffEvent.ANSWERED,
}


def event_of(kind: Kind) -> StaffEvent | None:
    """The event that a message to staff tells of; None for what nobody chooses, such as one written by hand."""
    return _EVENTS.get(kind)
