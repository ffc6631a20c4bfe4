"""When resources are open: weekly hours, date overrides, absences and holidays.

The rules, in the order in which they are applied:

1. An interval belongs to the local date it starts on; one over midnight runs on into the next date whatever
   that date's own rules say.
2. A date override replaces the weekly hours of its date.
3. A resource without weekly rules follows its business's hours (overrides included, in the business's zone),
   except on the dates of its own overrides. Hours that nobody has set are closed.
4. Absences cut exact times. A resource's are time off, a business's are closures of everybody in it.
5. A holiday cuts the whole local date. A business that opens on it says so by a date override with intervals.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, lru_cache, partial
from typing import Any

from slotstream_scheduling.spans import (
    EMPTY,
    Span,
    Spans,
    clip,
    from_epoch,
    normalize,
    subtract,
    to_epoch,
    to_epoch_up,
)
from slotstream_scheduling.wallclock import DAY_MINUTES, day_span, instant_on, local_date, zone_of

_REMEMBERED_DATES = 1_000


def format_clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def parse_clock(text: str) -> int:
    """Minutes since midnight of `HH:MM`; `24:00` is 1440."""
    hours, _, minutes = text.partition(":")
    if len(hours) != 2 or len(minutes) != 2 or not (hours + minutes).isascii() or not (hours + minutes).isdigit():
        raise ValueError(f"{text!r} is not a wall-clock time HH:MM")
    minute = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or minute > DAY_MINUTES:
        raise ValueError(f"{text!r} is not a wall-clock time HH:MM")
    return minute


@dataclass(frozen=True, slots=True)
class ClockInterval:
    """Wall-clock minutes since midnight, half-open. `ends` at or before `starts` runs over midnight."""

    starts: int
    ends: int

    def __post_init__(self) -> None:
        if not 0 <= self.starts < DAY_MINUTES or not 0 <= self.ends <= DAY_MINUTES:
            raise ValueError("an interval starts between 00:00 and 23:59 and ends between 00:00 and 24:00")

    @classmethod
    def parse(cls, starts: str, ends: str) -> "ClockInterval":
        return cls(parse_clock(starts), parse_clock(ends))

    @property
    def closing(self) -> int:
        """Minutes from the starting date's midnight to the end."""
        return self.ends if self.ends > self.starts else self.ends + DAY_MINUTES


@dataclass(frozen=True, slots=True)
class WeekdayHours:
    """`weekday` 0 is Monday; breaks are the gaps between intervals."""

    weekday: int
    intervals: tuple[ClockInterval, ...]


@dataclass(frozen=True, slots=True)
class DateOverride:
    """Replaces the weekly hours on one date; no intervals means closed."""

    id: str
    on: date
    intervals: tuple[ClockInterval, ...] = ()


@dataclass(frozen=True, slots=True)
class Absence:
    """Time off of a resource or a closure of a business, in epoch seconds, half-open."""

    id: str
    starts_at: int
    ends_at: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Holiday:
    on: date
    name: str


@dataclass(frozen=True)
class Schedule:
    """The whole schedule of one resource or business. `weekly` None is "not set", empty "never open"."""

    zone: str
    weekly: tuple[WeekdayHours, ...] | None = None
    overrides: tuple[DateOverride, ...] = ()
    absences: tuple[Absence, ...] = ()
    holidays: tuple[Holiday, ...] = ()

    def __post_init__(self) -> None:
        zone_of(self.zone)

    @cached_property
    def by_weekday(self) -> tuple[tuple[ClockInterval, ...], ...]:
        days: list[tuple[ClockInterval, ...]] = [()] * 7
        for day in self.weekly or ():
            days[day.weekday] += day.intervals
        return tuple(days)

    @cached_property
    def by_date(self) -> dict[int, tuple[ClockInterval, ...]]:
        """Overrides by the date's ordinal."""
        days: dict[int, tuple[ClockInterval, ...]] = {}
        for override in self.overrides:
            ordinal = override.on.toordinal()
            days[ordinal] = days.get(ordinal, ()) + override.intervals
        return days

    def opened_on(self, ordinal: int) -> tuple[Span, ...]:
        """The hours that start on the local date with this ordinal; kept, since a schedule is asked often."""
        spans = self._opened.get(ordinal)
        if spans is None:
            intervals = self.by_date.get(ordinal)
            if intervals is None:
                intervals = self.by_weekday[(ordinal + 6) % 7]
            at = partial(instant_on, self.zone, ordinal)
            spans = tuple((at(interval.starts), at(interval.closing)) for interval in intervals)
            if len(self._opened) < _REMEMBERED_DATES:
                self._opened[ordinal] = spans
        return spans

    @cached_property
    def _opened(self) -> dict[int, tuple[Span, ...]]:
        return {}

    @cached_property
    def holiday_cuts(self) -> tuple[tuple[Holiday, Span], ...]:
        """The holidays that close, with the time each takes, by date."""
        opened = {override.on for override in self.overrides if override.intervals}
        return tuple(
            (holiday, day_span(self.zone, holiday.on))
            for holiday in sorted(self.holidays, key=lambda holiday: holiday.on)
            if holiday.on not in opened
        )

    @cached_property
    def cuts(self) -> Spans:
        """All time that absences and holidays take away."""
        absent = [(absence.starts_at, absence.ends_at) for absence in self.absences]
        return normalize([*absent, *(span for _, span in self.holiday_cuts)])


