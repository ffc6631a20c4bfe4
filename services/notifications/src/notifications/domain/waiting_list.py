"""What clients on the waiting list are offered, and when they are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from notifications.domain.appointments import Appointment
from notifications.domain.channels import NotificationChannel
from notifications.domain.contacts import CatalogueItem
from notifications.domain.messages import Audience, Draft, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingListEntry:
    """An entry as booking told it last. The offer is the one that is open, or was taken."""

    organization_id: UUID
    id: UUID
    business_id: UUID
    service_id: UUID
    client_id: UUID
    status: str
    offer_id: UUID | None
    offer_starts_at: datetime | None
    offer_ends_at: datetime | None
    offer_expires_at: datetime | None
    version: int

    def offers(self, offer_id: UUID, *, now: datetime) -> bool:
        """Whether this very slot is held for the client still."""
        return (
            self.status == "offered"
            and self.offer_id == offer_id
            and self.offer_expires_at is not None
            and self.offer_expires_at > now
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingListNews:
    """One event of an entry."""

    entry: WaitingListEntry
    time: datetime
    event_id: UUID
    correlation_id: str
    traceparent: str | None = None


def offer_messages(
    news: WaitingListNews, *, newest: WaitingListEntry, channels: Sequence[NotificationChannel], now: datetime
) -> list[Draft]:
    """One on each of `channels`, once for each offer; `newest` is the entry as it is known by now."""
    entry = news.entry
    if entry.status != "offered" or entry.offer_id is None or entry.offer_starts_at is None:
        return []
    return [
        Draft(
            organization_id=entry.organization_id,
            key=f"{Kind.SLOT_OFFERED}:{entry.offer_id}:{channel.name}",
            appointment_id=entry.offer_id,
            appointment_version=entry.version,
            calendar_uid=f"{entry.offer_id}@slotstream",
            starts_at=entry.offer_starts_at,
            client_id=entry.client_id,
            audience=Audience.CLIENT,
            channel=channel.name,
            kind=Kind.SLOT_OFFERED,
            due_at=min(news.time, now),
            reason=None if newest.offers(entry.offer_id, now=now) else "offer_over",
            correlation_id=news.correlation_id,
            causation_id=str(news.event_id),
            traceparent=news.traceparent,
        )
        for channel in channels
    ]


def slot_as_appointment(
    entry: WaitingListEntry, *, business: CatalogueItem | None, service: CatalogueItem | None
) -> Appointment | None:
    """The slot as the appointment that it would become, for what messages tell of it; None without an offer."""
    if entry.offer_id is None or entry.offer_starts_at is None or entry.offer_ends_at is None:
        return None
    return Appointment(
        id=entry.offer_id,
        organization_id=entry.organization_id,
        business_id=entry.business_id,
        zone=(business.zone if business is not None else None) or "UTC",
        client_id=entry.client_id,
        service_id=entry.service_id,
        service_name=service.name if service is not None else "",
        location_kind="business",
        action_name=None,
        starts_at=entry.offer_starts_at,
        ends_at=entry.offer_ends_at,
        status=entry.status,
        source="portal",
        notify_client=True,
        share_with_client=True,
        rescheduled_from=None,
        rescheduled_to=None,
        previous_starts_at=None,
        calendar_uid=f"{entry.offer_id}@slotstream",
        calendar_sequence=0,
        archived=False,
        staff=(),
        created_at=entry.offer_starts_at,
        updated_at=entry.offer_starts_at,
        version=entry.version,
    )
