"""What the dashboard consumes, for open streams: events of appointments, and that hours have changed."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.live import LiveEvent
from dashboard.usecases.live import keep_live_events
from slotstream_contracts.appointments import AppointmentEvent
from slotstream_contracts.envelope import Envelope
from slotstream_contracts.schedules import ScheduleState
from slotstream_contracts.topics import APPOINTMENTS, SCHEDULES
from slotstream_servicekit.consumer import Consumers, Received

Batch = Sequence[Received[Envelope[Any]]]


class Handlers:
    """Safe to run twice: an event that is kept already is passed over."""

    def __init__(self, clock: Callable[[], datetime], retention: timedelta) -> None:
        self._clock = clock
        self._retention = retention

    async def on_changes(self, session: AsyncSession, batch: Batch) -> None:
        told = [_told(record.event, record.topic) for record in batch if record.event is not None]
        events = [event for event in told if event is not None]
        await keep_live_events(session=session, events=events, now=self._clock(), retention=self._retention)


def register(consumers: Consumers, *, clock: Callable[[], datetime], retention: timedelta) -> None:
    handlers = Handlers(clock, retention)
    consumers.subscribe(APPOINTMENTS.name, handlers.on_changes, dedupe=False)
    consumers.subscribe(SCHEDULES.name, handlers.on_changes, dedupe=False)


def _told(envelope: Envelope[Any], topic: str) -> LiveEvent | None:
    """None for what no page shows."""
    match envelope.data:
        case AppointmentEvent() as event:
            return _appointment_changed(envelope, event, topic)
        case ScheduleState() as schedule:
            return _hours_changed(envelope, schedule, topic)
        case _:
            return None


def _appointment_changed(envelope: Envelope[Any], event: AppointmentEvent, topic: str) -> LiveEvent:
    appointment = event.appointment
    resource_ids = [resource.id for resource in appointment.resources]
    return LiveEvent(
        id=envelope.id,
        organization_id=envelope.organization,
        topic=topic,
        type=envelope.type,
        subject=str(appointment.id),
        version=appointment.version,
        business_id=appointment.business_id,
        resource_ids=tuple(dict.fromkeys([*resource_ids, *_earlier_resources(event)])),
        created_at=envelope.time,
    )


def _hours_changed(envelope: Envelope[Any], schedule: ScheduleState, topic: str) -> LiveEvent:
    """Whose is not told: a page reads the hours that it shows, and nobody learns of a calendar that is not theirs."""
    return LiveEvent(
        id=envelope.id,
        organization_id=envelope.organization,
        topic=topic,
        type=envelope.type,
        subject="",
        version=schedule.version,
        business_id=None,
        resource_ids=(),
        created_at=envelope.time,
    )


def _earlier_resources(event: AppointmentEvent) -> list[UUID]:
    """The resources that the change took away."""
    change = event.change.fields.get("resources")
    earlier = change.old if change is not None and isinstance(change.old, list | tuple) else ()
    return [UUID(str(resource["id"])) for resource in earlier if isinstance(resource, dict) and "id" in resource]