def schedule_from_dict(data: Mapping[str, Any]) -> Schedule:
    """A schedule from the JSON form of a `slotstream.schedule.state`: HH:MM times, RFC 3339 instants."""
    weekly = data.get("weekly")
    return Schedule(
        zone=data["zone"],
        weekly=None
        if weekly is None
        else tuple(WeekdayHours(day["weekday"], _intervals(day["intervals"])) for day in weekly),
        overrides=tuple(
            DateOverride(str(item["id"]), date.fromisoformat(item["on"]), _intervals(item.get("intervals", ())))
            for item in data.get("date_overrides", ())
        ),
        absences=tuple(
            Absence(
                str(item["id"]),
                to_epoch(datetime.fromisoformat(item["starts_at"])),
                to_epoch_up(datetime.fromisoformat(item["ends_at"])),
                item.get("reason"),
            )
            for item in data.get("absences", ())
        ),
        holidays=tuple(Holiday(date.fromisoformat(item["on"]), item["name"]) for item in data.get("holidays", ())),
    )


def schedule_to_dict(schedule: Schedule) -> dict[str, Any]:
    """The inverse of `schedule_from_dict`."""
    weekly = schedule.weekly
    return {
        "zone": schedule.zone,
        "weekly": None
        if weekly is None
        else [{"weekday": day.weekday, "intervals": _clock_times(day.intervals)} for day in weekly],
        "date_overrides": [
            {"id": item.id, "on": item.on.isoformat(), "intervals": _clock_times(item.intervals)}
            for item in schedule.overrides
        ],
        "absences": [
            {
                "id": item.id,
                "starts_at": _rfc_3339(item.starts_at),
                "ends_at": _rfc_3339(item.ends_at),
                "reason": item.reason,
            }
            for item in schedule.absences
        ],
        "holidays": [{"on": item.on.isoformat(), "name": item.name} for item in schedule.holidays],
    }


def weekly_hours(days: Mapping[int, Iterable[tuple[str, str]]]) -> tuple[WeekdayHours, ...]:
    """`weekly_hours({0: [("09:00", "12:00"), ("13:00", "17:00")]})`."""
    return tuple(
        WeekdayHours(weekday, tuple(ClockInterval.parse(starts, ends) for starts, ends in intervals))
        for weekday, intervals in sorted(days.items())
    )


def working_spans(schedule: Schedule | None, business: Schedule, start: int, end: int) -> Spans:
    """The hours of a resource in [start, end), before absences, closures and holidays cut them."""
    if start >= end:
        return EMPTY
    if schedule is None:
        spans = _expand(business, start, end, frozenset())
    elif schedule.weekly is None:
        spans = [
            *_expand(business, start, end, schedule.by_date.keys()),
            *_expand(schedule, start, end, frozenset()),
        ]
    else:
        spans = _expand(schedule, start, end, frozenset())
    return clip(normalize(spans), start, end)


def open_spans(schedule: Schedule | None, business: Schedule, start: int, end: int) -> Spans:
    """When a resource of `business` can be booked in [start, end), before anything is booked.

    `schedule` None is a resource without rules of its own; for the business itself pass None as well.
    """
    open_time = subtract(working_spans(schedule, business, start, end), business.cuts)
    return open_time if schedule is None else subtract(open_time, schedule.cuts)


@lru_cache(maxsize=1_024)
def holidays_for(country: str, subdivision: str | None, years: tuple[int, ...]) -> tuple[Holiday, ...]:
    """The public holidays of an ISO 3166 country (and subdivision); `ValueError` where none are known.

    Named in the country's own language, never in the machine's.
    """
    from holidays import country_holidays

    try:
        language = country_holidays(country).default_language
        holidays = country_holidays(country, subdiv=subdivision, years=years, language=language)
    except NotImplementedError as error:
        raise ValueError(str(error)) from error
    return tuple(Holiday(on, name) for on, name in sorted(holidays.items()))


def _expand(schedule: Schedule, start: int, end: int, replaced: Iterable[int]) -> list[Span]:
    zone = schedule.zone
    first = local_date(start, zone).toordinal() - 1  # yesterday's interval may run over midnight
    last = local_date(end, zone).toordinal()
    spans: list[Span] = []
    for ordinal in range(first, last + 1):
        if ordinal not in replaced:
            spans += schedule.opened_on(ordinal)
    return spans


def _intervals(items: Iterable[Mapping[str, str]]) -> tuple[ClockInterval, ...]:
    return tuple(ClockInterval.parse(item["from"], item["to"]) for item in items)


def _clock_times(intervals: Iterable[ClockInterval]) -> list[dict[str, str]]:
    return [{"from": format_clock(item.starts), "to": format_clock(item.ends)} for item in intervals]


def _rfc_3339(second: int) -> str:
    return from_epoch(second).isoformat().replace("+00:00", "Z")
