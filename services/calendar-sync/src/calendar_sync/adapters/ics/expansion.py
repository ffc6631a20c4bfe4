"""From a calendar's text to its busy instances within a window. Pure; run by `child` under hard limits."""

import re
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
from recurring_ical_events import CalendarQuery
from recurring_ical_events.adapters.event import EventAdapter
from recurring_ical_events.occurrence import Occurrence
from recurring_ical_events.selection.name import ComponentsWithName

from calendar_sync.domain import BusyInstance, Expansion, ReadingFailedError, Window

MAX_INSTANCES_PER_EVENT = 5_000
MAX_INSTANCES = 20_000
MAX_EVENTS = 50_000
MAX_UID_LENGTH = 1_000
MAX_EVENT_LENGTH = timedelta(days=400)
SECONDS_PER_EVENT = 1.0

_TOO_FREQUENT = re.compile(r"FREQ=(SECONDLY|MINUTELY)|INTERVAL=0+(?![0-9])|BY(SECOND|MINUTE)=[^;]*,", re.IGNORECASE)
_TIMING = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"})
_MARGIN = timedelta(days=2)

Component = Any
"""A parsed component. The library types a property as a union of thirty classes; `errors` tells the good ones."""


class EventTooSlow(BaseException):
    """One event's rule used up its time."""


class _Instance(Occurrence):  # type: ignore[misc]
    """An occurrence that lets its source be asked."""

    @property
    def source(self) -> Component:
        return self._adapter._component  # noqa: SLF001 - the library's adapter keeps it there

    @property
    def original_start(self) -> date | datetime:
        """The start that the rule gave, before `RANGE=THISANDFUTURE` moved it."""
        return self.start - self._adapter.move_recurrences_by  # type: ignore[no-any-return]


def expand(text: bytes, *, zone: str, window: Window) -> Expansion:
    """The instances of `text` that take time within `window`.

    Times without a zone, and dates, are read in `zone`, an IANA name. Raises ReadingFailedError where the
    text is no calendar, breaks off, or holds more than the limits allow.
    """
    events = _events_by_uid(text)
    reader = _Reader(ZoneInfo(zone), window)
    for uid, components in events.items():
        reader.read(uid, components)
    return reader.result()


def _events_by_uid(text: bytes) -> dict[str, list[Component]]:
    if not text.rstrip().upper().endswith(b"END:VCALENDAR"):
        code = "truncated_calendar" if b"BEGIN:VCALENDAR" in text.upper() else "not_a_calendar"
        raise ReadingFailedError(code, "the address does not give a complete calendar")
    try:
        calendars = icalendar.Calendar.from_ical(text, multiple=True)
    except Exception as error:
        raise ReadingFailedError("not_a_calendar", "the calendar cannot be parsed") from error
    events: dict[str, list[Component]] = defaultdict(list)
    count = 0
    for calendar in calendars:
        _refuse_hostile_zones(calendar)
        for component in calendar.walk("VEVENT"):
            count += 1
            if count > MAX_EVENTS:
                raise ReadingFailedError("too_many_events", f"more than {MAX_EVENTS} events")
            events[str(component.get("UID", ""))[:MAX_UID_LENGTH]].append(component)
    return events


def _refuse_hostile_zones(calendar: Component) -> None:
    for part in (part for zone in calendar.walk("VTIMEZONE") for part in zone.subcomponents):
        if any(_TOO_FREQUENT.search(rule) for rule in _rules_of(part)):
            raise ReadingFailedError("hostile_calendar", "a time zone changes its offset absurdly often")


def _rules_of(component: Component) -> list[str]:
    rules = component.get("RRULE", [])
    return [rule.to_ical().decode() for rule in (rules if isinstance(rules, list) else [rules])]


