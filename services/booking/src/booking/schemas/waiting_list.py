"""The waiting list over HTTP: to staff and agents, and an offer to its client."""

from typing import Literal
from uuid import UUID

from booking.schemas.history import WorkFailureOut
from booking.schemas.portal import PortalBusinessOut, PortalClientOut
from booking.storage.waiting_list import ListedEntry
from booking.usecases.waiting_list import OwnOffer
from slotstream_servicekit.http.models import InstantIn, InstantOut, RequestModel, ResponseModel

EntryStatusName = Literal["waiting", "offered", "booked", "expired", "withdrawn"]


class JoinWaitingListIn(RequestModel):
    """A client who wants a service, all of it within the window. `resource_id`: with whom alone."""

    id: UUID | None = None
    business_id: UUID
    service_id: UUID
    client_id: UUID
    resource_id: UUID | None = None
    window_from: InstantIn
    window_to: InstantIn


class OfferOut(ResponseModel):
    """A slot that is held for the client. `id` is the hold's, and the appointment's once it is booked."""

    id: UUID
    starts_at: InstantOut
    ends_at: InstantOut
    expires_at: InstantOut


class WaitingListEntryOut(ResponseModel):
    """`offer`: the one that is open, or was taken. `last_failure`: why nothing could be offered the last time."""

    id: UUID
    business_id: UUID
    service_id: UUID
    client_id: UUID
    client_name: str
    client_phone: str | None
    resource_id: UUID | None
    window_from: InstantOut
    window_to: InstantOut
    status: EntryStatusName
    offer: OfferOut | None
    appointment_id: UUID | None
    last_failure: WorkFailureOut | None
    created_at: InstantOut
    updated_at: InstantOut
    version: int


def waiting_list_entry_out(listed: ListedEntry) -> WaitingListEntryOut:
    entry = listed.entry
    return WaitingListEntryOut(
        id=entry.id,
        business_id=entry.business_id,
        service_id=entry.service_id,
        client_id=entry.client_id,
        client_name=listed.client_name,
        client_phone=listed.client_phone,
        resource_id=entry.resource_id,
        window_from=entry.window_from,
        window_to=entry.window_to,
        status=entry.status.value,
        offer=OfferOut.model_validate(entry.offer) if entry.offer is not None else None,
        appointment_id=entry.appointment_id,
        last_failure=WorkFailureOut.model_validate(entry.last_failure) if entry.last_failure is not None else None,
        created_at=entry.created_at,
        updated_at=entry.updated_at,
        version=entry.version,
    )


class DeclineOfferIn(RequestModel):
    """`leave`: the client does not want to wait for another slot either."""

    leave: bool = False


class PortalOfferOut(ResponseModel):
    """`open`: the slot is held until `expires_at`. `booked`: it is the client's. `over`: it went to somebody else."""

    client: PortalClientOut
    business: PortalBusinessOut
    id: UUID
    service_name: str
    starts_at: InstantOut
    ends_at: InstantOut
    expires_at: InstantOut
    status: Literal["open", "booked", "over"]


def portal_offer_out(own: OwnOffer) -> PortalOfferOut:
    is_booked = own.entry.appointment_id is not None
    return PortalOfferOut(
        client=PortalClientOut.model_validate(own.client),
        business=PortalBusinessOut.model_validate(own.business),
        id=own.offer.id,
        service_name=own.service_name,
        starts_at=own.offer.starts_at,
        ends_at=own.offer.ends_at,
        expires_at=own.offer.expires_at,
        status="booked" if is_booked else "open" if own.is_open else "over",
    )
