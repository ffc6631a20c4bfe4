"""A calendar's text taken apart into the components that say when somebody is busy; nothing else is looked at."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from calendar_sync.adapters.ics.text import Line
from calendar_sync.domain import ReadingFailedError

MAX_EVENTS = 50_000
MAX_DEPTH = 50
"""Deeper parts are taken for a piece of the one that they lie in; no calendar nests more than three."""

_KEPT = frozenset({"VEVENT", "VFREEBUSY", "VTIMEZONE", "VAVAILABILITY"})


@dataclass(slots=True, kw_only=True)
class Calendar:
    """What a VCALENDAR says of all its components. `zone` is its X-WR-TIMEZONE, as most exporters write it."""

    zone: str = ""


@dataclass(slots=True, kw_only=True)
class Component:
    """The properties of a component, and its parts (a VTIMEZONE's observances).

    `is_closed` False: its END is missing, and something else began or the calendar ended.
    """

    name: str
    number: int
    calendar: Calendar
    lines: list[Line] = field(default_factory=list)
    malformed: list[Line] = field(default_factory=list)
    parts: list["Component"] = field(default_factory=list)
    is_closed: bool = False


@dataclass(slots=True, kw_only=True)
class Components:
    """What a text holds. Zones are shared by all its calendars.

    `headless` are events of which only the END was found: nobody knows which lines were theirs. `availability` are
    working hours (VAVAILABILITY, RFC 7953): outside them somebody may be busy, but which of it is meant nobody knows.
    """

    events: list[Component] = field(default_factory=list)
    free_busy: list[Component] = field(default_factory=list)
    zones: list[Component] = field(default_factory=list)
    headless: list[Component] = field(default_factory=list)
    availability: list[Component] = field(default_factory=list)

    def add(self, component: Component) -> None:
        match component.name:
            case "VEVENT":
                self.events.append(component)
            case "VFREEBUSY":
                self.free_busy.append(component)
            case "VTIMEZONE":
                self.zones.append(component)
            case "VAVAILABILITY":
                self.availability.append(component)
        if len(self.events) > MAX_EVENTS:
            raise ReadingFailedError("too_many_events", f"more than {MAX_EVENTS} events")


def split(lines: Iterable[Line]) -> Components:
    """Raises ReadingFailedError where the text is no calendar, or breaks off before the calendar's end."""
    splitter = _Splitter()
    for line in lines:
        splitter.take(line)
    return splitter.finish()


class _Splitter:
    """Follows BEGIN and END, whatever lies between. A component whose END is missing ends where the next begins."""

    def __init__(self) -> None:
        self._components = Components()
        self._open: list[Component] = []
        self._calendar = Calendar()
        self._calendars = 0
        self._is_complete = False

    def take(self, line: Line) -> None:
        match line.name:
            case "BEGIN":
                self._begin(line.word, line.number)
            case "END":
                self._end(line.word, line.number)
            case "X-WR-TIMEZONE" if not self._open:
                self._calendar.zone = self._calendar.zone or line.text
            case _:
                if self._open:
                    component = self._open[-1]
                    (component.malformed if line.is_malformed else component.lines).append(line)

    def finish(self) -> Components:
        if not self._calendars:
            raise ReadingFailedError("not_a_calendar", "the address does not give a calendar")
        if not self._is_complete:
            raise ReadingFailedError("truncated_calendar", "the calendar breaks off before its end")
        return self._components

    def _begin(self, name: str, number: int) -> None:
        if name == "VCALENDAR":
            self._close_all()
            self._calendar = Calendar()
            self._calendars += 1
            self._is_complete = False
            return
        if name in _KEPT:
            # None of these lies within another: what is open has lost its END.
            self._close_all()
        if len(self._open) < MAX_DEPTH:
            self._open.append(Component(name=name, number=number, calendar=self._calendar))

    def _end(self, name: str, number: int) -> None:
        if name == "VCALENDAR":
            self._close_all()
            self._is_complete = True
            return
        if not any(component.name == name for component in self._open):
            if name == "VEVENT":
                self._components.headless.append(Component(name=name, number=number, calendar=self._calendar))
            return
        while self._open:
            component = self._open.pop()
            component.is_closed = component.name == name
            self._put_away(component)
            if component.is_closed:
                return

    def _close_all(self) -> None:
        while self._open:
            self._put_away(self._open.pop())

    def _put_away(self, component: Component) -> None:
        if component.name in _KEPT:
            self._components.add(component)
        elif self._open and self._open[-1].name == "VTIMEZONE":
            self._open[-1].parts.append(component)


def values_of(component: Component, name: str) -> Sequence[Line]:
    return [line for line in component.lines if line.name == name]
