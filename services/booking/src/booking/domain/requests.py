"""What somebody asks for, and the bounds of what can be asked."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from booking.domain.errors import InvalidBookingError
from booking.domain.lifecycle import Status
from booking.domain.model import Appointment, AssignedResource, takes_time
from booking.domain.policy import Policy, Wanted

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=365)
FURTHEST = timedelta(days=365 * 20)
"""How far from now, either way, a start can lie: beyond it is a typing mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDetails:
    """A client as the asker knows them: matched by phone, then e-mail, or created."""

    name: str
    phone: str | None = None
    email: str | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRequest:
    """One wish for an appointment, whichever way it came in."""

    id: UUID
    business_id: UUID
    starts_at: datetime
    source: str
    service_id: UUID | None = None
    service_name: str | None = None
    client_id: UUID | None = None
    client: ClientDetails | None = None
    duration: timedelta | None = None
    resource_ids: tuple[UUID, ...] | None = None
    action_id: UUID | None = None
    origin_kind: str = "independent"
    origin_reference_id: str | None = None
    origin_url: str | None = None
    notes: str | None = None
    internal_notes: str | None = None
    share_with_client: bool = True
    notify_client: bool = True
    quoted_amount: Decimal | None = None
    quoted_currency: str | None = None
    external_id: str | None = None
    batch_id: UUID | None = None
    series_id: UUID | None = None
    hold_id: UUID | None = None
    override_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A request resolved against the policy: what is wanted, and the appointment it would become."""

    request: BookingRequest
    wanted: Wanted
    draft: Appointment

    def with_resources(self, resources: tuple[AssignedResource, ...]) -> Appointment:
        return replace(self.draft, resources=resources)


def check_times(*, starts_at: datetime, duration: timedelta | None, now: datetime) -> None:
    """Refuses lengths and dates that no appointment has."""
    if starts_at.microsecond:
        raise InvalidBookingError("time_too_precise", "An appointment starts on a whole second.")
    if duration is not None and duration < SHORTEST:
        raise InvalidBookingError("ends_before_start", "An appointment lasts at least a minute.")
    if duration is not None and duration > LONGEST:
        raise InvalidBookingError("too_long", "An appointment lasts at most a year.")
    if abs(starts_at - now) > FURTHEST:
        raise InvalidBookingError("time_out_of_range", "The start is more than 20 years away.")


def plan_booking(policy: Policy, request: BookingRequest, *, client_id: UUID, now: datetime) -> Plan:
    """The appointment that `request` asks for, without its resources yet."""
    check_times(starts_at=request.starts_at, duration=request.duration, now=now)
    if (request.service_id is None) == (request.service_name is None):
        raise InvalidBookingError("service_ambiguous", "Give one of service_id and service_name.")
    if request.service_id is None and request.duration is None:
        raise InvalidBookingError("duration_required", "A custom service needs its duration_minutes.")
    wanted = policy.wanted(
        business_id=request.business_id,
        service_id=request.service_id,
        starts_at=request.starts_at,
        duration=request.duration,
        resource_ids=request.resource_ids,
    )
    return Plan(request=request, wanted=wanted, draft=_draft(policy, request, wanted, client_id=client_id, now=now))


def _draft(policy: Policy, request: BookingRequest, wanted: Wanted, *, client_id: UUID, now: datetime) -> Appointment:
    service = wanted.service
    action = policy.action(request.action_id) if request.action_id else None
    status = Status.PENDING if service and service.needs_approval else Status.SCHEDULED
    return Appointment(
        id=request.id,
        organization_id=policy.organization_id,
        business_id=wanted.business.id,
        zone=wanted.business.zone,
        client_id=client_id,
        service_id=request.service_id,
        service_name=service.name if service else str(request.service_name),
        action_id=request.action_id,
        action_name=action.name if action else None,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        buffer_before_minutes=int(wanted.rules.buffer_before.total_seconds()) // 60,
        buffer_after_minutes=int(wanted.rules.buffer_after.total_seconds()) // 60,
        status=status,
        source=request.source,
        origin_kind=request.origin_kind,
        origin_reference_id=request.origin_reference_id,
        origin_url=request.origin_url,
        notes=request.notes,
        internal_notes=request.internal_notes,
        share_with_client=request.share_with_client,
        notify_client=request.notify_client,
        series_id=request.series_id,
        rescheduled_from=None,
        rescheduled_to=None,
        previous_starts_at=None,
        reschedule_count=0,
        calendar_uid=f"{request.id}@slotstream",
        calendar_sequence=0,
        quoted_amount=request.quoted_amount or (service.price_amount if service else None),
        quoted_currency=request.quoted_currency or (service.price_currency if service else None),
        actual_amount=None,
        actual_currency=None,
        external_id=request.external_id,
        batch_id=request.batch_id,
        archived=False,
        occupies=takes_time(status, pending_occupies=service.pending_occupies if service else True),
        created_at=now,
        updated_at=now,
        version=1,
    )
