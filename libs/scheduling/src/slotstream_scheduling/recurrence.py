"""Recurrence as wall-clock rules, expanded per date in a zone.

A subset of RFC 5545's RRULE, with one addition: a day of month that a short month lacks is skipped (as in the
RFC) or moved to the month's last day, as the creator chooses. Weeks start on Monday. A wall time in a DST gap
is shifted forward by the gap, one in a fold takes its first pass (RFC 5545 §3.3.5); two occurrences that a
skipped date throws onto the same instant count once.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, date, datetime
from enum import StrEnum
from itertools import count
from typing import TypeAlias

from slotstream_scheduling.wallclock import LocalKind, resolve, zone_of

MAX_OCCURRENCES = 10_000
MAX_INTERVAL = 1_000


class Frequency(StrEnum):
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"


class ShortMonths(StrEnum):
    """What happens to the 31st in a month of 30 days, or to the 29th of February in a common year."""

    SKIP = "skip"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class NthWeekday:
    """`nth` 1 to 5 counts from the month's start, -1 is the last; `weekday` 0 is Monday.

    A month without a fifth one is skipped.
    """

    nth: int
    weekday: int

    def __post_init__(self) -> None:
        if self.nth not in {-1, 1, 2, 3, 4, 5} or not 0 <= self.weekday <= 6:
            raise ValueError("the nth weekday is 1 to 5 or -1, of weekdays 0 to 6")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """`until` is the last local date, inclusive; None is open-ended.

    `weekdays` belongs to weekly rules and defaults to the start's own; `month_day` or `nth_weekday` to
    monthly and yearly ones and default to the start's day of month. Yearly rules keep the start's month.
    """

    freq: Frequency
    interval: int = 1
    weekdays: frozenset[int] = frozenset()
    month_day: int | None = None
    short_months: ShortMonths = ShortMonths.SKIP
    nth_weekday: NthWeekday | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.interval <= MAX_INTERVAL:
            raise ValueError(f"an interval lies between 1 and {MAX_INTERVAL}")
        if any(not 0 <= weekday <= 6 for weekday in self.weekdays):
            raise ValueError("weekdays lie between 0 (Monday) and 6")
        if self.month_day is not None and not 1 <= self.month_day <= 31:
            raise ValueError("a day of month lies between 1 and 31")
        weekly = self.freq is Frequency.WEEKLY
        if weekly and (self.month_day is not None or self.nth_weekday is not None):
            raise ValueError("a weekly rule has weekdays, not days of the month")
        if not weekly and self.weekdays:
            raise ValueError("weekdays belong to weekly rules")
        if self.month_day is not None and self.nth_weekday is not None:
            raise ValueError("a day of month or the nth weekday, not both")


@dataclass(frozen=True, slots=True)
class Occurrence:
    """`local` is what the rule says, `starts_at` the instant in epoch seconds, `kind` how the two relate."""

    on: date
    local: datetime
    starts_at: int
    kind: LocalKind


Month: TypeAlias = tuple[int, int]


def occurrences(
    rule: Recurrence,
    *,
    first: datetime,
    zone: str,
    limit: int,
    not_before: date | None = None,
    not_after: date | None = None,
) -> tuple[Occurrence, ...]:
    """The occurrences whose local dates lie in [not_before, not_after], at most `limit`, ascending.

    `first` is the naive wall time of the first possible occurrence: a date that does not match the rule is not one.
    With `fold` set, occurrences in a repeated hour take its second pass. An open-ended rule is bounded by `limit` and
    `not_after`; `not_before` resumes a series, so the rolling horizon of one is the days between the last expansion's
    end and the new one's.
    """
    if not 1 <= limit <= MAX_OCCURRENCES:
        raise ValueError(f"a limit lies between 1 and {MAX_OCCURRENCES}")
    zone_of(zone)
    found: list[Occurrence] = []
    last_date = min(one for one in (rule.until, not_after, date.max) if one is not None)
    for on in _dates(rule, first.date(), last_date):
        if not_before is not None and on < not_before:
            continue
        local = datetime.combine(on, first.time())
        read = resolve(local, zone)
        starts_at = read.second if first.fold else read.first
        if found and starts_at <= found[-1].starts_at:
            continue
        found.append(Occurrence(on, local, starts_at, read.kind))
        if len(found) == limit:
            break
    return tuple(found)


def matches(rule: Recurrence, *, first: date, on: date) -> bool:
    """Whether the rule has an occurrence on the local date."""
    return on in set(_dates(rule, first, on))


def _dates(rule: Recurrence, first: date, last: date) -> Iterator[date]:
    """The rule's dates in [first, last]; ends by itself."""
    found = _weekly(rule, first, last) if rule.freq is Frequency.WEEKLY else _by_month(rule, first, last)
    return (on for on in found if first <= on <= last)


def _weekly(rule: Recurrence, first: date, last: date) -> Iterator[date]:
    weekdays = sorted(rule.weekdays or {first.weekday()})
    monday = first.toordinal() - first.weekday()
    for week in range(monday, last.toordinal() + 1, 7 * rule.interval):
        for weekday in weekdays:
            if 1 <= week + weekday <= last.toordinal():
                yield date.fromordinal(week + weekday)


def _by_month(rule: Recurrence, first: date, last: date) -> Iterator[date]:
    step = rule.interval * (12 if rule.freq is Frequency.YEARLY else 1)
    start = first.year * 12 + first.month - 1
    for month in count(start, step):
        year, zero_based = divmod(month, 12)
        if year > MAXYEAR or (year, zero_based + 1) > (last.year, last.month):
            return
        if on := _day_in((year, zero_based + 1), rule, first.day):
            yield on


def _day_in(month: Month, rule: Recurrence, default_day: int) -> date | None:
    first_weekday, days = monthrange(*month)
    if rule.nth_weekday is not None:
        day = 1 + (rule.nth_weekday.weekday - first_weekday) % 7
        if rule.nth_weekday.nth == -1:
            day += 7 * ((days - day) // 7)
        else:
            day += 7 * (rule.nth_weekday.nth - 1)
        return date(*month, day) if day <= days else None
    day = rule.month_day or default_day
    if day > days:
        return date(*month, days) if rule.short_months is ShortMonths.LAST else None
    return date(*month, day)
