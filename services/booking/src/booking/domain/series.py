"""Series: appointments that recur by a wall-clock rule, and how their dates follow a change of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from booking.domain.appointments import Appointment, AppointmentDetails
from booking.domain.errors import InvalidBookingError, WorkFailure
from booking.domain.lifecycle import OPEN
from booking.domain.requests import FURTHEST, BookingRequest
from slotstream_scheduling.recurrence import Frequency, Recurrence, occurrences
from slotstream_scheduling.spans import from_epoch, to_epoch
from slotstream_scheduling.wallclock import LocalKind, local_date
from slotstream_servicekit.context import Actor
from slotstream_servicekit.errors import Reason, RefusedError

MAX_DATES = 1_000
"""How many dates one series can have: longer ones go without an end, and are extended as time passes."""

HORIZON_DAYS = 180
"""How far ahead a series without an end is booked."""


class OnConflict(StrEnum):
    """What becomes of a date that cannot be booked: it is left out, everything is, or it is booked all the same."""

    SKIP = "skip"
    FAIL = "fail"
    OVERRIDE = "override"


class Scope(StrEnum):
    THIS = "this"
    FOLLOWING = "following"
    ALL = "all"


class SeriesRefusedError(RefusedError):
    """All or nothing was asked for, and some dates cannot be had: which, and why."""

    def __init__(self, refused: Mapping[date, Sequence[Reason]], *, of: int) -> None:
        super().__init__(tuple(dict.fromkeys(reason for reasons in refused.values() for reason in reasons)))
        self.code = "series_conflicts"
        self.detail = f"{len(refused)} of {of} dates cannot be booked; nothing was changed."
        self.extra = {
            "occurrences": [
                {
                    "occurs_on": on.isoformat(),
                    "reasons": [
                        {"code": reason.code, "detail": reason.detail, "conflicts_with": list(reason.conflicts_with)}
                        for reason in reasons
                    ],
                }
                for on, reasons in sorted(refused.items())
            ]
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Series(AppointmentDetails):
    """One rule and what each of its appointments is like. `first` is naive wall time in `zone`."""

    id: UUID
    organization_id: UUID
    status: str
    business_id: UUID
    zone: str
    client_id: UUID
    service_id: UUID | None
    service_name: str | None
    duration_minutes: int | None
    resource_ids: tuple[UUID, ...] | None
    rule: Recurrence
    first: datetime
    """What the wall reads at the first date; `fold` on the second pass of a repeated hour."""
    on_conflict: OnConflict
    override_reason: str | None
    creator: Actor
    extended_to: date
    """The last local date whose occurrence has been decided."""
    extend_at: datetime | None
    created_at: datetime
    updated_at: datetime
    calendar_uid: str | None = None
    """Of the one entry that calendars have of it; None where each of its dates is one, as in old series."""
    version: int = 1
    last_failure: WorkFailure | None = None
    """Why it was not brought to its horizon the last time that this was tried."""

    @property
    def duration(self) -> timedelta | None:
        return None if self.duration_minutes is None else timedelta(minutes=self.duration_minutes)

    @property
    def told_version(self) -> int | None:
        """The version that the dates made or changed now belong to; None where each date is told by itself."""
        return None if self.calendar_uid is None else self.version

    def request(self, starts_at: datetime, *, identity: UUID, override_reason: str | None) -> BookingRequest:
        """One of its appointments as anybody would ask for it."""
        return BookingRequest(
            **self.details(),
            id=identity,
            business_id=self.business_id,
            starts_at=starts_at,
            source="recurrence",
            service_id=self.service_id,
            service_name=self.service_name,
            client_id=self.client_id,
            duration=self.duration,
            resource_ids=self.resource_ids,
            series_id=self.id,
            series_version=self.told_version,
            override_reason=override_reason,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesDate:
    """One date of the rule and what became of it: booked, forced, or skipped with all the reasons."""

    occurs_on: date
    starts_at: datetime
    clock: LocalKind = LocalKind.EXACT
    """Whether the wall time occurs on that date once, never (it was shifted forward) or twice (as `first` has it)."""
    outcome: str = "skipped"
    appointment_id: UUID | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A date as it stands: with its appointment as it is by now, wherever that was moved to."""

    date: SeriesDate
    appointment: Appointment | None = None

    def is_to_come(self, now: datetime) -> bool:
        """Open and not begun: what has begun or is closed, no change of the series touches."""
        appointment = self.appointment
        return appointment is not None and appointment.status in OPEN and appointment.starts_at > now

    @property
    def is_moved(self) -> bool:
        """Moved by itself, so an exception: a new time of the series does not move it again."""
        return self.appointment is not None and self.appointment.starts_at != self.date.starts_at


class Act(StrEnum):
    KEEP = "kept"
    MOVE = "moved"
    CANCEL = "cancelled"
    BOOK = "booked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a change of the series does to one date."""

    act: Act
    date: SeriesDate
    occurrence: Occurrence | None = None


def whole_rule(rule: Recurrence, first: datetime) -> Recurrence:
    """The rule with everything said that it would take from its first date, so that its anchor can move."""
    if rule.freq is Frequency.WEEKLY:
        return replace(rule, weekdays=rule.weekdays or frozenset({first.weekday()}))
    if rule.nth_weekday is None and rule.month_day is None:
        return replace(rule, month_day=first.day)
    return rule


