"""Times, durations and periods (RFC 5545 §3.3), and instants in a zone."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")
_TIME = re.compile(r"[Tt](\d{2}):?(\d{2})(?::?(\d{2}))?(?:[.,]\d+)?(Z|z)?")
_DURATION = re.compile(
    r"([+-]?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?",
    re.IGNORECASE,
)
_DAY = timedelta(days=1)

OffsetAt = Callable[[datetime], timedelta]
"""A zone's offset at a local time without zone. In a gap, and where clocks show a time twice, the one before."""


class UnreadableValueError(Exception):
    """A value is not what its property takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A local time with its zone's offsets, or a whole day: then `local` is its midnight."""

    local: datetime
    offset_at: OffsetAt
    is_day: bool = False

    @property
    def utc(self) -> datetime:
        return to_utc(self.local, self.offset_at)

    def at(self, local: datetime) -> "Moment":
        """Another time in the same zone."""
        return Moment(local=local, offset_at=self.offset_at, is_day=self.is_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """Days are nominal, by the calendar; the rest is exact (§3.8.5.3)."""

    days: int = 0
    exact: timedelta = timedelta()

    def after(self, start: Moment) -> datetime:
        """The instant at which something that begins at `start` ends."""
        return start.at(start.local + self.days * _DAY).utc + self.exact

    @property
    def is_positive(self) -> bool:
        return self.days * _DAY + self.exact > timedelta()


def utc_offset(_local: datetime) -> timedelta:
    return timedelta()


def to_utc(local: datetime, offset_at: OffsetAt) -> datetime:
    return (local - offset_at(local)).replace(tzinfo=UTC)


def to_local(instant: datetime, offset_at: OffsetAt) -> datetime:
    """The local time of an instant; the inverse of `to_utc`."""
    naive = instant.astimezone(UTC).replace(tzinfo=None)
    for hours in (0, -14, 14):
        local = naive + offset_at(naive + timedelta(hours=hours))
        if local - offset_at(local) == naive:
            return local
    return naive + offset_at(naive)


def parsed_day(value: str) -> date | None:
    """The date that `value` is, None where it is more than a date. Raises UnreadableValueError."""
    local, _, is_day = parsed_local(value)
    return local.date() if is_day else None


def parsed_local(value: str) -> tuple[datetime, bool, bool]:
    """A DATE or DATE-TIME: the local time, whether it is in UTC, whether it is a date only."""
    value = value.strip()
    match = _DATE.match(value)
    if match is None:
        raise UnreadableValueError(value)
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
        if match.end() == len(value):
            return datetime.combine(day, time()), False, True
        clock = _TIME.fullmatch(value, match.end())
        if clock is None:
            raise UnreadableValueError(value)
        # A leap second is the last one of its minute (§3.3.12).
        moment = time(int(clock[1]), int(clock[2]), min(int(clock[3] or 0), 59))
    except ValueError as error:
        raise UnreadableValueError(value) from error
    return datetime.combine(day, moment), clock[4] is not None, False


def parsed_duration(value: str) -> Duration:
    match = _DURATION.fullmatch(value.strip())
    if match is None or not any(match.groups()[1:]):
        raise UnreadableValueError(value)
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    sign = -1 if match[1] == "-" else 1
    try:
        return Duration(
            days=sign * (weeks * 7 + days), exact=sign * timedelta(hours=hours, minutes=minutes, seconds=seconds)
        )
    except OverflowError as error:
        raise UnreadableValueError(value) from error


def parsed_offset(value: str) -> timedelta:
    """A UTC-OFFSET (§3.3.14)."""
    match = re.fullmatch(r"([+-])(\d{2}):?(\d{2})(?::?(\d{2}))?", value.strip())
    if match is None or int(match[2]) > 18:
        raise UnreadableValueError(value)
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]), seconds=int(match[4] or 0))
    return -offset if match[1] == "-" else offset
