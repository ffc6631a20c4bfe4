"""The services behind the portal, over HTTP, with a client's own token."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from dashboard.adapters.service_calls import Document, ServiceCalls
from dashboard.domain.errors import PortalRefusedError
from dashboard.domain.portal import (
    NewBrowser,
    PortalAppointment,
    PortalBrowser,
    PortalBusiness,
    PortalClient,
    PortalOffer,
    PortalPreferences,
    PortalPush,
    PortalSlotDay,
    Visitor,
)


class HttpPortalServices(ServiceCalls[Visitor]):
    """What clients see and do."""

    async def appointments(self, visitor: Visitor) -> tuple[PortalClient, Sequence[PortalAppointment]]:
        return await self._ask("booking", "GET", "/v1/portal/appointments", visitor, read=_all)

    async def appointment(self, visitor: Visitor, appointment_id: UUID) -> tuple[PortalClient, PortalAppointment]:
        return await self._ask("booking", "GET", f"/v1/portal/appointments/{appointment_id}", visitor, read=_one)

    async def contact(self, visitor: Visitor, appointment_id: UUID | None) -> PortalBusiness | None:
        """None where there is no business to name."""
        params = {} if appointment_id is None else {"appointment_id": str(appointment_id)}
        try:
            return await self._ask("booking", "GET", "/v1/portal/contact", visitor, read=business_of, params=params)
        except PortalRefusedError:
            return None

    async def confirm(self, visitor: Visitor, appointment_id: UUID, *, shown: datetime) -> None:
        await self._act(visitor, appointment_id, "confirm", {"shown_starts_at": shown.isoformat()})

    async def cancel(self, visitor: Visitor, appointment_id: UUID, *, shown: datetime, reason: str) -> None:
        await self._act(
            visitor, appointment_id, "cancel", {"shown_starts_at": shown.isoformat(), "reason": reason or None}
        )

    async def move(
        self, visitor: Visitor, appointment_id: UUID, *, shown: datetime, starts_at: datetime, key: str
    ) -> PortalAppointment:
        body = {"shown_starts_at": shown.isoformat(), "starts_at": starts_at.isoformat()}
        headers = {"Idempotency-Key": key}
        _, appointment = await self._act(visitor, appointment_id, "reschedule", body, headers=headers)
        return appointment

    async def slots(
        self, visitor: Visitor, appointment: PortalAppointment, *, zone: str, first: date, last: date
    ) -> Sequence[PortalSlotDay]:
        """From `first` to the day before `last`; the appointment's own time counts as free."""
        subject = (
            {"service_id": str(appointment.service_id)}
            if appointment.service_id is not None
            else {"business_id": str(appointment.business_id)}
        )
        params: dict[str, Any] = {
            **subject,
            "from": first.isoformat(),
            "to": last.isoformat(),
            "zone": zone,
            "duration_minutes": str(appointment.duration_minutes),
            "resource_id": [str(resource_id) for resource_id in appointment.resource_ids],
            "ignore": str(appointment.id),
            "detail": "starts",
        }
        return await self._ask("availability", "GET", "/v1/slots", visitor, read=slot_days_of, params=params)

    async def offer(self, visitor: Visitor, offer_id: UUID) -> tuple[PortalClient, PortalOffer]:
        return await self._ask("booking", "GET", f"/v1/portal/offers/{offer_id}", visitor, read=_offer)

    async def accept_offer(self, visitor: Visitor, offer_id: UUID, *, key: str) -> PortalAppointment:
        path, headers = f"/v1/portal/offers/{offer_id}/accept", {"Idempotency-Key": key}
        _, appointment = await self._ask("booking", "POST", path, visitor, read=_one, body={}, headers=headers)
        return appointment

    async def decline_offer(self, visitor: Visitor, offer_id: UUID, *, leave: bool) -> None:
        path = f"/v1/portal/offers/{offer_id}/decline"
        await self._ask("booking", "POST", path, visitor, read=_nothing, body={"leave": leave})

    async def preferences(self, visitor: Visitor) -> PortalPreferences:
        return await self._ask("notifications", "GET", "/v1/portal/preferences", visitor, read=_preferences)

    async def set_preferences(
        self, visitor: Visitor, opted_out: frozenset[str], *, reminders: bool | None, version: int
    ) -> None:
        await self._ask(
            "notifications",
            "PUT",
            "/v1/portal/preferences",
            visitor,
            read=_preferences,
            # Only where it is told: a service of the former version does not know the name.
            body={"opted_out": sorted(opted_out), **({} if reminders is None else {"reminders": reminders})},
            headers={"If-Match": f'"{version}"'},
        )

    async def unsubscribe_by_one_click(self, visitor: Visitor) -> None:
        path = "/v1/portal/preferences/unsubscribe"
        await self._ask("notifications", "POST", path, visitor, read=_nothing)

    async def push(self, visitor: Visitor) -> PortalPush | None:
        path = "/v1/portal/push-subscriptions"
        try:
            key = await self._ask("notifications", "GET", f"{path}/key", visitor, read=lambda it: str(it["public_key"]))
            browsers = await self._ask("notifications", "GET", path, visitor, read=_browsers)
        except PortalRefusedError:
            return None
        return PortalPush(key=key, browsers=browsers)

    async def subscribe(self, visitor: Visitor, browser: NewBrowser) -> None:
        await self._ask(
            "notifications",
            "POST",
            "/v1/portal/push-subscriptions",
            visitor,
            read=_nothing,
            body={
                "endpoint": browser.endpoint,
                "keys": {"p256dh": browser.p256dh, "auth": browser.auth},
                "device": browser.device,
                # Only where there is one: a service of the former version does not know the name.
                **({"replaces": browser.replaces} if browser.replaces is not None else {}),
            },
        )

    async def unsubscribe(self, visitor: Visitor, browser_id: UUID) -> None:
        path = f"/v1/portal/push-subscriptions/{browser_id}"
        await self._ask("notifications", "DELETE", path, visitor, read=_nothing)

    async def _act(
        self,
        visitor: Visitor,
        appointment_id: UUID,
        verb: str,
        body: Document,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[PortalClient, PortalAppointment]:
        path = f"/v1/portal/appointments/{appointment_id}/{verb}"
        return await self._ask("booking", "POST", path, visitor, read=_one, body=body, headers=headers)


def _all(document: Document) -> tuple[PortalClient, list[PortalAppointment]]:
    return _client(document["client"]), [appointment_of(item) for item in document["items"]]


def _one(document: Document) -> tuple[PortalClient, PortalAppointment]:
    return _client(document["client"]), appointment_of(document["appointment"])


def slot_days_of(document: Document) -> list[PortalSlotDay]:
    return [
        PortalSlotDay(
            day=date.fromisoformat(day["date"]),
            starts=tuple(datetime.fromisoformat(slot["starts_at"]) for slot in day["slots"]),
        )
        for day in document["days"]
    ]


def _preferences(document: Document) -> PortalPreferences:
    return PortalPreferences(
        opted_out=frozenset(document["opted_out"]),
        version=document["version"],
        # A service of the version before does not tell it.
        reminders=document["unsubscribed_at"] is None if "unsubscribed_at" in document else None,
    )


def _offer(document: Document) -> tuple[PortalClient, PortalOffer]:
    return _client(document["client"]), PortalOffer(
        id=UUID(document["id"]),
        business=business_of(document["business"]),
        service_name=document["service_name"],
        starts_at=datetime.fromisoformat(document["starts_at"]),
        ends_at=datetime.fromisoformat(document["ends_at"]),
        expires_at=datetime.fromisoformat(document["expires_at"]),
        status=document["status"],
    )


def _nothing(_document: Document) -> None:
    return None


def _browsers(document: Document) -> tuple[PortalBrowser, ...]:
    return tuple(
        PortalBrowser(id=UUID(item["id"]), service=item["service"], device=item["device"]) for item in document["items"]
    )


def _client(document: Document) -> PortalClient:
    return PortalClient(id=UUID(document["id"]), locale=document["locale"], zone=document["zone"])


def business_of(document: Document) -> PortalBusiness:
    return PortalBusiness(
        name=document["name"],
        zone=document["zone"],
        locale=document["locale"],
        phone=document["phone"],
        address=document["address"],
    )


def appointment_of(document: Document) -> PortalAppointment:
    location = document["location"]
    business = business_of(document["business"])
    place = ", ".join(part for part in (location["text"], location["url"]) if part)
    return PortalAppointment(
        id=UUID(document["id"]),
        business=business,
        business_id=UUID(document["business"]["id"]),
        service_id=UUID(document["service_id"]) if document["service_id"] is not None else None,
        service_name=document["service_name"],
        staff=tuple(document["staff"]),
        resource_ids=tuple(UUID(resource_id) for resource_id in document["resource_ids"]),
        starts_at=datetime.fromisoformat(document["starts_at"]),
        ends_at=datetime.fromisoformat(document["ends_at"]),
        zone=document["zone"],
        duration_minutes=document["duration_minutes"],
        location=(business.address or "") if location["kind"] == "business" else place,
        status=document["status"],
        asks_confirmation=document["asks_confirmation"],
        verbs=frozenset(document["verbs"]),
        calendar_uid=document["calendar_uid"],
        calendar_sequence=document["calendar_sequence"],
        updated_at=datetime.fromisoformat(document["updated_at"]),
        # A booking service of the version before does not tell them.
        series_calendar_uid=document.get("series_calendar_uid"),
        recurs_at=datetime.fromisoformat(recurs_at) if (recurs_at := document.get("recurs_at")) else None,
    )
