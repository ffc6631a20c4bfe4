"""From a calendar's text to its busy instances within a window. Pure; run by `child` under hard limits."""

import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from calendar_sync.adapters.ics.components import Component, Components, split, values_of
from calendar_sync.adapters.ics.events import EventReader, UnreadableEventError, uid_of
from calendar_sync.adapters.ics.rules import TooFrequentError
from calendar_sync.adapters.ics.series import Instance, TooManyInstancesError, instances_of
from calendar_sync.adapters.ics.text import Line, content_lines, without_control_characters
from calendar_sync.adapters.ics.values import UnreadableValueError
from calendar_sync.adapters.ics.zones import Zones, iana_zone
from calendar_sync.domain import BusyInstance, Expansion, ReadingFailedError, ReadingWarning, Warnings, Window

MAX_INSTANCES: Final = 20_000
LONGEST_UNCUT: Final = timedelta(days=400)
SECONDS_PER_EVENT: Final = 1.0
SECONDS_FOR_SLOW_EVENTS: Final = 6.0
_SHORTEST_TRIAL: Final = 0.05
_FREE_BUSY_UID: Final = "freebusy"
_ZONES_ASKED_BEYOND: Final = timedelta(days=3_700)


class EventTooSlow(BaseException):
    """One event's rule used up its time."""


def expand(text: bytes, *, zone: str, window: Window, charset: str | None = None) -> Expansion:
    """The instances of `text` that take time within `window`.

    Dates are read in `zone`, an IANA name, and so are times without a zone where the calendar names none (its
    X-WR-TIMEZONE); `charset` is what the server said. Raises ReadingFailedError where the text is no calendar, breaks
    off, or holds more than the limits allow.
    """
    components = split(content_lines(text, charset=charset))
    reader = _Expander(components, zone, window)
    for uid, events in reader.events_by_uid(components.events).items():
        reader.expand(uid, events)
    for event in components.headless:
        reader.lose("", [event], "missing_begin")
    for free_busy in components.free_busy:
        reader.take_free_busy(free_busy)
    for availability in components.availability:
        reader.pass_over(availability, "availability_ignored")
    return reader.result()


