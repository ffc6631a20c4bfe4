"""Recurrence rules (RFC 5545 §3.3.10): read, and expanded by dateutil in local time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, Literal

from dateutil import rrule

from calendar_sync.adapters.ics.values import Moment, UnreadableValueError, parsed_local, to_local

Frequency = Literal[0, 1, 2, 3, 4, 5]
_FREQUENCIES: Final[dict[str, Frequency]] = {
    "YEARLY": rrule.YEARLY,
    "MONTHLY": rrule.MONTHLY,
    "WEEKLY": rrule.WEEKLY,
    "DAILY": rrule.DAILY,
    "HOURLY": rrule.HOURLY,
    "MINUTELY": rrule.MINUTELY,
}
_PERIODS: Final = {
    rrule.WEEKLY: timedelta(weeks=1),
    rrule.DAILY: timedelta(days=1),
    rrule.HOURLY: timedelta(hours=1),
    rrule.MINUTELY: timedelta(minutes=1),
}
_WEEKDAYS: Final = dict(
    zip(
        ("MO", "TU", "WE", "TH", "FR", "SA", "SU"),
        (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU),
        strict=True,
    )
)
_WEEKDAY: Final = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_LISTS: Final = {
    "BYMONTH": ("bymonth", 1, 12),
    "BYMONTHDAY": ("bymonthday", -31, 31),
    "BYYEARDAY": ("byyearday", -366, 366),
    "BYWEEKNO": ("byweekno", -53, 53),
    "BYSETPOS": ("bysetpos", -366, 366),
    "BYHOUR": ("byhour", 0, 23),
    "BYMINUTE": ("byminute", 0, 59),
    "BYSECOND": ("bysecond", 0, 60),
}
_MAX_NUMBER: Final = 1_000_000


class TooFrequentError(Exception):
    """The rule repeats by the second, or not at all from one instant to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule as its parts. `until` is the last local start; `was_mended` that blanks were taken out of it."""

    frequency: Frequency
    interval: int
    count: int | None
    until: datetime | None
    lists: dict[str, Any]
    was_mended: bool

    def starts(self, first: datetime, *, since: datetime, until: datetime) -> Iterator[datetime]:
        """Local starts from `first` on, those between `since` and `until` among them, in order.

        `first` itself always is one and counts as one (RFC 2445 §4.3.10), whether the rule gives it or not.
        """
        yield first
        left = None if self.count is None else self.count - 1
        for start in self._dates(first, since):
            if start > until or left == 0:
                return
            if start <= first:
                continue
            if left is not None:
                left -= 1
            yield start

    def excluded(self, first: datetime, *, until: datetime) -> Iterator[datetime]:
        """The local starts that the rule of an EXRULE takes away."""
        for number, start in enumerate(self._dates(first, first)):
            if start > until or (self.count is not None and number >= self.count):
                return
            yield start

    def _dates(self, first: datetime, since: datetime) -> rrule.rrule:
        try:
            return rrule.rrule(
                self.frequency,
                dtstart=self._forwarded(first, since),
                interval=self.interval,
                until=self.until,
                **self._complete_lists(first),
            )
        except ValueError as error:
            raise UnreadableValueError("the rule gives nothing") from error

    def _forwarded(self, first: datetime, since: datetime) -> datetime:
        """A later start that gives the same dates after `since`, so that an old series is not counted through."""
        period = _PERIODS.get(self.frequency)
        if period is None or self.count is not None or since <= first:
            return first
        step = period * self.interval
        return first + step * max(0, (since - first) // step - 1)

    def _complete_lists(self, first: datetime) -> dict[str, Any]:
        """What a rule leaves open comes from the first start, whichever start dateutil is given."""
        lists = dict(self.lists)
        days = ("byweekday", "bymonthday", "byyearday", "byeaster")
        # Without this a BYWEEKNO means every day of the week.
        needs_weekday = self.frequency == rrule.WEEKLY or "byweekno" in lists
        if needs_weekday and not any(name in lists for name in days):
            lists["byweekday"] = first.weekday()
        if self.frequency <= rrule.DAILY:
            lists.setdefault("byhour", first.hour)
        if self.frequency <= rrule.HOURLY:
            lists.setdefault("byminute", first.minute)
        lists.setdefault("bysecond", first.second)
        return lists


def parsed_rule(value: str, first: Moment) -> Rule:
    """The rule of an event that begins at `first`. Raises UnreadableValueError or TooFrequentError."""
    compact = re.sub(r"\s", "", value).upper().strip(";")
    parts: dict[str, str] = {}
    for part in compact.split(";"):
        name, separator, content = part.partition("=")
        if not separator or not content:
            raise UnreadableValueError(value)
        parts.setdefault(name, content)
    if parts.get("FREQ") == "SECONDLY":
        raise TooFrequentError
    if parts.get("FREQ") not in _FREQUENCIES or parts.get("RSCALE", "GREGORIAN") != "GREGORIAN":
        raise UnreadableValueError(value)
    interval = _number(parts.get("INTERVAL", "1"))
    if interval == 0:
        raise TooFrequentError
    count = _number(parts["COUNT"]) if "COUNT" in parts else None
    if count == 0:
        raise UnreadableValueError(value)
    return Rule(
        frequency=_FREQUENCIES[parts["FREQ"]],
        interval=interval,
        count=count,
        until=_until(parts["UNTIL"], first) if "UNTIL" in parts else None,
        lists=_lists(parts),
        was_mended=compact != value.strip().upper(),
    )


def _lists(parts: dict[str, str]) -> dict[str, Any]:
    lists: dict[str, Any] = {
        keyword: _numbers(parts[name], lowest, highest)
        for name, (keyword, lowest, highest) in _LISTS.items()
        if name in parts
    }
    if "BYDAY" in parts:
        lists["byweekday"] = [_weekday(day) for day in parts["BYDAY"].split(",") if day]
    if "WKST" in parts:
        lists["wkst"] = _weekday(parts["WKST"]).weekday
    if "bysecond" in lists:
        lists["bysecond"] = [min(second, 59) for second in lists["bysecond"]]
    return lists


def _until(value: str, first: Moment) -> datetime:
    """A date lasts to its end; an instant in UTC is one of the first start's zone; a local time is one already."""
    local, is_utc, is_day = parsed_local(value)
    if is_day or first.is_day:
        return datetime.combine(local.date(), time(23, 59, 59))
    return to_local(local.replace(tzinfo=UTC), first.offset_at) if is_utc else local


def _weekday(value: str) -> Any:
    match = _WEEKDAY.fullmatch(value)
    if match is None:
        raise UnreadableValueError(value)
    weekday = _WEEKDAYS[match[2]]
    number = int(match[1] or 0)
    if abs(number) > 53:
        raise UnreadableValueError(value)
    return weekday(number) if number else weekday


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit()) or int(value[:9]) > _MAX_NUMBER or len(value) > 9:
        raise UnreadableValueError(value)
    return int(value)


def _numbers(value: str, lowest: int, highest: int) -> list[int]:
    try:
        numbers = [int(number) for number in value.split(",") if number]
    except ValueError as error:
        raise UnreadableValueError(value) from error
    if not numbers or any(not lowest <= number <= highest or (number == 0 and lowest < 0) for number in numbers):
        raise UnreadableValueError(value)
    return numbers
