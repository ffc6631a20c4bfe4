"""What a run left behind, as the invariants look at it. Instants are UTC; ids are strings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

Version = tuple[str, int]
"""An appointment's id and one of its versions."""

Projection = Mapping[str, tuple[int, str]]
"""By appointment: version and status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedAppointment:
    """One row of booking's appointments with its resources."""

    id: str
    organization: str
    client: str
    service: str | None
    status: str
    occupies: bool
    archived: bool
    series: str | None
    external_id: str | None
    starts_at: datetime
    blocked_from: datetime
    blocked_to: datetime
    version: int
    resources: tuple[str, ...]


class Occupancy(NamedTuple):
    """Time of a resource that an appointment (or nothing) takes."""

    holder: str
    resource: str
    blocked_from: datetime
    blocked_to: datetime


class Event(NamedTuple):
    """One record of the appointments topic, in the order of its partition."""

    id: str
    organization: str
    subject: str
    sequence: int


class BusyTime(NamedTuple):
    """External busy time, as whoever keeps it says: whose, by which calendar, of whom and when."""

    organization: str
    connection: str
    instance: str
    resource: str
    starts_at: datetime
    ends_at: datetime


class HeldTime(NamedTuple):
    """Time of a resource that is held, as whoever keeps it says."""

    hold: str
    resource: str
    blocked_from: datetime
    blocked_to: datetime


class ImportedRow(NamedTuple):
    """One row of a file with what became of it."""

    import_id: str
    number: int
    outcome: str | None
    appointment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """One connection of calendar-sync."""

    id: str
    organization: str
    resource: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedReminder:
    """One reminder of an appointment as notifications' ledger has it; `minutes` before the start, as it was asked for.

    `reminder` is the id under which it was asked for, or that of a rule's.
    """

    id: str
    appointment: str
    reminder: str
    channel: str
    minutes: int
    status: str
    reason: str | None = None
    code: str | None = None
    is_due: bool = True
    """By the clock that it goes by, when the run is judged."""

    @property
    def is_in_hand(self) -> bool:
        return self.status == "claimed" or (self.status == "planned" and self.is_due)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A reminder as whoever delivers it got it: a mail server, a phone company, a push service.

    `message` is its id in the ledger. `answered`: whether we were told that it was taken.
    """

    message: str
    at: datetime
    answered: bool = True


@dataclass(kw_only=True)
class Ledger:
    """What notifications says of messages, but for reminders, and what arrived."""

    by_status: Mapping[str, int] = field(default_factory=dict)
    after_replay: Mapping[str, int] = field(default_factory=dict)
    mails_by_status: Mapping[str, int] = field(default_factory=dict)
    """Of those only what went to the addresses whose mails are counted."""
    with_two_rows: int = 0
    mails: int = 0
    mails_repeated: int = 0


@dataclass(frozen=True)
class ImportState:
    """Where an import stands, and why where it failed."""

    name: str
    failure: str | None = None

    @property
    def failed_by_erase(self) -> bool:
        return self.name == "failed" and self.failure == "A client was erased: upload the file again"


@dataclass(kw_only=True)
class Evidence:
    """Everything the invariants look at."""

    organizations: frozenset[str] = frozenset()
    appointments: Mapping[str, BookedAppointment] = field(default_factory=dict)
    occupancy: Sequence[Occupancy] = ()
    recorded_beside: frozenset[tuple[str, str]] = frozenset()
    """Pairs (forced, other) that an override's record names, both ways round."""
    capacity: Mapping[str, int] = field(default_factory=dict)
    """Seats by service."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """The organization of each resource and calendar."""
    history: Mapping[Version, str] = field(default_factory=dict)
    """The verb by version."""
    events: Sequence[Event] = ()
    results: Mapping[str, str] = field(default_factory=dict)
    """The type of the answer by the command's id."""
    projections: Mapping[str, Projection] = field(default_factory=dict)
    """By service."""
    projections_after_replay: Mapping[str, Projection] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    reminders: Mapping[str, PlannedReminder] = field(default_factory=dict)
    """By the message's id."""
    arrivals: Sequence[Arrival] = ()
    """Of reminders alone, in the order in which they came."""
    deadlocks: int = 0
    audit: Mapping[str, int] = field(default_factory=dict)
    """What booking's own auditor counts, by kind."""
    seen_by_role: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By service and tenant: the organizations whose rows the service's own database role sees as that tenant."""
    erased: frozenset[str] = frozenset()
    """Clients whom booking has erased."""
    merged_into: Mapping[str, str] = field(default_factory=dict)
    """By merged client: the survivor."""
    texts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By place (a table or a topic): the marks of people that it holds."""
    texts_after_replay: Mapping[str, frozenset[str]] = field(default_factory=dict)
    imports: Mapping[str, ImportState] = field(default_factory=dict)
    imported_rows: Sequence[ImportedRow] = ()
    booked_by: Mapping[str, str] = field(default_factory=dict)
    """By appointment: the id of who booked it."""
    held: Mapping[str, frozenset[HeldTime]] = field(default_factory=dict)
    """By who keeps it, booking or availability: what is held for some time still."""
    unlabelled: Sequence[str] = ()
    """Records whose headers do not say whose they are, or of which type."""
    calendars: Sequence[Calendar] = ()
    busy: Mapping[str, frozenset[BusyTime]] = field(default_factory=dict)
    """By who keeps it: calendar-sync, the topic, booking, availability."""
    set_aside: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By service: the keys of its dead letters."""
    behind: Mapping[str, int] = field(default_factory=dict)
    """By consumer group and topic: how many records are not worked through, where there are any."""
    not_ready: Mapping[str, str] = field(default_factory=dict)
    """By process: what its readiness says, where it is not ready."""
    left_to_do: Sequence[str] = ()
    """What somebody had still to do when the wait for the end was over."""
