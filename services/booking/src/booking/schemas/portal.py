"""What a client is shown of their own appointments: no notes, no prices, nobody else."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from booking.domain.appointments import Appointment
from booking.domain.catalogue import Business
from booking.domain.lifecycle import Verb
from booking.schemas.appointments import LocationOut, Status
from booking.usecases.portal import OwnAppointment
from slotstream_servicekit.http.models import InstantIn, InstantOut, RequestModel, ResponseModel

ClientReason = Annotated[str, Field(max_length=1_000)]


class ShownIn(RequestModel):
    """`shown_starts_at` is the start that the client was shown: with another one nothing is done."""

    shown_starts_at: InstantIn


class CancelOwnIn(ShownIn):
    reason: ClientReason | None = None


class MoveOwnIn(ShownIn):
    id: UUID | None = None
    starts_at: InstantIn


class PortalClientOut(ResponseModel):
    id: UUID
    locale: str | None
    zone: str | None


class PortalBusinessOut(ResponseModel):
    id: UUID
    name: str
    zone: str
    locale: str
    phone: str | None
    email: str | None
    address: str | None


class OwnAppointmentOut(ResponseModel):
    """`verbs`: what the client can do with it now."""

    id: UUID
    business: PortalBusinessOut
    service_id: UUID | None
    service_name: str
    staff: list[str]
    resource_ids: list[UUID]
    starts_at: InstantOut
    ends_at: InstantOut
    zone: str
    duration_minutes: int
    location: LocationOut
    status: Status
    asks_confirmation: bool
    verbs: list[Literal["confirm", "cancel", "reschedule"]]
    calendar_uid: str
    calendar_sequence: int
    series_calendar_uid: str | None = None
    """The UID of the series' entry in calendars, where the appointment is a date of it; with `recurs_at`."""
    recurs_at: InstantOut | None = None
    """When the series has the date by its rule (RECURRENCE-ID); null in answers to what the client does."""
    updated_at: InstantOut
    version: int


class PortalAppointmentOut(ResponseModel):
    client: PortalClientOut
    appointment: OwnAppointmentOut


class PortalAppointmentsOut(ResponseModel):
    """The open ones from today on, by their start; 50 at most."""

    client: PortalClientOut
    items: list[OwnAppointmentOut]


def own_appointment_out(own: OwnAppointment) -> OwnAppointmentOut:
    return shared_appointment_out(
        own.appointment,
        own.business,
        asks_confirmation=own.asks_confirmation,
        verbs=own.verbs,
        recurs_at=own.recurs_at,
    )


def shared_appointment_out(
    appointment: Appointment,
    business: Business,
    *,
    asks_confirmation: bool = False,
    verbs: Sequence[Verb] = (),
    recurs_at: datetime | None = None,
) -> OwnAppointmentOut:
    return OwnAppointmentOut.model_validate(
        {
            "id": appointment.id,
            "business": PortalBusinessOut.model_validate(business),
            "service_id": appointment.service_id,
            "service_name": appointment.service_name,
            "staff": [resource.name for resource in appointment.resources if resource.kind == "staff"],
            "resource_ids": [resource.id for resource in appointment.resources],
            "starts_at": appointment.starts_at,
            "ends_at": appointment.ends_at,
            "zone": appointment.zone,
            "duration_minutes": appointment.duration_minutes,
            "location": LocationOut.model_validate(appointment.location),
            "status": appointment.status,
            "asks_confirmation": asks_confirmation,
            "verbs": verbs,
            "calendar_uid": appointment.calendar_uid,
            "calendar_sequence": appointment.calendar_sequence,
            "series_calendar_uid": appointment.series_calendar_uid if recurs_at is not None else None,
            "recurs_at": recurs_at,
            "updated_at": appointment.updated_at,
            "version": appointment.version,
        }
    )


def portal_appointment_out(own: OwnAppointment) -> PortalAppointmentOut:
    return PortalAppointmentOut(client=PortalClientOut.model_validate(own.client), appointment=own_appointment_out(own))
