"""What the dashboard consumes, for open streams: events of appointments, that hours, clients, holds or the waiting list
changed, and that somebody wrote to us, or that it was read.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.live import LiveEvent
from dashboard.usecases.live import keep_live_events
from slotstream_contracts.appointments import AppointmentEvent
from slotstream_contracts.clients import ClientState
from slotstream_contracts.envelope import Envelope
from slotstream_contracts.holds import HoldState
from slotstream_contracts.messages import MessageRead, MessageReceived
from slotstream_contracts.schedules import ScheduleState
from slotstream_contracts.topics import APPOINTMENTS, CLIENTS, HOLDS, MESSAGES, SCHEDULES, WAITING_LIST
from slotstream_contracts.waiting_list import WaitingListEvent
from slotstream_servicekit.consumer import Consumers, Received

Record = Received[Envelope[Any]]
Batch = Sequence[Record]

CLIENT_ERASED: Final = "slotstream.client.erased"
HOLD_ENDED: Final = "slotstream.hold.ended"
_TOLD_OF_MESSAGES: Final = frozenset({MessageReceived.type, MessageRead.type})
_ENDED: Final = UUID("0198f0a4-8c1d-7d0e-9a55-5f0e5f1b7c31")
"""Of the ids of what tombstones tell: those have none that a reader sees."""


class Handlers:
    """Safe to run twice: an event that is kept already is passed over."""

    def __init__(self, clock: Callable[[], datetime], retention: timedelta) -> None:
        self._clock = clock
        self._retention = retention

    async def on_changes(self, session: AsyncSession, batch: Batch) -> None:
        told = [_told(record) for record in batch]
        events = [event for event in told if event is not None]
        await keep_live_events(session=session, events=events, now=self._clock(), retention=self._retention)


def register(consumers: Consumers, *, clock: Callable[[], datetime], retention: timedelta) -> None:
    handlers = Handlers(clock, retention)
    consumers.subscribe(APPOINTMENTS.name, handlers.on_changes, dedupe=False)
    consumers.subscribe(SCHEDULES.name, handlers.on_changes, dedupe=False)
    consumers.subscribe(CLIENTS.name, handlers.on_changes, types=frozenset({ClientState.type}), dedupe=False)
    consumers.subscribe(HOLDS.name, handlers.on_changes, types=frozenset({HoldState.type}), dedupe=False)
    # Not what became of messages, which are many.
    consumers.subscribe(MESSAGES.name, handlers.on_changes, types=_TOLD_OF_MESSAGES, dedupe=False)
    consumers.subscribe(WAITING_LIST.name, handlers.on_changes, dedupe=False)


def _told(record: Record) -> LiveEvent | None:
    """None for what no page shows."""
    return _ended(record) if record.event is None else _changed(record.event, record.topic)


def _changed(envelope: Envelope[Any], topic: str) -> LiveEvent | None:
    match envelope.data:
        case AppointmentEvent() as event:
            return _appointment_changed(envelope, event, topic)
        case ScheduleState() | MessageReceived() | MessageRead():
            return _live_event(envelope, topic, version=envelope.sequence)
        case ClientState() as client:
            # Who they are is not kept. Clients are the organization's: everybody may be told.
            return _live_event(envelope, topic, subject=str(client.id), version=client.version)
        case HoldState() as hold:
            return _live_event(
                envelope, topic, version=hold.version, business_id=hold.business_id, resource_ids=hold.resource_ids
            )
        case WaitingListEvent() as event:
            return _waiting_changed(envelope, event, topic)
        case _:
            return None


def _ended(record: Record) -> LiveEvent | None:
    """A client who was erased; a hold that was used or let go, of which a tombstone does not tell whose it was."""
    ended = {CLIENTS.name: (CLIENT_ERASED, _id_in(record.key)), HOLDS.name: (HOLD_ENDED, "")}.get(record.topic)
    if ended is None or ended[1] is None or record.organization_id is None:
        return None
    return LiveEvent(
        id=uuid5(_ENDED, f"{record.topic}/{record.partition}/{record.offset}"),
        organization_id=record.organization_id,
        topic=record.topic,
        type=ended[0],
        subject=ended[1],
        version=0,
        business_id=None,
        resource_ids=(),
        created_at=record.timestamp,
    )


def _id_in(key: str) -> str | None:
    try:
        return str(UUID(key))
    except ValueError:
        return None


def _appointment_changed(envelope: Envelope[Any], event: AppointmentEvent, topic: str) -> LiveEvent:
    appointment = event.appointment
    return _live_event(
        envelope,
        topic,
        subject=str(appointment.id),
        version=appointment.version,
        business_id=appointment.business_id,
        resource_ids=[*(resource.id for resource in appointment.resources), *_earlier_resources(event)],
    )


def _waiting_changed(envelope: Envelope[Any], event: WaitingListEvent, topic: str) -> LiveEvent:
    entry = event.entry
    return _live_event(
        envelope,
        topic,
        version=entry.version,
        business_id=entry.business_id,
        resource_ids=(entry.resource_id,) if entry.resource_id is not None else (),
    )


def _live_event(
    envelope: Envelope[Any],
    topic: str,
    *,
    version: int,
    subject: str = "",
    business_id: UUID | None = None,
    resource_ids: Iterable[UUID] = (),
) -> LiveEvent:
    """Without a subject it does not say what has changed: a page reads what it shows, and nobody learns of what is
    not theirs. Without a business everybody in the organization is told.
    """
    return LiveEvent(
        id=envelope.id,
        organization_id=envelope.organization,
        topic=topic,
        type=envelope.type,
        subject=subject,
        version=version,
        business_id=business_id,
        resource_ids=tuple(dict.fromkeys(resource_ids)),
        created_at=envelope.time,
    )


def _earlier_resources(event: AppointmentEvent) -> list[UUID]:
    """The resources that the change took away."""
    change = event.change.fields.get("resources")
    earlier = change.old if change is not None and isinstance(change.old, list | tuple) else ()
    return [UUID(str(resource["id"])) for resource in earlier if isinstance(resource, dict) and "id" in resource]