class _Expander:
    """Gathers instances and warnings, one UID at a time, so that one bad event spoils no other."""

    def __init__(self, components: Components, zone: str, window: Window) -> None:
        local_zone = iana_zone(zone)
        if local_zone is None:
            raise ReadingFailedError("unknown_zone", "the resource's zone is not known here")
        self._window = window
        self._instances: dict[tuple[str, str], BusyInstance] = {}
        self._warnings = Warnings()
        self._unreadable: set[str] = set()
        self._events = len(components.events) + len(components.headless) + len(components.free_busy)
        self._unread = 0
        self._uid = ""
        self._seconds_left = SECONDS_FOR_SLOW_EVENTS
        until = (window.ends_at + _ZONES_ASKED_BEYOND).replace(tzinfo=None)
        self._zone = local_zone
        self._zones = Zones(components.zones, until=until)
        self._readers: dict[str, EventReader] = {}

    def result(self) -> Expansion:
        return Expansion(
            instances=tuple(self._instances.values()),
            warnings=self._warnings.counts,
            examples=self._warnings.examples,
            unreadable_uids=frozenset(self._unreadable),
            events=self._events,
            unread=self._unread,
        )

    def events_by_uid(self, events: Sequence[Component]) -> dict[str, list[Component]]:
        by_uid: dict[str, list[Component]] = defaultdict(list)
        for event in events:
            try:
                by_uid[uid_of(event)].append(event)
            except UnreadableEventError as error:
                self.lose("", [event], error.code)
        return by_uid

    def expand(self, uid: str, components: Sequence[Component]) -> None:
        self._uid = uid
        began = time.process_time()
        try:
            with _at_most(self._seconds_for_an_event()):
                instances = self._instances_of(uid, components)
        except EventTooSlow:
            self._seconds_left -= time.process_time() - began
            self.lose(uid, components, "rule_too_slow")
        except (TooManyInstancesError, TooFrequentError):
            self.lose(uid, components, "rule_too_frequent")
        except Exception:  # noqa: BLE001 - whatever an event holds, it costs no other event
            self.lose(uid, components, "unreadable_event")
        else:
            for instance in instances:
                self._keep(uid, instance)

    def take_free_busy(self, component: Component) -> None:
        """A VFREEBUSY's busy periods (RFC 5545 §3.8.2.6). They have no identity but their time."""
        self._uid = _FREE_BUSY_UID
        reader = self._reader_of(component)
        for line in component.malformed:
            self._warn("unreadable_line", line)
        for line in values_of(component, "FREEBUSY"):
            if line.parameters.get("FBTYPE", "BUSY").upper() == "FREE":
                continue
            for value in line.value.split(","):
                try:
                    begin, _, end = value.partition("/")
                    start = reader.moment(line, begin)
                    ends_at = reader.end_of_period(line, start, end)
                    instance = Instance(
                        recurrence=f"{start.utc:%Y-%m-%dT%H:%M:%SZ}",
                        starts_at=start.utc,
                        ends_at=ends_at,
                        source=component,
                    )
                except (UnreadableValueError, OverflowError):
                    self._warn("unreadable_value", line)
                else:
                    self._keep(_FREE_BUSY_UID, instance)

    def lose(self, uid: str, components: Sequence[Component], code: str) -> None:
        """Nothing of these becomes busy time, and that is told."""
        self._unread += len(components)
        if uid:
            self._unreadable.add(uid)
        self._uid = uid or self._said_uid(components[0])
        self._warn(code, components[0])

    def pass_over(self, component: Component, code: str) -> None:
        """Tells of a component that takes no time here."""
        self._uid = ""
        self._warn(code, component)

    def _reader_of(self, component: Component) -> EventReader:
        """Each calendar of a text may have a zone of its own for times without one."""
        name = component.calendar.zone
        if name not in self._readers:
            floating = self._zones.find(name) if name else None
            self._readers[name] = EventReader(
                zones=self._zones, zone=self._zone, floating_zone=floating, warn=self._warn
            )
        return self._readers[name]

    def _instances_of(self, uid: str, components: Sequence[Component]) -> Sequence[Instance]:
        """Of what can be read. An event that cannot leaves its UID's earlier busy time as it is."""
        events = []
        for component in components:
            try:
                events.append(self._reader_of(component).read(component, uid))
            except UnreadableEventError as error:
                self.lose(uid, [component], error.code)
        return list(instances_of(events, self._window, self._warn))

    def _keep(self, uid: str, instance: Instance) -> None:
        starts_at, ends_at = instance.starts_at, instance.ends_at
        if ends_at <= starts_at:
            self._warn("no_duration" if ends_at == starts_at else "end_before_start", instance.source)
            return
        if ends_at <= self._window.starts_at or starts_at >= self._window.ends_at:
            return
        if ends_at - starts_at > LONGEST_UNCUT:
            starts_at, ends_at = self._cut(starts_at, ends_at)
        key = (uid, instance.recurrence)
        other = self._instances.get(key)
        if other is not None:
            # Two dates of one identity: what either takes is taken.
            starts_at, ends_at = min(starts_at, other.starts_at), max(ends_at, other.ends_at)
        self._instances[key] = BusyInstance(
            uid=uid, recurrence=instance.recurrence, starts_at=starts_at, ends_at=ends_at
        )
        if len(self._instances) > MAX_INSTANCES:
            raise ReadingFailedError("too_many_events", f"more than {MAX_INSTANCES} instances in the window")

    def _cut(self, starts_at: datetime, ends_at: datetime) -> tuple[datetime, datetime]:
        """To the window's days, which move once a day and not with each reading."""
        midnight = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
        first = self._window.starts_at.replace(**midnight)  # type: ignore[arg-type]
        last = self._window.ends_at.replace(**midnight) + timedelta(days=1)  # type: ignore[arg-type]
        return max(starts_at, first), min(ends_at, last)

    def _said_uid(self, component: Component) -> str:
        return next((line.value for line in values_of(component, "UID")), "")

    def _warn(self, code: str, about: Line | Component) -> None:
        self._warnings.add(ReadingWarning(code=code, line=about.number, uid=without_control_characters(self._uid)))

    def _seconds_for_an_event(self) -> float:
        """Many slow events get less each, so that together they cost no more than their own time."""
        return max(_SHORTEST_TRIAL, min(SECONDS_PER_EVENT, self._seconds_left / 3))


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
