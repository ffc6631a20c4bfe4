"""Series over HTTP."""

from datetime import date, time, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, PlainSerializer, model_validator

from booking.domain.clients import ClientDetails
from booking.domain.series import MAX_DATES, OnConflict, Scope, Series, whole_rule
from booking.schemas.appointments import (
    DetailsIn,
    Duration,
    InlineClientIn,
    LocationIn,
    LocationOut,
    OriginOut,
    OverrideIn,
    ReasonText,
    ResourceIds,
)
from booking.schemas.catalogue import ChangeIn
from booking.schemas.history import WorkFailureOut
from booking.usecases.series import Changed, SeriesChange, SeriesReport
from slotstream_scheduling.recurrence import MAX_INTERVAL, Frequency, NthWeekday, Recurrence, ShortMonths
from slotstream_servicekit.context import Actor
from slotstream_servicekit.http.models import (
    InstantIn,
    InstantOut,
    LongText,
    MoneyIn,
    MoneyOut,
    RequestModel,
    ResponseModel,
    ShortText,
)

Weekday = Annotated[int, Field(ge=0, le=6, strict=True, description="0 is Monday")]
Day = Annotated[date, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]
Clock = Annotated[
    time, Field(examples=["09:30"]), PlainSerializer(lambda clock: clock.isoformat("minutes"), return_type=str)
]
"""A wall time without an offset, in the business's zone."""


class NthWeekdayIn(RequestModel):
    """`nth` 1 to 5 counts from the month's start, -1 is the last."""

    nth: Annotated[int, Field(ge=-1, le=5, strict=True)]
    weekday: Weekday


class RecurrenceIn(RequestModel):
    """A wall-clock rule in the business's zone. `until` is the last date, inclusive; without it and `count`
    there is no end.
    """

    freq: Frequency
    interval: Annotated[int, Field(ge=1, le=MAX_INTERVAL, strict=True)] = 1
    weekdays: Annotated[tuple[Weekday, ...], Field(max_length=7)] = ()
    month_day: Annotated[int, Field(ge=1, le=31, strict=True)] | None = None
    short_months: ShortMonths = ShortMonths.SKIP
    nth_weekday: NthWeekdayIn | None = None
    until: Day | None = None
    count: Annotated[int, Field(ge=1, le=MAX_DATES, strict=True)] | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "RecurrenceIn":
        if self.until is not None and self.count is not None:
            raise ValueError("give one of until and count")
        self.rule()
        return self

    def rule(self) -> Recurrence:
        nth = self.nth_weekday
        return Recurrence(
            freq=self.freq,
            interval=self.interval,
            weekdays=frozenset(self.weekdays),
            month_day=self.month_day,
            short_months=self.short_months,
            nth_weekday=NthWeekday(nth.nth, nth.weekday) if nth else None,
            until=self.until,
        )


class _Conflicts(RequestModel):
    on_conflict: OnConflict = OnConflict.FAIL
    override: OverrideIn | None = None

    @model_validator(mode="after")
    def _an_override_has_a_reason(self) -> "_Conflicts":
        if (self.on_conflict is OnConflict.OVERRIDE) != (self.override is not None):
            raise ValueError("on_conflict 'override' and an override with its reason go together")
        return self


class AddSeriesIn(DetailsIn, _Conflicts):
    id: UUID | None = None
    business_id: UUID
    service_id: UUID | None = None
    service_name: ShortText | None = None
    client_id: UUID | None = None
    client: InlineClientIn | None = None
    starts_at: InstantIn
    duration_minutes: Duration | None = None
    resource_ids: ResourceIds | None = None
    recurrence: RecurrenceIn

    @model_validator(mode="after")
    def _one_of_each(self) -> "AddSeriesIn":
        if (self.client_id is None) == (self.client is None):
            raise ValueError("give one of client_id and client")
        if (self.service_id is None) == (self.service_name is None):
            raise ValueError("give one of service_id and service_name")
        if self.service_id is None and self.duration_minutes is None:
            raise ValueError("a custom service needs duration_minutes")
        return self

    def client_details(self) -> ClientDetails:
        if self.client is None:
            raise ValueError("the client is given by its id")
        return ClientDetails(**self.client.model_dump())

    def to_series(self, *, first: Any, rule: Recurrence, actor: Actor, now: Any, **known: Any) -> Series:
        return Series(
            **self.details(),
            **known,
            status="active",
            business_id=self.business_id,
            service_id=self.service_id,
            service_name=self.service_name,
            duration_minutes=self.duration_minutes,
            resource_ids=tuple(self.resource_ids) if self.resource_ids else None,
            rule=whole_rule(rule, first),
            first=first,
            on_conflict=self.on_conflict,
            override_reason=self.override.reason if self.override else None,
            creator=actor,
            extended_to=first.date(),
            extend_at=None,
            created_at=now,
            updated_at=now,
        )


