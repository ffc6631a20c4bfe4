"""Appointments and their verbs over HTTP."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, HttpUrl, model_validator

from booking.domain.appointments import Appointment
from booking.domain.clients import ClientDetails, ClientMatch, ClientNote
from booking.domain.corrections import Correction
from booking.domain.requests import BookingRequest
from booking.schemas.catalogue import ChangeIn
from booking.schemas.clients import ClientNoteOut, Email, MatchIn, Phone
from slotstream_servicekit.http.models import (
    InstantIn,
    InstantOut,
    LongText,
    MoneyIn,
    MoneyOut,
    RequestModel,
    ResponseModel,
    ShortText,
)
from slotstream_servicekit.http.writers import writer_of

Status = Literal["pending", "scheduled", "confirmed", "completed", "cancelled", "rescheduled", "no_show", "dismissed"]
Source = Literal["voice_ai", "manual", "portal", "import", "calendar_sync", "api", "webhook", "recurrence"]
OriginKind = Literal["independent", "work_order", "booking"]
Duration = Annotated[int, Field(ge=1, le=527_040, strict=True)]
"""Whole minutes, up to a year."""
ResourceIds = Annotated[list[UUID], Field(min_length=1, max_length=20)]
ReasonText = Annotated[str, Field(min_length=1, max_length=1_000)]
Notify = Annotated[
    bool | None, Field(description="Whether the client is told and reminded from now on: sets `notify_client`")
]
TellClient = Annotated[
    bool | None,
    Field(description="Whether the client is told of this change alone; left out, `notify_client` decides"),
]


class OriginIn(RequestModel):
    kind: OriginKind = "independent"
    reference_id: Annotated[str, Field(max_length=200)] | None = None
    url: HttpUrl | None = None


class InlineClientIn(RequestModel):
    """A client as the caller knows them: matched by phone, then e-mail, or created."""

    name: ShortText
    phone: Phone | None = None
    email: Email | None = None
    locale: Annotated[str, Field(max_length=35)] | None = None


class OverrideIn(RequestModel):
    reason: ReasonText


LocationKind = Literal["business", "client_address", "phone", "video", "other"]


class LocationIn(RequestModel):
    """Where it takes place; of kind `business`, at the business's own address."""

    kind: LocationKind = "business"
    text: ShortText | None = None
    url: HttpUrl | None = None

    def values(self) -> dict[str, Any]:
        """As the fields of an appointment."""
        return {
            "location_kind": self.kind,
            "location_text": self.text,
            "location_url": str(self.url) if self.url else None,
        }


class DetailsIn(RequestModel):
    """What is agreed beside time and service, of one appointment or of all in a series."""

    action_id: UUID | None = None
    origin: OriginIn = OriginIn()
    location: LocationIn = LocationIn()
    notes: LongText | None = None
    internal_notes: LongText | None = None
    share_with_client: bool = True
    notify: bool = True
    quoted_price: MoneyIn | None = None

    def details(self) -> dict[str, Any]:
        """As the fields of an appointment."""
        price, url = self.quoted_price, self.origin.url
        return {
            "action_id": self.action_id,
            "origin_kind": self.origin.kind,
            "origin_reference_id": self.origin.reference_id,
            "origin_url": str(url) if url else None,
            **self.location.values(),
            "notes": self.notes,
            "internal_notes": self.internal_notes,
            "share_with_client": self.share_with_client,
            "notify_client": self.notify,
            "quoted_amount": price.amount if price else None,
            "quoted_currency": price.currency if price else None,
        }


