"""VEVENTs: their properties read, small blemishes mended, with a warning for whatever is doubtful or lost."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from calendar_sync.adapters.ics.components import Component, values_of
from calendar_sync.adapters.ics.rules import Rule, TooFrequentError, parsed_rule
from calendar_sync.adapters.ics.text import Line, has_control_characters
from calendar_sync.adapters.ics.values import (
    Duration,
    Moment,
    OffsetAt,
    UnreadableValueError,
    parsed_duration,
    parsed_local,
    utc_offset,
)
from calendar_sync.adapters.ics.zones import Zones

T = TypeVar("T")

Warn = Callable[[str, Line | Component], None]
"""Told a warning's code, and the line or component that it is about."""

MAX_UID_LENGTH: Final = 1_000
_SINGLE: Final = ("UID", "DTSTART", "DTEND", "DURATION", "RECURRENCE-ID")
_ALTERED_BY_EXPORTS: Final = frozenset({"DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE"})
"""Properties that differ from one download of the same event to the next."""
_DAY: Final = timedelta(days=1)


class UnreadableEventError(Exception):
    """What an event says of its time cannot be understood. `code` is the warning's."""

    def __init__(self, code: str = "unreadable_event") -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How long an event lasts: until an instant that DTEND gave its first instance, or for a duration."""

    exact: timedelta | None = None
    nominal: Duration | None = None

    def end_of(self, start: Moment) -> datetime:
        """RFC 5545 §3.8.5.3: with DTEND all instances last exactly as long; in a DURATION days are nominal."""
        if self.nominal is not None:
            return self.nominal.after(start)
        return start.utc + (self.exact or timedelta())


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedDate:
    """An RDATE; `end` where it is a period."""

    start: Moment
    end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One VEVENT, understood."""

    uid: str
    source: Component
    start: Moment
    span: Span
    takes_time: bool
    sequence: int
    rules: Sequence[Rule]
    exclusion_rules: Sequence[Rule]
    added: Sequence[AddedDate]
    excluded: Sequence[Moment]
    recurrence_id: Moment | None
    is_this_and_future: bool

    @property
    def recurs(self) -> bool:
        return bool(self.rules or self.added)


def uid_of(component: Component) -> str:
    """The event's UID; one made of its content where it has none (RFC 2445 §4.6.1). Raises UnreadableEventError."""
    uid = next((line.text for line in values_of(component, "UID")), "")
    if has_control_characters(uid):
        raise UnreadableEventError
    if not uid:
        content = sorted(
            f"{line.name};{sorted(line.parameters.items())}:{line.value}"
            for line in component.lines
            if line.name not in _ALTERED_BY_EXPORTS
        )
        return "content:" + _digest("\n".join(content))
    return uid if len(uid) <= MAX_UID_LENGTH else f"{uid[: MAX_UID_LENGTH // 2]}:{_digest(uid)}"


