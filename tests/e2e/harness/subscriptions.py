"""Which service reads which topic, and so sets aside what it cannot read of it."""

from collections.abc import Mapping

from slotstream_contracts.topics import TOPICS

SUBSCRIBERS: Mapping[str, tuple[str, ...]] = {
    "slotstream.appointments.v1": ("notifications", "dashboard"),
    "slotstream.appointments.state.v1": ("availability", "calendar_sync", "notifications"),
    "slotstream.series.v1": ("notifications",),
    "slotstream.waiting-list.v1": ("notifications",),
    "slotstream.clients.v1": ("notifications", "imports"),
    "slotstream.catalogue.v1": ("availability", "notifications", "imports", "calendar_sync"),
    "slotstream.schedules.v1": ("booking",),
    "slotstream.users.v1": ("notifications",),
    "slotstream.external-busy.v1": ("booking", "availability"),
    "slotstream.holds.v1": ("availability",),
    "slotstream.messages.v1": ("booking",),
    "slotstream.booking.commands.v1": ("booking",),
    "slotstream.booking.results.v1": ("imports", "notifications"),
    "slotstream.notifications.commands.v1": ("notifications",),
}
assert {topic.name for topic in TOPICS} >= SUBSCRIBERS.keys()
