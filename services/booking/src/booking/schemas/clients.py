"""Clients over HTTP."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from booking.schemas.catalogue import ChangeIn, Region
from slotstream_servicekit.http.models import InstantOut, RequestModel, ResponseModel, ShortText, ZoneName

Phone = Annotated[str, Field(max_length=40)]
Email = Annotated[str, Field(max_length=254)]
Channel = Literal["email", "sms", "voice", "push"]


class AddClientIn(RequestModel):
    id: UUID | None = None
    name: ShortText
    phone: Phone | None = None
    email: Email | None = None
    locale: Annotated[str, Field(max_length=35)] | None = None
    zone: ZoneName | None = None
    consent: list[Channel] | None = None
    phone_region: Region | None = None
    """The country that a national phone number is read in; E.164 needs none."""


class ChangeClientIn(ChangeIn):
    name: ShortText | None = None
    phone: Phone | None = None
    email: Email | None = None
    locale: Annotated[str, Field(max_length=35)] | None = None
    zone: ZoneName | None = None
    consent: list[Channel] | None = None
    archived: bool | None = None
    phone_region: Region | None = None

    @classmethod
    def clearable(cls) -> frozenset[str]:
        return frozenset({"phone", "email", "locale", "zone", "phone_region"})


class MergeClientIn(RequestModel):
    into: UUID


class ClientOut(ResponseModel):
    id: UUID
    name: str
    phone: str | None
    email: str | None
    locale: str | None
    zone: str | None
    consent: list[Channel]
    merged_into: UUID | None
    archived: bool
    created_at: InstantOut
    updated_at: InstantOut
    version: int


class NearestAppointmentOut(ResponseModel):
    id: UUID
    starts_at: InstantOut
    ends_at: InstantOut
    zone: str
    status: str
    service_name: str
    action_name: str | None


class ClientPageOut(ClientOut):
    """One client with their appointments at a glance."""

    appointments: dict[str, int]
    nearest_appointment: NearestAppointmentOut | None