class ScopeIn(RequestModel):
    scope: Scope
    occurs_on: Day | None = None

    @model_validator(mode="after")
    def _says_which_date(self) -> "ScopeIn":
        if (self.scope is Scope.ALL) == (self.occurs_on is not None):
            raise ValueError("occurs_on says which date 'this' and 'following' mean, and belongs to no other scope")
        return self


_PLAIN_EDITS = {"action_id", "notes", "internal_notes", "share_with_client"}
_EDITS = {*_PLAIN_EDITS, "location", "quoted_price", "resource_ids"}


class ChangeSeriesIn(ScopeIn, _Conflicts, ChangeIn):
    """What is to be different from now on; `starts_at` moves one date only, `local_time` as many as the scope."""

    starts_at: InstantIn | None = None
    local_time: Clock | None = None
    duration_minutes: Duration | None = None
    recurrence: RecurrenceIn | None = None
    resource_ids: ResourceIds | None = None
    action_id: UUID | None = None
    notes: LongText | None = None
    internal_notes: LongText | None = None
    share_with_client: bool | None = None
    location: LocationIn | None = None
    quoted_price: MoneyIn | None = None
    reason: ReasonText | None = None
    notify: bool | None = None

    @classmethod
    def clearable(cls) -> frozenset[str]:
        return frozenset({"occurs_on", "override", "action_id", "notes", "internal_notes", "quoted_price", "reason"})

    @model_validator(mode="after")
    def _fits_its_scope(self) -> "ChangeSeriesIn":
        is_single = self.scope is Scope.THIS
        if self.starts_at is not None and (not is_single or self.local_time is not None):
            raise ValueError("starts_at moves one date; several are moved by local_time")
        if self.recurrence is not None and is_single:
            raise ValueError("one date has no recurrence of its own")
        if self.local_time is not None and (self.local_time.tzinfo or self.local_time.microsecond):
            raise ValueError("a local_time is hours, minutes and seconds without an offset")
        return self

    @property
    def edits(self) -> bool:
        """Whether more is asked than another time."""
        return bool(_EDITS & self.model_fields_set)

    def to_change(self, rule: Recurrence | None) -> SeriesChange:
        values = self.model_dump(include=_PLAIN_EDITS, exclude_unset=True)
        values |= self.location.values() if self.location else {}
        if "quoted_price" in self.model_fields_set:
            price = self.quoted_price
            values |= {
                "quoted_amount": price.amount if price else None,
                "quoted_currency": price.currency if price else None,
            }
        return SeriesChange(
            scope=self.scope,
            occurs_on=self.occurs_on,
            local_time=self.local_time,
            starts_at=self.starts_at,
            duration=timedelta(minutes=self.duration_minutes) if self.duration_minutes else None,
            rule=rule,
            resource_ids=tuple(self.resource_ids) if self.resource_ids else None,
            values=values,
            on_conflict=self.on_conflict,
            override_reason=self.override.reason if self.override else None,
            reason=self.reason,
            notify=self.notify,
        )


class CancelSeriesIn(ScopeIn):
    reason: ReasonText | None = None
    """Needed, but for an erased client's, of whom none is kept."""
    notify: bool | None = None


class RefusalOut(ResponseModel):
    code: str
    detail: str
    conflicts_with: list[str]


class NthWeekdayOut(ResponseModel):
    nth: int
    weekday: int


class RecurrenceOut(ResponseModel):
    freq: Frequency
    interval: int
    weekdays: list[int]
    month_day: int | None
    short_months: ShortMonths
    nth_weekday: NthWeekdayOut | None
    until: date | None