class BookAppointmentIn(DetailsIn):
    id: UUID | None = None
    business_id: UUID
    service_id: UUID | None = None
    service_name: ShortText | None = None
    client_id: UUID | None = None
    client: InlineClientIn | None = None
    starts_at: InstantIn
    ends_at: InstantIn | None = None
    duration_minutes: Duration | None = None
    resource_ids: ResourceIds | None = None
    action_name: ShortText | None = None
    source: Source | None = None
    """Derived from who calls; stated by systems with the scope `appointments:source` alone."""
    external_id: Annotated[str, Field(max_length=200)] | None = None
    client_match: MatchIn = ClientMatch.KEEP
    hold_id: UUID | None = None
    override: OverrideIn | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> "BookAppointmentIn":
        if (self.client_id is None) == (self.client is None):
            raise ValueError("give one of client_id and client")
        if (self.service_id is None) == (self.service_name is None):
            raise ValueError("give one of service_id and service_name")
        if self.ends_at is not None:
            if self.duration_minutes is not None:
                raise ValueError("give one of ends_at and duration_minutes")
            if self.ends_at <= self.starts_at:
                raise ValueError("ends_at lies before starts_at")
        elif self.service_id is None and self.duration_minutes is None:
            raise ValueError("a custom service needs duration_minutes or ends_at")
        return self

    @property
    def duration(self) -> timedelta | None:
        if self.ends_at is not None:
            return self.ends_at - self.starts_at
        return None if self.duration_minutes is None else timedelta(minutes=self.duration_minutes)

    def to_request(self, *, identity: UUID, source: str) -> BookingRequest:
        return BookingRequest(
            **self.details(),
            id=self.id or identity,
            business_id=self.business_id,
            starts_at=self.starts_at,
            source=source,
            service_id=self.service_id,
            service_name=self.service_name,
            client_id=self.client_id,
            client=ClientDetails(**self.client.model_dump()) if self.client else None,
            client_match=self.client_match,
            duration=self.duration,
            resource_ids=tuple(self.resource_ids) if self.resource_ids else None,
            action_name=self.action_name,
            external_id=self.external_id,
            hold_id=self.hold_id,
            override_reason=self.override.reason if self.override else None,
        )


class EditAppointmentIn(ChangeIn):
    notes: LongText | None = None
    internal_notes: LongText | None = None
    action_id: UUID | None = None
    location: LocationIn | None = None
    share_with_client: bool | None = None
    quoted_price: MoneyIn | None = None
    actual_price: MoneyIn | None = None
    resource_ids: ResourceIds | None = None
    client_id: UUID | None = None
    """Whom an open appointment is for in truth. None of a series: it is for whom the series is for."""
    service_id: UUID | None = None
    """Another service brings its own length, unless `duration_minutes` says another."""
    service_name: ShortText | None = None
    """A custom service instead."""
    duration_minutes: Duration | None = None
    notify: Notify = None
    tell_client: TellClient = None
    """Of a correction of `client_id` both are told, the right one and the former one."""
    override: OverrideIn | None = None

    @model_validator(mode="after")
    def _one_service(self) -> "EditAppointmentIn":
        if self.service_id is not None and self.service_name is not None:
            raise ValueError("give one of service_id and service_name")
        return self

    @classmethod
    def clearable(cls) -> frozenset[str]:
        return frozenset({"notes", "internal_notes", "action_id", "quoted_price", "actual_price", "override"})

    @property
    def correction(self) -> Correction:
        return Correction(
            client_id=self.client_id,
            service_id=self.service_id,
            service_name=self.service_name,
            duration=None if self.duration_minutes is None else timedelta(minutes=self.duration_minutes),
        )

    def values(self) -> dict[str, Any]:
        """As the fields of an appointment, without what is checked like a booking."""
        values = self.model_dump(
            include={"notes", "internal_notes", "action_id", "share_with_client"}, exclude_unset=True
        )
        values |= self.location.values() if self.location else {}
        values |= {} if self.notify is None else {"notify_client": self.notify}
        for name in ("quoted", "actual"):
            if f"{name}_price" in self.model_fields_set:
                price: MoneyIn | None = getattr(self, f"{name}_price")
                amount: Decimal | None = price.amount if price else None
                values |= {f"{name}_amount": amount, f"{name}_currency": price.currency if price else None}
        return values


class VerbIn(RequestModel):
    """What a verb may be told."""

    reason: ReasonText | None = None
    notify: Notify = None
    tell_client: TellClient = None
    override: OverrideIn | None = None


class CancelFirstIn(RequestModel):
    """How what is still open is cancelled before it is archived."""

    reason: ReasonText | None = None
    tell_client: TellClient = None