class _Reader:
    """Gathers instances and doubts, one UID at a time, so that one bad event spoils no other."""

    def __init__(self, zone: ZoneInfo, window: Window) -> None:
        self._zone = zone
        self._window = window
        self._instances: dict[tuple[str, str], BusyInstance] = {}
        self._warnings: Counter[str] = Counter()
        self._unreadable: set[str] = set()

    def result(self) -> Expansion:
        return Expansion(
            instances=tuple(self._instances.values()),
            warnings=dict(self._warnings),
            unreadable_uids=frozenset(self._unreadable),
        )

    def read(self, uid: str, components: Sequence[Component]) -> None:
        problem = _problem_of(uid, components)
        if problem is None:
            problem = self._expand(uid, components)
        if problem is not None:
            self._warnings[problem] += 1
            self._unreadable.add(uid)

    def _expand(self, uid: str, components: Sequence[Component]) -> str | None:
        for code in filter(None, map(_doubt_of, components)):
            self._warnings[code] += 1
        try:
            with _at_most(SECONDS_PER_EVENT):
                found = list(islice(self._occurrences(components), MAX_INSTANCES_PER_EVENT + 1))
        except EventTooSlow:
            return "rule_too_slow"
        except Exception:  # noqa: BLE001 - whatever the library trips over, the event is not understood
            return "unreadable_event"
        if len(found) > MAX_INSTANCES_PER_EVENT:
            return "rule_too_frequent"
        for occurrence in found:
            self._keep(uid, occurrence, recurring=_recurs(components))
        return None

    def _occurrences(self, components: Sequence[Component]) -> Iterator[_Instance]:
        calendar = icalendar.Calendar()
        for component in components:
            calendar.add_component(component)
        query = CalendarQuery(calendar, components=[ComponentsWithName("VEVENT", EventAdapter, occurrence=_Instance)])
        start = (self._window.starts_at - _MARGIN).astimezone(self._zone)
        for series in query.series:
            yield from series.between(start, (self._window.ends_at + _MARGIN).astimezone(self._zone))

    def _keep(self, uid: str, occurrence: _Instance, *, recurring: bool) -> None:
        source = occurrence.source
        if _takes_no_time(source):
            return
        starts_at, ends_at = _span_of(occurrence, self._zone)
        if ends_at < starts_at or ends_at - starts_at > MAX_EVENT_LENGTH:
            self._warnings["absurd_length"] += 1
            return
        if starts_at == ends_at or ends_at <= self._window.starts_at or starts_at >= self._window.ends_at:
            return
        recurrence = _recurrence_of(occurrence, self._zone) if recurring else ""
        self._instances[(uid, recurrence)] = BusyInstance(
            uid=uid, recurrence=recurrence, starts_at=starts_at, ends_at=ends_at
        )
        if len(self._instances) > MAX_INSTANCES:
            raise ReadingFailedError("too_many_events", f"more than {MAX_INSTANCES} instances in the window")


def _problem_of(uid: str, components: Sequence[Component]) -> str | None:
    """Why an event is not even tried."""
    if not uid or any("DTSTART" not in component for component in components):
        return "unreadable_event"
    if any(name in _TIMING for component in components for name, _ in component.errors):
        return "unreadable_event"
    if any(_TOO_FREQUENT.search(rule) for component in components for rule in _rules_of(component)):
        return "rule_too_frequent"
    return None


def _doubt_of(component: Component) -> str | None:
    start = component["DTSTART"]
    if not isinstance(start.dt, datetime) or start.dt.tzinfo is not None:
        return None
    return "unknown_time_zone" if "TZID" in start.params else "floating_time"


def _recurs(components: Sequence[Component]) -> bool:
    return any(name in component for component in components for name in ("RRULE", "RDATE", "RECURRENCE-ID"))


def _takes_no_time(component: Component) -> bool:
    return (
        str(component.get("TRANSP", "OPAQUE")).upper() == "TRANSPARENT"
        or str(component.get("STATUS", "")).upper() == "CANCELLED"
    )


def _span_of(occurrence: _Instance, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instance's exact span in UTC.

    RFC 5545 §3.8.5.3: with DTEND every instance lasts as long as the first one exactly; with DURATION days
    are nominal and only the rest is exact. Dates are whole days of `zone`.
    """
    source = occurrence.source
    start = _zoned(occurrence.start, zone)
    if not isinstance(occurrence.start, datetime):
        return start.astimezone(UTC), _zoned(occurrence.end, zone).astimezone(UTC)
    if "DTEND" in source and _is_exact(source):
        exact = _utc(source["DTEND"].dt, zone) - _utc(source["DTSTART"].dt, zone)
        nominal = _zoned(source["DTEND"].dt, zone).replace(tzinfo=None) - _zoned(source["DTSTART"].dt, zone).replace(
            tzinfo=None
        )
        if occurrence.end - occurrence.start in (exact, nominal):
            return start.astimezone(UTC), start.astimezone(UTC) + exact
    lasts = occurrence.end - occurrence.start
    days = timedelta(days=lasts.days)
    return start.astimezone(UTC), (start + days).astimezone(UTC) + (lasts - days)


def _is_exact(source: Component) -> bool:
    return isinstance(source["DTEND"].dt, datetime) and isinstance(source["DTSTART"].dt, datetime)


def _recurrence_of(occurrence: _Instance, zone: ZoneInfo) -> str:
    """The instance's RECURRENCE-ID: an ISO date, or an instant in UTC."""
    given = occurrence.source.get("RECURRENCE-ID")
    moves = occurrence.source.get("RECURRENCE-ID") is not None and not _is_this_and_future(occurrence.source)
    original = given.dt if moves and given is not None else occurrence.original_start
    if not isinstance(original, datetime):
        return original.isoformat()
    return _utc(original, zone).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_this_and_future(source: Component) -> bool:
    return bool(source["RECURRENCE-ID"].params.get("RANGE") == "THISANDFUTURE")


def _zoned(value: Any, zone: ZoneInfo) -> datetime:
    moment: datetime = value if isinstance(value, datetime) else datetime.combine(value, time())
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment


def _utc(value: Any, zone: ZoneInfo) -> datetime:
    return _zoned(value, zone).astimezone(UTC)


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Interrupts the block after `seconds` of its own work, so that a busy machine makes no rule slow.

    Only in a main thread, which the child process's is.
    """

    def interrupt(*_: object) -> None:
        raise EventTooSlow

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGVTALRM, interrupt)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
