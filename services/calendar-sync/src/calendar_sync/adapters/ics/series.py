"""The events of one UID as instances: rules expanded, exclusions taken out, changed dates put in their place."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from calendar_sync.adapters.ics.components import Component
from calendar_sync.adapters.ics.events import Event, Warn
from calendar_sync.adapters.ics.values import Moment, to_local
from calendar_sync.domain import Window

MAX_INSTANCES_PER_EVENT: Final = 5_000
_MARGIN: Final = timedelta(days=2)
_LONGEST_LOOKBACK: Final = timedelta(days=3_700)


class TooManyInstancesError(Exception):
    """A rule gives more instances within the window than anybody's calendar holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One instance, whether it lies in the window or not. `recurrence` as in BusyInstance."""

    recurrence: str
    starts_at: datetime
    ends_at: datetime
    source: Component


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """A start that the series has; `end` where the date itself tells it."""

    moment: Moment
    end: datetime | None = None


def instances_of(events: Sequence[Event], window: Window, warn: Warn) -> Iterator[Instance]:
    """The instances of the events that share one UID and take time, near the window.

    Events without RECURRENCE-ID are series or single events of their own, several of them included; of those with one
    each stands for the instance that it names.
    """
    masters = _newest_revisions([event for event in events if event.recurrence_id is None], warn)
    changes = _Changes([event for event in events if event.recurrence_id is not None])
    recurs = bool(changes) or len(masters) > 1
    for master in masters:
        yield from _instances_of_master(master, changes, window, named_by_start=recurs or master.recurs)
    yield from changes.unclaimed()


def _newest_revisions(masters: Sequence[Event], warn: Warn) -> Sequence[Event]:
    """All, unless SEQUENCE tells that one replaced another."""
    newest = max((master.sequence for master in masters), default=0)
    kept = [master for master in masters if master.sequence == newest]
    for master in masters:
        if master.sequence != newest:
            warn("older_revision", master.source)
    for master in kept[1:]:
        warn("duplicate_uid", master.source)
    return kept


def _instances_of_master(
    master: Event, changes: "_Changes", window: Window, *, named_by_start: bool
) -> Iterator[Instance]:
    count = 0
    for start in _starts(master, window):
        count += 1
        if count > MAX_INSTANCES_PER_EVENT:
            raise TooManyInstancesError
        changed = changes.for_start(start.moment)
        if changed is not None:
            yield from changed
            continue
        if not master.takes_time:
            continue
        yield Instance(
            recurrence=_recurrence_of(start.moment) if named_by_start else "",
            starts_at=start.moment.utc,
            ends_at=start.end or master.span.end_of(start.moment),
            source=master.source,
        )


def _starts(master: Event, window: Window) -> Iterator[_Start]:
    """Starts near the window, each once."""
    zone = master.start.offset_at
    lasts = min(max(master.span.end_of(master.start) - master.start.utc, timedelta()), _LONGEST_LOOKBACK)
    since = to_local(window.starts_at - lasts - _MARGIN, zone)
    until = to_local(window.ends_at + _MARGIN, zone)
    is_excluded = _exclusions(master, until)
    seen: set[datetime] = set()
    for start in _all_starts(master, since, until):
        key = start.moment.local if start.moment.is_day else start.moment.utc.replace(tzinfo=None)
        if key in seen or is_excluded(start.moment):
            continue
        seen.add(key)
        yield start


def _all_starts(master: Event, since: datetime, until: datetime) -> Iterator[_Start]:
    if not master.rules:
        yield _Start(moment=master.start)
    for rule in master.rules:
        for local in rule.starts(master.start.local, since=since, until=until):
            if local >= since:
                yield _Start(moment=master.start.at(local))
    for added in master.added:
        yield _Start(moment=added.start, end=added.end)


def _exclusions(master: Event, until: datetime) -> Callable[[Moment], bool]:
    instants = {moment.utc for moment in master.excluded if not moment.is_day}
    days = {moment.local.date() for moment in master.excluded if moment.is_day or master.start.is_day}
    local = {start for rule in master.exclusion_rules for start in rule.excluded(master.start.local, until=until)}

    def is_excluded(moment: Moment) -> bool:
        return moment.utc in instants or moment.local.date() in days or moment.local in local

    return is_excluded


class _Changes:
    """Events with a RECURRENCE-ID, by the instance that they stand for. The highest SEQUENCE counts, then the last."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._by_instant: dict[datetime, Event] = {}
        self._by_day: dict[date, Event] = {}
        self._future: list[Event] = []
        self._claimed: set[int] = set()
        for event in sorted(events, key=lambda event: event.sequence):
            assert event.recurrence_id is not None  # noqa: S101 - the caller's choice
            if event.is_this_and_future:
                self._future.append(event)
            if event.recurrence_id.is_day:
                self._by_day[event.recurrence_id.local.date()] = event
            else:
                self._by_instant[event.recurrence_id.utc] = event
        self._future.sort(key=lambda event: _named(event).utc)

    def __bool__(self) -> bool:
        return bool(self._by_instant or self._by_day)

    def for_start(self, start: Moment) -> Sequence[Instance] | None:
        """What replaces the instance that starts at `start`, None where it is as the series says."""
        event = self._by_instant.get(start.utc) if not start.is_day else None
        event = event or self._by_day.get(start.local.date())
        if event is not None:
            self._claimed.add(id(event))
            return _changed_instance(event, start)
        earlier = [event for event in self._future if _named(event).utc <= start.utc]
        return _moved_instance(earlier[-1], start) if earlier else None

    def unclaimed(self) -> Iterator[Instance]:
        """Changes of instances that no series here has: they take time all the same."""
        for event in (*self._by_instant.values(), *self._by_day.values()):
            if id(event) not in self._claimed:
                yield from _changed_instance(event, _named(event))


def _named(event: Event) -> Moment:
    return event.recurrence_id or event.start


def _changed_instance(event: Event, original: Moment) -> Sequence[Instance]:
    if not event.takes_time:
        return ()
    return (
        Instance(
            recurrence=_recurrence_of(original),
            starts_at=event.start.utc,
            ends_at=event.span.end_of(event.start),
            source=event.source,
        ),
    )


def _moved_instance(event: Event, original: Moment) -> Sequence[Instance]:
    """RANGE=THISANDFUTURE (§3.2.13): later instances move by as much as the one that is named, and last as long."""
    if not event.takes_time:
        return ()
    named = _named(event)
    start = event.start.at(event.start.local + (original.local - named.local))
    return (
        Instance(
            recurrence=_recurrence_of(original),
            starts_at=start.utc,
            ends_at=event.span.end_of(start),
            source=event.source,
        ),
    )


def _recurrence_of(original: Moment) -> str:
    """The instance's RECURRENCE-ID: an ISO date, or an instant in UTC."""
    if original.is_day:
        return original.local.date().isoformat()
    return original.utc.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