class ArchiveIn(RequestModel):
    cancel: CancelFirstIn | None = None
    """Cancels an appointment that is still open, as the verb would, which needs a reason. Others are archived alone."""


class CompleteIn(RequestModel):
    actual_price: MoneyIn | None = None
    internal_notes: LongText | None = None


class RescheduleIn(RequestModel):
    id: UUID | None = None
    starts_at: InstantIn
    duration_minutes: Duration | None = None
    resource_ids: ResourceIds | None = None
    notify: Notify = None
    """Left out it is true, unless `tell_client` is given: then the appointment keeps what it has."""
    tell_client: TellClient = None
    reason: ReasonText | None = None
    override: OverrideIn | None = None

    @property
    def notifies(self) -> bool | None:
        return self.notify if self.notify is not None or self.tell_client is not None else True


class AssignedResourceOut(ResponseModel):
    id: UUID
    kind: Literal["staff", "room", "equipment", "business"]
    name: str
    seat: int


class OriginOut(ResponseModel):
    kind: OriginKind
    reference_id: str | None
    url: str | None


class LocationOut(ResponseModel):
    kind: LocationKind
    text: str | None
    url: str | None


class AppointmentOut(ResponseModel):
    """The whole appointment after a change; `internal_notes` is for staff and null to everybody else."""

    id: UUID
    organization_id: UUID
    business_id: UUID
    zone: str
    client_id: UUID
    service_id: UUID | None
    service_name: str
    action_id: UUID | None
    action_name: str | None
    starts_at: InstantOut
    ends_at: InstantOut
    duration_minutes: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    resources: list[AssignedResourceOut]
    status: Status
    source: Source
    origin: OriginOut
    location: LocationOut
    notes: str | None
    internal_notes: str | None
    share_with_client: bool
    notify_client: bool
    series_id: UUID | None
    rescheduled_from: UUID | None
    rescheduled_to: UUID | None
    previous_starts_at: InstantOut | None
    reschedule_count: int
    calendar_uid: str
    calendar_sequence: int
    quoted_price: MoneyOut | None
    actual_price: MoneyOut | None
    external_id: str | None
    batch_id: UUID | None
    archived: bool
    cancellation_reason: str | None
    """Why it was cancelled or declined, as somebody typed it."""
    occupies: bool
    created_at: InstantOut
    updated_at: InstantOut
    version: int


def appointment_out(appointment: Appointment, *, staff: bool) -> AppointmentOut:
    """The appointment as this caller may see it."""
    return AppointmentOut.model_validate(_visible(appointment, staff=staff))


def _visible(appointment: Appointment, *, staff: bool) -> Appointment:
    if staff or appointment.internal_notes is None:
        return appointment
    return replace(appointment, internal_notes=None)


class BookedAppointmentOut(AppointmentOut):
    """A new appointment; `client_notes` say what of the client is otherwise than it was given."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    client_notes: list[ClientNoteOut] = Field(default=[])


_BOOKED = writer_of(BookedAppointmentOut, given=("client_notes",))


def booked_json(appointment: Appointment, notes: Sequence[ClientNote], *, staff: bool) -> bytes:
    """The JSON of a BookedAppointmentOut. Every booking pays for it, so no model is built."""
    return _BOOKED(_visible(appointment, staff=staff), client_notes=notes)


class ClientSummaryOut(ResponseModel):
    id: UUID
    name: str
    phone: str | None
    email: str | None


class ListedAppointmentOut(AppointmentOut):
    """An appointment with whom it is for and what can be done with it."""

    client: ClientSummaryOut
    verbs: list[str]


class RescheduledOut(ResponseModel):
    appointment: AppointmentOut
    replaced: AppointmentOut


class CountsOut(ResponseModel):
    total: int
    by_status: dict[str, int]


class TransitionOut(ResponseModel):
    verb: str
    sources: list[str]
    to: str | None
    needs_reason: bool
    only_after_start: bool
    rechecks_slot: bool


class VerbsOut(ResponseModel):
    items: list[TransitionOut]
