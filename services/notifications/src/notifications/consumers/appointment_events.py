"""Events and states of appointments: from the contract to what the use cases work with."""

from typing import Any, cast
from uuid import UUID

from notifications.domain.appointments import Appointment, AppointmentChange, AppointmentTexts, Staff
from slotstream_contracts.appointments import (
    AppointmentEvent,
    AppointmentRescheduled,
    AppointmentSnapshot,
    AppointmentState,
)
from slotstream_contracts.envelope import Envelope


def change_of(envelope: Envelope[Any]) -> AppointmentChange:
    data = cast("AppointmentEvent", envelope.data)
    status, client = data.change.fields.get("status"), data.change.fields.get("client_id")
    return AppointmentChange(
        appointment=_appointment_of(data.appointment),
        verb=data.change.verb,
        actor_id=data.actor.id,
        actor_type=data.actor.type,
        time=envelope.time,
        event_id=envelope.id,
        correlation_id=envelope.correlationid,
        traceparent=envelope.traceparent,
        former_client_id=uuid_of(str(client.old)) if client is not None else None,
        status_before=str(status.old) if status is not None and status.old is not None else None,
        replacement=_appointment_of(data.replacement) if isinstance(data, AppointmentRescheduled) else None,
        series_id=data.appointment.series_id if data.appointment.series_calendar_uid is not None else None,
        with_series=data.change.series_version is not None,
        tell_client=data.change.tell_client,
    )


def texts_of(state: AppointmentState) -> AppointmentTexts:
    appointment = state.appointment
    location = appointment.location
    return AppointmentTexts(
        organization_id=appointment.organization_id,
        id=appointment.id,
        service_name=appointment.service_name if appointment.service_id is None else None,
        location_text=location.text if location is not None else None,
        location_url=location.url if location is not None else None,
        version=appointment.version,
    )


def _appointment_of(state: AppointmentSnapshot) -> Appointment:
    return Appointment(
        id=state.id,
        organization_id=state.organization_id,
        business_id=state.business_id,
        zone=state.zone,
        client_id=state.client_id,
        service_id=state.service_id,
        service_name=state.service_name or "",
        location_kind=state.location.kind if state.location is not None else "business",
        action_name=state.action_name,
        starts_at=state.starts_at,
        ends_at=state.ends_at,
        status=state.status,
        source=state.source,
        notify_client=state.notify_client,
        share_with_client=state.share_with_client,
        rescheduled_from=state.rescheduled_from,
        rescheduled_to=state.rescheduled_to,
        previous_starts_at=state.previous_starts_at,
        calendar_uid=state.calendar_uid,
        calendar_sequence=state.calendar_sequence,
        archived=state.archived,
        staff=tuple(Staff(resource.id, resource.name) for resource in state.resources if resource.kind == "staff"),
        created_at=state.created_at,
        updated_at=state.updated_at,
        version=state.version,
    )


def uuid_of(key: str) -> UUID | None:
    """None for what is no id: a record's key may be anything."""
    try:
        return UUID(key)
    except ValueError:
        return None
