"""Instances of external events that take a resource's time, and what changed of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

WINDOW_BEFORE = timedelta(days=1)
WINDOW_AFTER = timedelta(days=180)
FEW_DELETIONS = 5
MASS_DELETION_SHARE = 0.2
EXAMPLES_PER_CODE = 10
MAX_UID_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The half-open span in which external events are of interest."""

    starts_at: datetime
    ends_at: datetime

    @classmethod
    def around(cls, now: datetime) -> "Window":
        return cls(starts_at=now - WINDOW_BEFORE, ends_at=now + WINDOW_AFTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyInstance:
    """One instance of an external event. `recurrence` is its RECURRENCE-ID in UTC, empty for a single event."""

    uid: str
    recurrence: str
    starts_at: datetime
    ends_at: datetime

    @property
    def identity(self) -> tuple[str, str]:
        return self.uid, self.recurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingWarning:
    """Something that was read with doubt, mended or lost; `line` and `uid` say where it stands."""

    code: str
    line: int
    uid: str


class Warnings:
    """All warnings of a reading counted by code, and the first of each code kept as examples."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._examples: list[ReadingWarning] = []

    def add(self, warning: ReadingWarning) -> None:
        self._counts[warning.code] += 1
        if self._counts[warning.code] <= EXAMPLES_PER_CODE:
            self._examples.append(replace(warning, uid=warning.uid[:MAX_UID_SHOWN]))

    @property
    def counts(self) -> Mapping[str, int]:
        return dict(self._counts)

    @property
    def examples(self) -> tuple[ReadingWarning, ...]:
        return tuple(self._examples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """What a calendar's text says about a window.

    `unreadable_uids` are events that could not be understood this time: what is known of them stays. `warnings` counts
    by code, `examples` names some. Of `events` in the text `unread` could not be understood at all.
    """

    instances: tuple[BusyInstance, ...]
    warnings: Mapping[str, int]
    unreadable_uids: frozenset[str]
    examples: tuple[ReadingWarning, ...] = ()
    events: int = 0
    unread: int = 0

    @property
    def is_all_unread(self) -> bool:
        return self.events > 0 and self.unread >= self.events


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownInstance:
    """A busy instance as it was last published."""

    id: UUID
    uid: str
    recurrence: str
    starts_at: datetime
    ends_at: datetime

    @property
    def identity(self) -> tuple[str, str]:
        return self.uid, self.recurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyChanges:
    """The difference between what is published and what a complete reading found."""

    upserts: tuple[BusyInstance, ...]
    gone: tuple[KnownInstance, ...]
    lost: int
    upcoming: int

    @property
    def is_mass_deletion(self) -> bool:
        return self.lost > FEW_DELETIONS and self.lost > MASS_DELETION_SHARE * self.upcoming


def instance_id(*, organization_id: UUID, connection_id: UUID, uid: str, recurrence: str) -> UUID:
    """The same external instance always has the same id, and no other tenant's instance can have it."""
    return uuid5(uuid5(organization_id, str(connection_id)), f"{uid}\x00{recurrence}")


def compare(known: Sequence[KnownInstance], expansion: Expansion, *, now: datetime, window: Window) -> BusyChanges:
    """Mark and sweep over a complete reading.

    `lost` is the net loss of instances that are not over yet: an event that moved, or a calendar whose
    exporter makes new UIDs each time, loses none.
    """
    read = {instance.identity: instance for instance in expansion.instances}
    published = {row.identity: row for row in known}
    upserts = tuple(instance for key, instance in read.items() if not _says_the_same(published.get(key), instance))
    gone = tuple(
        row
        for key, row in published.items()
        if key not in read and (row.uid not in expansion.unreadable_uids or row.ends_at <= window.starts_at)
    )
    upcoming = sum(row.ends_at > now for row in known)
    lost = sum(row.ends_at > now for row in gone)
    gained = sum(instance.ends_at > now and instance.identity not in published for instance in expansion.instances)
    return BusyChanges(upserts=upserts, gone=gone, lost=max(0, lost - gained), upcoming=upcoming)


def _says_the_same(row: KnownInstance | None, instance: BusyInstance) -> bool:
    return row is not None and (row.starts_at, row.ends_at) == (instance.starts_at, instance.ends_at)