class EventReader:
    """Reads events of one calendar. Dates are those of `zone`, and so are times without one.

    `floating_zone` is the calendar's own zone: then times without one are its, and not doubtful. Dates stay the
    resource's: a day off is a day where somebody works.
    """

    def __init__(self, *, zones: Zones, zone: OffsetAt, floating_zone: OffsetAt | None, warn: Warn) -> None:
        self._zones = zones
        self._zone = zone
        self._floating_zone = floating_zone
        self._warn = warn

    def read(self, component: Component, uid: str) -> Event:
        """Raises UnreadableEventError where the event's time cannot be understood."""
        if not component.is_closed:
            self._warn("missing_end", component)
        for line in component.malformed:
            self._warn("unreadable_line", line)
        for name in _SINGLE:
            self._warn_of_doubles(values_of(component, name))
        start_line = _first(component, "DTSTART")
        if start_line is None:
            raise UnreadableEventError
        start = self._required(lambda: self.moment(start_line, doubtful=True))
        recurrence_line = next(iter(self._filled(component, "RECURRENCE-ID")), None)
        return Event(
            uid=uid,
            source=component,
            start=start,
            span=self._span(component, start),
            takes_time=self._takes_time(component),
            sequence=self._sequence(component),
            rules=[
                self._required(lambda line=line: self._rule(line, start))  # type: ignore[misc]
                for line in self._filled(component, "RRULE")
            ],
            exclusion_rules=list(
                self._optional(self._filled(component, "EXRULE"), lambda line: [self._rule(line, start)])
            ),
            added=list(self._optional(self._filled(component, "RDATE"), self._added)),
            excluded=list(self._optional(self._filled(component, "EXDATE"), self._moments)),
            recurrence_id=self._required(lambda: self.moment(recurrence_line)) if recurrence_line else None,
            is_this_and_future=recurrence_line is not None
            and recurrence_line.parameters.get("RANGE", "").upper() == "THISANDFUTURE",
        )

    def moment(self, line: Line, value: str | None = None, *, doubtful: bool = False) -> Moment:
        """A DATE or DATE-TIME in its zone. `doubtful` warns where the zone had to be supposed."""
        local, is_utc, is_day = parsed_local(line.value if value is None else value)
        zone_name = line.parameters.get("TZID", "")
        if line.parameters.get("VALUE", "").upper() == "DATE" and not is_day:
            local, is_utc, is_day = local.replace(hour=0, minute=0, second=0), False, True
            self._warn("mended_value", line)
        if is_day:
            return Moment(local=local, offset_at=self._zone, is_day=True)
        if is_utc:
            if zone_name and doubtful:
                # RFC 5545 §3.2.19: TZID must not stand beside a time in UTC, which says all by itself.
                self._warn("zone_beside_utc", line)
            return Moment(local=local, offset_at=utc_offset)
        offset_at = self._zones.find(zone_name) if zone_name else self._floating_zone
        if offset_at is None and doubtful:
            self._warn("unknown_time_zone" if zone_name else "floating_time", line)
        return Moment(local=local, offset_at=offset_at or self._zone)

    def _span(self, component: Component, start: Moment) -> Span:
        end, duration = _first(component, "DTEND"), _first(component, "DURATION")
        if end is not None and end.value.strip():
            return self._span_to(self._required(lambda: self.moment(end)), start)
        if duration is not None and duration.value.strip():
            nominal = self._required(lambda: parsed_duration(duration.value))
            return Span(nominal=nominal)
        return Span(nominal=Duration(days=1 if start.is_day else 0))

    def _span_to(self, end: Moment, start: Moment) -> Span:
        if start.is_day and end.is_day:
            days = (end.local - start.local).days
            # Some exporters give a day its own date as its end.
            return Span(nominal=Duration(days=1 if days == 0 else days))
        return Span(exact=end.utc - start.utc)

    def _takes_time(self, component: Component) -> bool:
        transparency, status = _first(component, "TRANSP"), _first(component, "STATUS")
        return not (
            (transparency is not None and transparency.word == "TRANSPARENT")
            or (status is not None and status.word in ("CANCELLED", "CANCELED"))
        )

    def _sequence(self, component: Component) -> int:
        line = _first(component, "SEQUENCE")
        if line is None:
            return 0
        digits = line.value.strip()
        if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            self._warn("mended_value", line)
            return 0
        return int(digits)

    def _rule(self, line: Line, start: Moment) -> Rule:
        rule = parsed_rule(line.value, start)
        if rule.was_mended:
            self._warn("mended_value", line)
        return rule

    def _moments(self, line: Line) -> Iterator[Moment]:
        for value in line.value.split(","):
            yield self.moment(line, value)

    def _added(self, line: Line) -> Iterator[AddedDate]:
        for value in line.value.split(","):
            begin, is_period, end = value.partition("/")
            start = self.moment(line, begin)
            yield AddedDate(start=start, end=self.end_of_period(line, start, end) if is_period else None)

    def end_of_period(self, line: Line, start: Moment, end: str) -> datetime:
        """The end of a PERIOD, which gives it as a time or as a duration."""
        if end.strip().upper().startswith(("P", "+P", "-P")):
            return parsed_duration(end).after(start)
        return self.moment(line, end).utc

    def _filled(self, component: Component, name: str) -> Sequence[Line]:
        """Those with a value; one without means that there is none."""
        filled = []
        for line in values_of(component, name):
            if line.value.strip(" ,"):
                filled.append(line)
            else:
                self._warn("mended_value", line)
        return filled

    def _required(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except TooFrequentError as error:
            raise UnreadableEventError("rule_too_frequent") from error
        except (UnreadableValueError, OverflowError) as error:
            raise UnreadableEventError from error

    def _optional(self, lines: Sequence[Line], read: "Callable[[Line], Iterator[T] | Sequence[T]]") -> Iterator[T]:
        """What can be read of `lines`; for a line that cannot, a warning."""
        for line in lines:
            try:
                yield from read(line)
            except TooFrequentError:
                self._warn("rule_too_frequent", line)
            except (UnreadableValueError, OverflowError):
                self._warn("unreadable_value", line)

    def _warn_of_doubles(self, lines: Sequence[Line]) -> None:
        for line in lines[1:]:
            if (line.value, line.parameters) != (lines[0].value, lines[0].parameters):
                self._warn("doubled_property", line)


def _first(component: Component, name: str) -> Line | None:
    return next(iter(values_of(component, name)), None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
