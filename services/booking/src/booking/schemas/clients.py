"""Clients over HTTP."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from booking.domain.clients import Client, ClientDetails, ClientMatch, ClientNote, ClientRequest, FoundClient
from booking.schemas.catalogue import ChangeIn, Region
from booking.storage.clients import ClientAppointments
from slotstream_servicekit.http.models import InstantOut, RequestModel, ResponseModel, ShortText, ZoneName

Phone = Annotated[str, Field(max_length=40)]
Email = Annotated[str, Field(max_length=254)]
Channel = Literal["email", "sms", "voice", "push"]
MatchIn = Annotated[
    ClientMatch, Field(description="Where the phone or e-mail is a known client's: keep, update, or make a new one")
]


class AddClientIn(RequestModel):
    id: UUID | None = None
    name: ShortText
    phone: Phone | None = None
    email: Email | None = None
    locale: Annotated[str, Field(max_length=35)] | None = None
    zone: ZoneName | None = None
    consent: list[Channel] | None = None
    """The channels that the client agreed to; absent until they have been asked."""
    phone_region: Region | None = None
    """The country that a national phone number is read in; E.164 needs none."""
    client_match: MatchIn = ClientMatch.KEEP

    def to_request(self) -> ClientRequest:
        return ClientRequest(
            details=ClientDetails(
                name=self.name,
                phone=self.phone,
                email=self.email,
                locale=self.locale,
                zone=self.zone,
                consent=None if self.consent is None else tuple(self.consent),
            ),
            region=self.phone_region,
            match=self.client_match,
        )


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
        return frozenset({"phone", "email", "locale", "zone", "consent", "phone_region"})


class MergeClientIn(RequestModel):
    into: UUID


class EraseClientIn(RequestModel):
    """What becomes of open appointments and series that the client still has ahead of them."""

    open_appointments: Literal["refuse", "cancel"] = "refuse"


class ClientOut(ResponseModel):
    id: UUID
    name: str
    phone: str | None
    email: str | None
    locale: str | None
    zone: str | None
    consent: list[Channel] | None
    """Null until somebody has asked the client."""
    merged_into: UUID | None
    """Of a duplicate: the client it stands for."""
    archived: bool
    created_at: InstantOut
    updated_at: InstantOut
    version: int

    @classmethod
    def of(cls, client: Client) -> "ClientOut":
        return cls.model_validate(client, from_attributes=True)


class ClientNoteOut(ResponseModel):
    """What was found otherwise than it was given, and what was done about it."""

    code: Literal["filled_in", "updated", "differs", "belongs_to_another", "unarchived"]
    field: str | None
    given: str | None
    kept: str | None
    detail: str

    @classmethod
    def of(cls, note: ClientNote) -> "ClientNoteOut":
        return cls.model_validate(note, from_attributes=True)


class AddedClientOut(ClientOut):
    """The client as they are now; `client_notes` say what of them is otherwise than it was given."""

    client_notes: list[ClientNoteOut]

    @classmethod
    def of_found(cls, found: FoundClient) -> "AddedClientOut":
        known = ClientOut.of(found.client)
        return cls(**known.model_dump(), client_notes=[ClientNoteOut.of(note) for note in found.notes])


class NearestAppointmentOut(ResponseModel):
    id: UUID
    starts_at: InstantOut
    ends_at: InstantOut
    zone: str
    status: str
    service_name: str
    action_name: str | None


class ClientPageOut(ClientOut):
    """One client with their appointments at a glance; archived ones are left out."""

    appointments: dict[str, int]
    nearest_appointment: NearestAppointmentOut | None

    @classmethod
    def with_appointments(cls, client: Client, theirs: ClientAppointments) -> "ClientPageOut":
        nearest = theirs.nearest
        return cls(
            **ClientOut.of(client).model_dump(),
            appointments=theirs.by_status,
            nearest_appointment=None
            if nearest is None
            else NearestAppointmentOut.model_validate(nearest, from_attributes=True),
        )