class SeriesOut(ResponseModel):
    """The rule and what each of its appointments is like; `internal_notes` is for staff."""

    id: UUID
    organization_id: UUID
    status: Literal["active", "cancelled"]
    business_id: UUID
    zone: str
    client_id: UUID
    service_id: UUID | None
    service_name: str | None
    duration_minutes: int | None
    resource_ids: list[UUID] | None
    action_id: UUID | None
    origin: OriginOut
    location: LocationOut
    notes: str | None
    internal_notes: str | None
    share_with_client: bool
    notify_client: bool
    quoted_price: MoneyOut | None
    recurrence: RecurrenceOut
    first_on: date
    local_time: Clock
    on_conflict: OnConflict
    extended_to: date
    last_failure: WorkFailureOut | None
    """Why it was not brought to its horizon the last time; null where it was."""
    created_at: InstantOut
    updated_at: InstantOut
    version: int


class OccurrenceOut(ResponseModel):
    """One date: what became of it, and its appointment as it is by now."""

    occurs_on: date
    starts_at: InstantOut
    clock: Literal["exact", "gap", "fold"]
    outcome: Literal["booked", "forced", "skipped"]
    reasons: list[RefusalOut]
    appointment_id: UUID | None
    appointment_starts_at: InstantOut | None
    appointment_status: str | None
    moved_by_itself: bool


class SeriesChangeOut(ResponseModel):
    occurs_on: date
    result: Literal["kept", "edited", "moved", "booked", "forced", "cancelled", "skipped"]
    appointment_id: UUID | None
    reasons: list[RefusalOut]


class SeriesReportOut(SeriesOut):
    """A series with all of its dates; after a change, with what was changed."""

    booked: int
    skipped: int
    forced: int
    occurrences: list[OccurrenceOut]
    changes: list[SeriesChangeOut]


def series_out(series: Series, *, staff: bool) -> dict[str, Any]:
    rule = series.rule
    return {
        **{name: getattr(series, name) for name in SeriesOut.model_fields if hasattr(series, name)},
        "internal_notes": series.internal_notes if staff else None,
        "origin": OriginOut.model_validate(series.origin),
        "location": LocationOut.model_validate(series.location),
        "quoted_price": None if series.quoted_price is None else MoneyOut.model_validate(series.quoted_price),
        "recurrence": RecurrenceOut(
            freq=rule.freq,
            interval=rule.interval,
            weekdays=sorted(rule.weekdays),
            month_day=rule.month_day,
            short_months=rule.short_months,
            nth_weekday=NthWeekdayOut.model_validate(rule.nth_weekday) if rule.nth_weekday else None,
            until=rule.until,
        ),
        "last_failure": WorkFailureOut.model_validate(series.last_failure) if series.last_failure else None,
        "first_on": series.first.date(),
        "local_time": series.first.time(),
    }


def report_out(report: SeriesReport, *, staff: bool) -> SeriesReportOut:
    outcomes = [occurrence.date.outcome for occurrence in report.occurrences]
    return SeriesReportOut(
        **series_out(report.series, staff=staff),
        booked=outcomes.count("booked"),
        skipped=outcomes.count("skipped"),
        forced=outcomes.count("forced"),
        occurrences=[
            OccurrenceOut.model_validate(
                {
                    "occurs_on": occurrence.date.occurs_on,
                    "starts_at": occurrence.date.starts_at,
                    "clock": str(occurrence.date.clock),
                    "outcome": occurrence.date.outcome,
                    "reasons": [RefusalOut.model_validate(reason) for reason in occurrence.date.reasons],
                    "appointment_id": occurrence.appointment.id if occurrence.appointment else None,
                    "appointment_starts_at": occurrence.appointment.starts_at if occurrence.appointment else None,
                    "appointment_status": occurrence.appointment.status if occurrence.appointment else None,
                    "moved_by_itself": occurrence.is_moved,
                }
            )
            for occurrence in report.occurrences
        ],
        changes=[_change_out(change) for change in report.changes],
    )


def _change_out(change: Changed) -> SeriesChangeOut:
    return SeriesChangeOut.model_validate(
        {
            "occurs_on": change.occurs_on,
            "result": change.result,
            "appointment_id": change.appointment_id,
            "reasons": [RefusalOut.model_validate(reason) for reason in change.reasons],
        }
    )
