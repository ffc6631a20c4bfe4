"""What somebody asks for, and the bounds of what can be asked."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from booking.domain.appointments import Appointment, AppointmentDetails, AssignedResource, takes_time
from booking.domain.catalogue import Action
from booking.domain.clients import ClientDetails, ClientMatch
from booking.domain.errors import InvalidBookingError
from booking.domain.lifecycle import Status
from booking.domain.policy import Policy, Wanted

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=365)
_MINUTE = timedelta(minutes=1)
FURTHEST = timedelta(days=365 * 20)
"""How far from now, either way, a start can lie: beyond it is a typing mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRequest(AppointmentDetails):
    """What somebody asks for, whichever way it came in."""

    id: UUID
    business_id: UUID
    starts_at: datetime
    source: str
    service_id: UUID | None = None
    service_name: str | None = None
    client_id: UUID | None = None
    client: ClientDetails | None = None
    client_match: ClientMatch = ClientMatch.KEEP
    duration: timedelta | None = None
    resource_ids: tuple[UUID, ...] | None = None
    action_name: str | None = None
    external_id: str | None = None
    batch_id: UUID | None = None
    series_id: UUID | None = None
    series_version: int | None = None
    """Asked for with its series as a whole: the version of the series that this leads to."""
    hold_id: UUID | None = None
    override_reason: str | None = None
    asks_approval: bool = False
    """Whether it waits for approval although the service demands none."""
    recorded_status: Status | None = None
    """How it ended already, in the records of another product: nothing is judged or taken for it."""

    @property
    def calendar_uid(self) -> str:
        """The UID of a new appointment: see Appointment.series_calendar_uid."""
        own = f"{self.id}@slotstream"
        return own if self.series_version is None else f"{self.series_id}.{own}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A request resolved against the policy: what is wanted, and what the appointment would be like."""

    organization_id: UUID
    request: BookingRequest
    wanted: Wanted
    client_id: UUID
    action: Action | None
    status: Status
    occupies: bool
    now: datetime
    predecessor: Appointment | None = None

    def appointment(self, resources: tuple[AssignedResource, ...]) -> Appointment:
        """The new appointment with these resources. One that replaces another keeps that one's calendar entry."""
        request, wanted, old = self.request, self.wanted, self.predecessor
        service, rules = wanted.service, wanted.rules
        agreed = request.details()
        if request.quoted_amount is None and service:
            agreed |= {"quoted_amount": service.price_amount, "quoted_currency": service.price_currency}
        return Appointment(
            **agreed,
            id=request.id,
            organization_id=self.organization_id,
            business_id=wanted.business.id,
            zone=wanted.business.zone,
            client_id=self.client_id,
            service_id=request.service_id,
            service_name=service.name if service else str(request.service_name),
            action_name=self.action.name if self.action else None,
            starts_at=wanted.starts_at,
            ends_at=wanted.ends_at,
            buffer_before_minutes=rules.buffer_before // _MINUTE,
            buffer_after_minutes=rules.buffer_after // _MINUTE,
            status=self.status,
            source=request.source,
            series_id=request.series_id,
            rescheduled_from=old.id if old else None,
            rescheduled_to=None,
            previous_starts_at=old.starts_at if old else None,
            reschedule_count=old.reschedule_count + 1 if old else 0,
            calendar_uid=old.calendar_uid if old else request.calendar_uid,
            calendar_sequence=old.calendar_sequence + 1 if old else 0,
            actual_amount=None,
            actual_currency=None,
            external_id=request.external_id,
            batch_id=request.batch_id,
            archived=False,
            occupies=self.occupies,
            created_at=self.now,
            updated_at=self.now,
            version=1,
            resources=resources,
        )


def check_times(*, starts_at: datetime, duration: timedelta | None, now: datetime) -> None:
    """Refuses lengths and dates that no appointment has."""
    if starts_at.microsecond:
        raise InvalidBookingError("time_too_precise", "An appointment starts on a whole second.")
    check_duration(duration)
    if abs(starts_at - now) > FURTHEST:
        raise InvalidBookingError("time_out_of_range", "The start is more than 20 years away.")


def check_duration(duration: timedelta | None) -> None:
    """Refuses lengths that no appointment has."""
    if duration is not None and duration < SHORTEST:
        raise InvalidBookingError("ends_before_start", "An appointment lasts at least a minute.")
    if duration is not None and duration > LONGEST:
        raise InvalidBookingError("too_long", "An appointment lasts at most a year.")


def check_recorded(request: BookingRequest, *, now: datetime) -> None:
    """Refuses an appointment that is over already unless an import brings it in, and a future that has happened."""
    if request.recorded_status is None:
        return
    if request.batch_id is None or request.source != "import":
        raise InvalidBookingError("history_not_imported", "Only an import brings in appointments that are over.")
    if request.recorded_status is not Status.CANCELLED and request.starts_at > now:
        raise InvalidBookingError(
            "status_in_the_future", f"An appointment that is still to come cannot be {request.recorded_status}."
        )


def plan_booking(
    policy: Policy, request: BookingRequest, *, client_id: UUID, now: datetime, predecessor: Appointment | None = None
) -> Plan:
    """What `request` asks for; with a `predecessor`, in its place: what was approved needs no approval again, and what
    waits for it goes on waiting.
    """
    check_times(starts_at=request.starts_at, duration=request.duration, now=now)
    check_recorded(request, now=now)
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
    service, recorded = wanted.service, request.recorded_status
    if recorded is not None:
        wanted = replace(wanted, is_recorded=True)
    if predecessor is None:
        is_pending = request.asks_approval or (service is not None and service.needs_approval)
    else:
        is_pending = predecessor.status is Status.PENDING
    status = recorded or (Status.PENDING if is_pending else Status.SCHEDULED)
    return Plan(
        organization_id=policy.organization_id,
        request=request,
        wanted=wanted,
        client_id=client_id,
        action=policy.action(request.action_id) if request.action_id else None,
        status=status,
        occupies=recorded is None
        and takes_time(status, pending_occupies=service.pending_occupies if service else True),
        now=now,
        predecessor=predecessor,
    )
