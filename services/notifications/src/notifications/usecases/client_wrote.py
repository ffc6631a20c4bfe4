"""Staff who want to know are told that a client has written what somebody has to read."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.answers import InboundMessage
from notifications.domain.appointments import Appointment
from notifications.domain.messages import Audience, Channel, Draft, Kind
from notifications.domain.staff_choices import STAFF_CHANNELS, StaffEvent
from notifications.domain.users import StaffPreferences
from notifications.publishers import records_of
from notifications.storage import AppointmentStore, CatalogueStore, MessageStore
from notifications.usecases.planning import chosen_by
from slotstream_servicekit.context import Cause
from slotstream_servicekit.outbox import enqueue


async def tell_staff_of(*, session: AsyncSession, inbound: InboundMessage, cause: Cause) -> None:
    """Those whose appointment it is about. The client's words are not repeated: they are read in the dashboard."""
    if inbound.appointment_id is None or not inbound.is_unread:
        return
    appointment = await AppointmentStore(session).get(inbound.organization_id, inbound.appointment_id)
    if appointment is None or not appointment.staff:
        return
    calendars = await CatalogueStore(session).get_all(
        {(appointment.organization_id, "resource", member.id) for member in appointment.staff}
    )
    chosen = await chosen_by(session, {resource_id: item for (_, _, resource_id), item in calendars.items()})
    drafts = [
        _draft(inbound, appointment, resource_id, channel, cause)
        for resource_id, preferences in sorted(chosen.items())
        for channel in _channels(preferences)
    ]
    messages = MessageStore(session)
    planned = await messages.plan(drafts, now=inbound.received_at)
    await enqueue(session, records_of(planned))
    if planned:
        await messages.announce_planned()


def _channels(preferences: StaffPreferences) -> list[Channel]:
    wanted = preferences.channels_of(StaffEvent.ANSWERED)
    return [channel for channel in STAFF_CHANNELS if channel in wanted]


def _draft(
    inbound: InboundMessage, appointment: Appointment, resource_id: UUID, channel: Channel, cause: Cause
) -> Draft:
    return Draft(
        organization_id=appointment.organization_id,
        key=f"{Kind.CLIENT_WROTE}:{inbound.id}:{channel}:{resource_id}",
        appointment_id=appointment.id,
        appointment_version=appointment.version,
        calendar_uid=appointment.calendar_uid,
        starts_at=appointment.starts_at,
        client_id=inbound.client_id or appointment.client_id,
        resource_id=resource_id,
        audience=Audience.STAFF,
        channel=channel,
        kind=Kind.CLIENT_WROTE,
        due_at=inbound.received_at,
        correlation_id=cause.correlation_id,
        traceparent=cause.traceparent,
    )