def ended_by_count(rule: Recurrence, first: datetime, *, zone: str, count: int | None) -> Recurrence:
    """`count` dates, written as the date of the last. Refused where the end is further than anybody plans."""
    furthest = first.date() + FURTHEST
    if count is not None:
        dates = occurrences(rule, first=first, zone=zone, limit=count, not_after=furthest)
        rule = replace(rule, until=dates[-1].on if len(dates) == count else date.max)
    if rule.until is not None and rule.until > furthest:
        raise InvalidBookingError("time_out_of_range", "A series ends within 20 years of its start.")
    return rule


def dates_of(
    rule: Recurrence, first: datetime, *, zone: str, not_before: date | None = None, not_after: date | None = None
) -> tuple[SeriesDate, ...]:
    """The dates of the rule. Refused where there are more than one series can have."""
    dates = occurrences(rule, first=first, zone=zone, limit=MAX_DATES + 1, not_before=not_before, not_after=not_after)
    if len(dates) > MAX_DATES:
        raise InvalidBookingError("too_many_occurrences", f"A series has at most {MAX_DATES} dates until its end.")
    return tuple(
        SeriesDate(occurs_on=occurrence.on, starts_at=from_epoch(occurrence.starts_at), clock=occurrence.kind)
        for occurrence in dates
    )


def horizon(rule: Recurrence, *, zone: str, now: datetime, window_days: int | None) -> date:
    """The last date to book now: the end, or a rolling horizon within the service's booking window."""
    if rule.until is not None:
        return rule.until
    days = HORIZON_DAYS if window_days is None else min(HORIZON_DAYS, window_days)
    return local_date(to_epoch(now), zone) + timedelta(days=days)


def follow(
    before: Sequence[Occurrence],
    target: Sequence[SeriesDate],
    *,
    rule: Recurrence,
    now: datetime,
    duration: timedelta | None = None,
) -> list[Step]:
    """What leads from the dates as they stand to those of a changed rule, in order.

    A date stays with itself, else with the one of its week (or month) that the rule has instead: so a series
    moved from Tuesdays to Wednesdays moves appointments. Dates without a partner are cancelled or booked.
    """
    pairs, gone, new = _paired(before, target, rule)
    steps = [_step(occurrence, to, now=now, duration=duration) for occurrence, to in pairs]
    steps += [
        Step(act=Act.CANCEL if occurrence.is_to_come(now) else Act.KEEP, date=occurrence.date, occurrence=occurrence)
        for occurrence in gone
    ]
    steps += [Step(act=Act.BOOK, date=date_to_book) for date_to_book in new if date_to_book.starts_at > now]
    return sorted(steps, key=lambda step: step.date.occurs_on)


def _paired(
    before: Sequence[Occurrence], target: Sequence[SeriesDate], rule: Recurrence
) -> tuple[list[tuple[Occurrence, SeriesDate]], list[Occurrence], list[SeriesDate]]:
    dates = {date_wanted.occurs_on: date_wanted for date_wanted in target}
    pairs = [
        (occurrence, dates.pop(occurrence.date.occurs_on))
        for occurrence in before
        if occurrence.date.occurs_on in dates
    ]
    same = {id(occurrence) for occurrence, _ in pairs}
    gone: list[Occurrence] = []
    new = list(dates.values())
    for occurrence in (occurrence for occurrence in before if id(occurrence) not in same):
        period = _period(occurrence.date.occurs_on, rule)
        partner = next((candidate for candidate in new if _period(candidate.occurs_on, rule) == period), None)
        if partner is None:
            gone.append(occurrence)
        else:
            new.remove(partner)
            pairs.append((occurrence, partner))
    return pairs, gone, new


def _period(on: date, rule: Recurrence) -> tuple[int, int]:
    return on.isocalendar()[:2] if rule.freq is Frequency.WEEKLY else (on.year, on.month)


def _step(occurrence: Occurrence, to: SeriesDate, *, now: datetime, duration: timedelta | None) -> Step:
    kept = replace(occurrence.date, occurs_on=to.occurs_on)
    if occurrence.appointment is None:
        act = Act.BOOK if to.starts_at > now else Act.KEEP
        return Step(act=act, date=to if act is Act.BOOK else kept, occurrence=occurrence)
    if not occurrence.is_to_come(now):
        return Step(act=Act.KEEP, date=kept, occurrence=occurrence)
    if occurrence.is_moved:
        # Measured against the new time from now on; its own stays.
        return Step(act=Act.KEEP, date=replace(kept, starts_at=to.starts_at, clock=to.clock), occurrence=occurrence)
    lasts = duration is None or occurrence.appointment.duration == duration
    if to.starts_at <= now or (to.starts_at == occurrence.appointment.starts_at and lasts):
        return Step(act=Act.KEEP, date=kept, occurrence=occurrence)
    return Step(act=Act.MOVE, date=replace(to, outcome=occurrence.date.outcome), occurrence=occurrence)


def refused_dates(dates: Iterable[SeriesDate]) -> dict[date, tuple[Reason, ...]]:
    return {refused.occurs_on: refused.reasons for refused in dates if refused.outcome == "skipped"}
