# ruff: noqa: RUF009 - `stored` makes a dataclass field, as `field` does
"""An appointment, with every field of it declared once.

Each field says its column's type, whether a verb may change it, and who is shown it. From these declarations follow
the table, the booking statement, the statement that writes changes, history and the messages on Kafka
(`storage/tables/appointments.py`, `storage/booking_statement`, `storage/appointments.py`, `publishers.py`).
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from booking.domain.catalogue import ResourceKind
from booking.domain.changes import Change, Override
from booking.domain.errors import CurrencyMismatchError
from booking.domain.lifecycle import TAKES_TIME, TRANSITIONS, Status, Verb


class Shown(Enum):
    """Where a field's value is shown. The API shows all that are shown anywhere."""

    EVENTS = "events"
    """On the event log, which keeps everything for ever: no personal data, no free text."""
    STATE = "state"
    """On the compacted state topic, where a later record replaces it."""
    API = "api"
    """To the organization's own people alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """How a field is kept. `part_of` names the property that shows it together with others."""

    type: str
    nullable: bool = False
    changes: bool = False
    shown: Shown = Shown.EVENTS
    part_of: str | None = None


def stored(type_: str, *, default: object = MISSING, **more: Any) -> Any:
    """A dataclass field with its declaration."""
    options = {} if default is MISSING else {"default": default}
    return field(metadata={"stored": Stored(type=type_, **more)}, **options)  # type: ignore[call-overload]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedResource:
    """A resource that an appointment takes; `seat` counts from 0 in a group service."""

    id: UUID
    kind: ResourceKind
    name: str
    seat: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """What the appointment belongs to in another system."""

    kind: str
    reference_id: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Location:
    """Where it takes place; of kind `business`, at the business's own address."""

    kind: str
    text: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Money:
    amount: Decimal
    currency: str


