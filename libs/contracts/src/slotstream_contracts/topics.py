"""The topics as data: name, what the key is, partitions, clean-up and retention."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One Kafka topic. `retention` None keeps records for ever, as event logs and compacted topics do."""

    name: str
    key: str
    cleanup: Literal["delete", "compact", "compact,delete"]
    partitions: int = 12
    retention: timedelta | None = None
    max_message_bytes: int = 1_048_576


COMMANDS_RETENTION = timedelta(hours=48)
"""Commands carry what people typed: they are kept for as long as a worker may be away, and no longer."""

DEAD_LETTERS_RETENTION = timedelta(days=7)
"""Dead letters may hold anything that a record did: time enough to mend and send back. Sent back or dropped ones go
with the next compaction.
"""

APPOINTMENTS = Topic(name="slotstream.appointments.v1", key="appointment id", cleanup="delete")
APPOINTMENT_STATES = Topic(name="slotstream.appointments.state.v1", key="appointment id", cleanup="compact")
SERIES = Topic(name="slotstream.series.v1", key="series id", cleanup="delete", partitions=3)
WAITING_LIST = Topic(name="slotstream.waiting-list.v1", key="waiting list entry id", cleanup="delete", partitions=3)
CLIENTS = Topic(name="slotstream.clients.v1", key="client id", cleanup="compact")
CATALOGUE = Topic(name="slotstream.catalogue.v1", key="kind:id", cleanup="compact", partitions=3)
SCHEDULES = Topic(name="slotstream.schedules.v1", key="resource or business id", cleanup="compact", partitions=3)
EXTERNAL_BUSY = Topic(name="slotstream.external-busy.v1", key="calendar id:external event instance", cleanup="compact")
HOLDS = Topic(name="slotstream.holds.v1", key="hold id", cleanup="compact", partitions=3)
BOOKING_COMMANDS = Topic(
    name="slotstream.booking.commands.v1",
    key="aggregate id or, of a batch, the command's id",
    cleanup="delete",
    retention=COMMANDS_RETENTION,
)
BOOKING_RESULTS = Topic(
    name="slotstream.booking.results.v1",
    key="the command's key",
    cleanup="delete",
    retention=timedelta(days=14),
)
NOTIFICATION_COMMANDS = Topic(
    name="slotstream.notifications.commands.v1",
    key="appointment id",
    cleanup="delete",
    retention=COMMANDS_RETENTION,
)
CLIENT_PREFERENCES = Topic(name="slotstream.client-preferences.v1", key="client id", cleanup="compact", partitions=3)
CHANNELS = Topic(name="slotstream.channels.v1", key="organization id", cleanup="compact", partitions=3)
USERS = Topic(name="slotstream.users.v1", key="user id", cleanup="compact", partitions=3)
MESSAGES = Topic(name="slotstream.messages.v1", key="appointment or client id", cleanup="delete")
IMPORTS = Topic(name="slotstream.imports.v1", key="import id", cleanup="delete", partitions=3)
CALENDAR_SYNC = Topic(
    name="slotstream.calendar-sync.v1", key="appointment or connection id", cleanup="delete", partitions=3
)

TOPICS: tuple[Topic, ...] = (
    APPOINTMENTS,
    APPOINTMENT_STATES,
    SERIES,
    WAITING_LIST,
    CLIENTS,
    CATALOGUE,
    SCHEDULES,
    EXTERNAL_BUSY,
    HOLDS,
    BOOKING_COMMANDS,
    BOOKING_RESULTS,
    NOTIFICATION_COMMANDS,
    CLIENT_PREFERENCES,
    CHANNELS,
    USERS,
    MESSAGES,
    IMPORTS,
    CALENDAR_SYNC,
)

COMPACTED = frozenset(topic.name for topic in TOPICS if topic.cleanup == "compact")
"""The topics on which the last record of a key is what counts."""

SERVICES = ("booking", "availability", "notifications", "imports", "calendar_sync", "dashboard")


def dead_letter_topic(service: str) -> Topic:
    """The topic that holds what `service` could not work through, with its cause in the headers."""
    return Topic(
        name=f"slotstream.{service.replace('_', '-')}.dead-letter.v1",
        key="topic/partition/offset of the original record",
        cleanup="compact,delete",
        partitions=1,
        retention=DEAD_LETTERS_RETENTION,
        max_message_bytes=2_097_152,
    )


ALL_TOPICS: tuple[Topic, ...] = (*TOPICS, *(dead_letter_topic(service) for service in SERVICES))
