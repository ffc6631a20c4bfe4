"""The services behind public pages, over HTTP, with a visitor's own token."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from dashboard.adapters.portal import appointment_of, business_of, slot_days_of
from dashboard.adapters.service_calls import Document, ServiceCalls
from dashboard.domain.portal import PortalAppointment, PortalSlotDay
from dashboard.domain.public import (
    Draft,
    Hold,
    PageVisitor,
    PublicPage,
    PublicService,
    PublicStaff,
    VisitorDetails,
)


class HttpPublicServices(ServiceCalls[PageVisitor]):
    """What visitors see and do."""

    async def page(self, visitor: PageVisitor) -> PublicPage:
        return await self._ask("booking", "GET", "/v1/public/page", visitor, read=_page)

    async def slots(
        self, visitor: PageVisitor, *, service_id: UUID, staff_id: UUID | None, zone: str, first: date, last: date
    ) -> Sequence[PortalSlotDay]:
        """From `first` to the day before `last`."""
        params: dict[str, object] = {
            "service_id": str(service_id),
            "from": first.isoformat(),
            "to": last.isoformat(),
            "zone": zone,
            "detail": "starts",
        }
        if staff_id is not None:
            params["resource_id"] = [str(staff_id)]
        return await self._ask("availability", "GET", "/v1/slots", visitor, read=slot_days_of, params=params)

    async def hold(
        self,
        visitor: PageVisitor,
        *,
        service_id: UUID,
        staff_id: UUID | None,
        starts_at: datetime,
        replaces: UUID | None,
        key: str,
    ) -> Hold:
        body = {
            "service_id": str(service_id),
            "starts_at": starts_at.isoformat(),
            "resource_id": str(staff_id) if staff_id is not None else None,
            "replaces": str(replaces) if replaces is not None else None,
        }
        headers = {"Idempotency-Key": key}
        return await self._ask("booking", "POST", "/v1/public/holds", visitor, read=_hold, body=body, headers=headers)

    async def book(self, visitor: PageVisitor, draft: Draft, details: VisitorDetails, *, asks_approval: bool) -> UUID:
        """The client's id. The draft's id is the appointment's, so that it is booked once, whatever else is sent."""
        body = {
            "id": str(draft.id),
            "service_id": str(draft.service_id),
            "starts_at": draft.starts_at.isoformat(),
            "resource_id": str(draft.staff_id) if draft.staff_id is not None else None,
            "hold_id": str(draft.hold.id) if draft.hold is not None else None,
            "client": asdict(details),
            "asks_approval": asks_approval,
        }
        key = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        headers = {"Idempotency-Key": key}
        return await self._ask(
            "booking", "POST", "/v1/public/appointments", visitor, read=_client_id, body=body, headers=headers
        )

    async def booked(self, visitor: PageVisitor, appointment_id: UUID) -> PortalAppointment:
        path = f"/v1/public/appointments/{appointment_id}"
        return await self._ask("booking", "GET", path, visitor, read=_appointment)


def _page(document: Document) -> PublicPage:
    return PublicPage(
        business=business_of(document["business"]),
        verify_by_code=document["verify_by_code"],
        embed_origins=tuple(document["embed_origins"]),
        services=tuple(_service(service) for service in document["services"]),
    )


def _service(document: Document) -> PublicService:
    price = document["price"]
    return PublicService(
        id=UUID(document["id"]),
        name=document["name"],
        duration_minutes=document["duration_minutes"],
        price=(Decimal(price["amount"]), price["currency"]) if price is not None else None,
        needs_approval=document["needs_approval"],
        staff=tuple(PublicStaff(id=UUID(staff["id"]), name=staff["name"]) for staff in document["staff"]),
    )


def _hold(document: Document) -> Hold:
    return Hold(id=UUID(document["id"]), until=datetime.fromisoformat(document["expires_at"]))


def _client_id(document: Document) -> UUID:
    return UUID(document["client_id"])


def _appointment(document: Document) -> PortalAppointment:
    return appointment_of(document["appointment"])