def _money(amount: Decimal | None, currency: str | None) -> Money | None:
    return None if amount is None else Money(amount, str(currency))


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentDetails:
    """What is agreed beside time and service. Requests, series and appointments have it in common."""

    action_id: UUID | None = stored("uuid", default=None, nullable=True, changes=True)
    origin_kind: str = stored("text", default="independent", part_of="origin")
    origin_reference_id: str | None = stored("text", default=None, nullable=True, shown=Shown.STATE, part_of="origin")
    origin_url: str | None = stored("text", default=None, nullable=True, shown=Shown.STATE, part_of="origin")
    location_kind: str = stored("text", default="business", changes=True, part_of="location")
    location_text: str | None = stored(
        "text", default=None, nullable=True, changes=True, shown=Shown.STATE, part_of="location"
    )
    location_url: str | None = stored(
        "text", default=None, nullable=True, changes=True, shown=Shown.STATE, part_of="location"
    )
    notes: str | None = stored("text", default=None, nullable=True, changes=True, shown=Shown.API)
    internal_notes: str | None = stored("text", default=None, nullable=True, changes=True, shown=Shown.API)
    share_with_client: bool = stored("boolean", default=True, changes=True)
    notify_client: bool = stored("boolean", default=True, changes=True)
    quoted_amount: Decimal | None = stored("numeric", default=None, nullable=True, changes=True, part_of="quoted_price")
    quoted_currency: str | None = stored("text", default=None, nullable=True, changes=True, part_of="quoted_price")

    @property
    def origin(self) -> Origin:
        return Origin(self.origin_kind, self.origin_reference_id, self.origin_url)

    @property
    def location(self) -> Location:
        return Location(self.location_kind, self.location_text, self.location_url)

    @property
    def quoted_price(self) -> Money | None:
        return _money(self.quoted_amount, self.quoted_currency)

    def details(self) -> dict[str, Any]:
        """The values by name, for another of those that have them in common."""
        return {name: getattr(self, name) for name in DETAILS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment(AppointmentDetails):
    """One appointment with everything known about it. Times are half-open and without buffers."""

    id: UUID = stored("uuid")
    organization_id: UUID = stored("uuid")
    business_id: UUID = stored("uuid")
    zone: str = stored("text")
    client_id: UUID = stored("uuid", changes=True)
    service_id: UUID | None = stored("uuid", nullable=True, changes=True)
    service_name: str = stored("text", changes=True)
    action_name: str | None = stored("text", nullable=True, changes=True)
    starts_at: datetime = stored("timestamptz")
    ends_at: datetime = stored("timestamptz", changes=True)
    buffer_before_minutes: int = stored("integer", changes=True)
    buffer_after_minutes: int = stored("integer", changes=True)
    status: Status = stored("text", changes=True)
    source: str = stored("text")
    series_id: UUID | None = stored("uuid", nullable=True)
    rescheduled_from: UUID | None = stored("uuid", nullable=True)
    rescheduled_to: UUID | None = stored("uuid", nullable=True, changes=True)
    previous_starts_at: datetime | None = stored("timestamptz", nullable=True)
    reschedule_count: int = stored("integer", shown=Shown.API)
    calendar_uid: str = stored("text")
    calendar_sequence: int = stored("integer", changes=True)
    actual_amount: Decimal | None = stored("numeric", nullable=True, changes=True, part_of="actual_price")
    actual_currency: str | None = stored("text", nullable=True, changes=True, part_of="actual_price")
    external_id: str | None = stored("text", nullable=True, shown=Shown.STATE)
    batch_id: UUID | None = stored("uuid", nullable=True)
    archived: bool = stored("boolean", changes=True)
    cancellation_reason: str | None = stored("text", default=None, nullable=True, changes=True, shown=Shown.API)
    """Why it is cancelled or declined; None again once it is open."""
    occupies: bool = stored("boolean", changes=True)
    created_at: datetime = stored("timestamptz")
    updated_at: datetime = stored("timestamptz", changes=True)
    version: int = stored("integer", changes=True)
    resources: tuple[AssignedResource, ...] = ()

    @property
    def actual_price(self) -> Money | None:
        return _money(self.actual_amount, self.actual_currency)

    @property
    def series_calendar_uid(self) -> str | None:
        """The UID of the calendar entry of its series; None where it has one of its own."""
        is_one = self.series_id is not None and self.calendar_uid.startswith(f"{self.series_id}.")
        return f"{self.series_id}@slotstream" if is_one else None

    @property
    def blocked(self) -> tuple[datetime, datetime]:
        """The time its resources are taken, buffers included."""
        return (
            self.starts_at - timedelta(minutes=self.buffer_before_minutes),
            self.ends_at + timedelta(minutes=self.buffer_after_minutes),
        )

    @property
    def duration(self) -> timedelta:
        return self.ends_at - self.starts_at

    @property
    def duration_minutes(self) -> int:
        return int(self.duration.total_seconds()) // 60


DETAILS: Final = tuple(field.name for field in fields(AppointmentDetails))

FIELDS: Final[Mapping[str, Stored]] = {
    field.name: field.metadata["stored"] for field in fields(Appointment) if "stored" in field.metadata
}
"""Every field but the resources, which have a table of their own."""

CHANGEABLE: Final = tuple(name for name, kept in FIELDS.items() if kept.changes)

BOOKKEEPING: Final = frozenset(
    {"updated_at", "version", "occupies", "calendar_sequence", "calendar_uid", "created_at", "cancellation_reason"}
)
"""What every change touches, and the reason, which the change itself has."""


def changed(
    old: Appointment,
    *,
    verb: Verb,
    now: datetime,
    reason: str | None = None,
    override: Override | None = None,
    moves_calendar: bool = False,
    **values: Any,
) -> tuple[Appointment, Change]:
    """The appointment after `verb` with `values`, one version on, and the change on record.

    A change that waited for another's commit is not older than it: versions and times go on together.
    `moves_calendar`: whether calendars are to follow, although they need not follow the verb as such. Raises
    CurrencyMismatchError where the prices would be of two currencies.
    """
    row = TRANSITIONS[verb]
    if row.to in {Status.CANCELLED, Status.SCHEDULED}:
        values["cancellation_reason"] = reason if row.to is Status.CANCELLED else None
    new = replace(
        old,
        **values,
        updated_at=max(now, old.updated_at),
        version=old.version + 1,
        calendar_sequence=old.calendar_sequence + int(row.moves_calendar or moves_calendar),
    )
    quoted, paid = new.quoted_price, new.actual_price
    if quoted and paid and quoted.currency != paid.currency:
        raise CurrencyMismatchError(
            f"The appointment was quoted in {quoted.currency} and cannot be paid in {paid.currency}."
        )
    change = Change(
        verb=verb, fields=differences(old, new), reason=reason, override=override, gives_back=given_back(old, new)
    )
    return new, change


def given_back(old: Appointment, new: Appointment) -> tuple[datetime, datetime] | None:
    """The time that a resource of the appointment is free in after a change, without buffers."""
    if not old.occupies:
        return None
    left = {resource.id for resource in old.resources} - {resource.id for resource in new.resources}
    if left or not new.occupies:
        return old.starts_at, old.ends_at
    return (new.ends_at, old.ends_at) if new.ends_at < old.ends_at else None


def differences(old: Appointment, new: Appointment) -> dict[str, tuple[Any, Any]]:
    """Field by field: (old, new), without the bookkeeping that every change touches.

    What belongs together is told whole: of a price that is lower now, the currency too.
    """
    names = [
        name for name in (*FIELDS, "resources") if name not in BOOKKEEPING and getattr(old, name) != getattr(new, name)
    ]
    wholes = {FIELDS[name].part_of for name in names if name in FIELDS} - {None}
    names += [name for name, kept in FIELDS.items() if kept.part_of in wholes and name not in names]
    return {name: (getattr(old, name), getattr(new, name)) for name in names}


def takes_time(status: Status, *, pending_occupies: bool) -> bool:
    """Whether an appointment of this status occupies its resources."""
    return status in TAKES_TIME or (status is Status.PENDING and pending_occupies)
