"""What was asked and what was answered, in order."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from checker.work.commands import SentCommand

Outcome = Literal["ok", "refused", "unknown"]
"""`unknown`: no answer came (connection cut, time-out) or the answer was a retryable 5xx."""


@dataclass(slots=True, kw_only=True)
class Operation:
    """One request of one client and what came of it."""

    client: int
    organization: str
    verb: str
    target: str | None
    """The appointment's id: the caller's own for a create, so that an unknown outcome can be looked up."""
    key: str | None
    body: dict[str, Any]
    sent_at: datetime
    answered_at: datetime | None = None
    outcome: Outcome = "unknown"
    status: int | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    replayed: bool = False
    under: str | None = None
    """The fault that was in force, if any."""

    @property
    def code(self) -> str | None:
        return self.answer.get("code")

    def occurrences(self) -> list[str]:
        """The appointments that an answer about a series names."""
        dates = [*self.answer.get("occurrences", ()), *self.answer.get("changes", ())]
        return [date["appointment_id"] for date in dates if date.get("appointment_id")]

    def versions(self) -> list[tuple[str, int]]:
        """The appointments that a success answer shows, with their versions."""
        shown = [self.answer.get("appointment"), self.answer.get("replaced"), self.answer]
        return [
            (each["id"], each["version"])
            for each in shown
            # A series has a status and a version of its own, and a recurrence.
            if each and "status" in each and "version" in each and "recurrence" not in each
        ]


@dataclass(slots=True, kw_only=True)
class Person:
    """A client about whom text is typed everywhere; `mark` is in each piece of it, and nowhere else."""

    organization: str
    client: str
    mark: str
    phone: str
    duplicates: list["Person"] = field(default_factory=list)
    """Whose ids lead to this person."""

    @property
    def address(self) -> str:
        return f"{self.mark}@people.example.com"

    @property
    def marks(self) -> tuple[str, str]:
        return self.mark, self.phone.lstrip("+")


@dataclass(slots=True, kw_only=True)
class RunImport:
    """One import that was taken in; `wanted` is the state that it was last asked to reach."""

    organization: str
    id: str
    rows: int
    confirmed_by: str
    """Somebody else than who has uploaded it."""
    wanted: Literal["checked", "finished", "undone"] = "checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedReminder:
    """A reminder that was asked for and taken; it moves with its appointment."""

    appointment: str
    channel: str
    minutes: int


@dataclass
class History:
    """All operations of a run, and the faults injected."""

    operations: list[Operation] = field(default_factory=list)
    faults: list[tuple[datetime, str]] = field(default_factory=list)
    trespasses: list[Operation] = field(default_factory=list)
    """Requests with another organization's ids."""
    commands: dict[str, "SentCommand"] = field(default_factory=dict)
    """By the command's id: what Kafka has taken."""
    commands_in_doubt: dict[str, "SentCommand"] = field(default_factory=dict)
    """What Kafka may have taken: no answer came."""

    people: dict[str, Person] = field(default_factory=dict)
    """By the client's id."""
    after_erase: list[Operation] = field(default_factory=list)
    """Requests for a client who had been erased."""
    booked_by_duplicates: dict[str, str] = field(default_factory=dict)
    """By appointment: the client who survived the merge."""
    imports: list[RunImport] = field(default_factory=list)
    poison: list[tuple[str, str]] = field(default_factory=list)
    """(topic, mark) of each record that Kafka has taken and no service can read."""
    outdated: list[tuple[str, str]] = field(default_factory=list)
    """(topic, mark) of each record that Kafka has taken and that is too old to be acted on."""
    unsendable: list[tuple[str, str]] = field(default_factory=list)
    """(service, mark) of each record in an outbox that cannot be sent to Kafka."""
    forced_by_robots: list[str] = field(default_factory=list)
    """Imports whose conflicts an integration was allowed to force."""
    by_new_rules: list[tuple[Operation, int]] = field(default_factory=list)
    """What was asked for after a change of a service was answered, with the buffer that it has since."""
    calendars: dict[str, int] = field(default_factory=dict)
    """By connection: of how many events its calendar consists in the end."""
    reminders: dict[str, AskedReminder] = field(default_factory=dict)
    """By the reminder's id."""
    ended: list[tuple[str, datetime]] = field(default_factory=list)
    """(appointment, since when notifications has known that it takes place no more, and had nothing of it in hand)."""
    resumed: list[tuple[str, datetime]] = field(default_factory=list)
    """(appointment, when it was asked for that it takes place again)."""
    calendars_taken: list[str] = field(default_factory=list)
    """Connections that were made under another organization's id."""

    def with_outcome(self, outcome: Outcome) -> Iterator[Operation]:
        return (operation for operation in self.operations if operation.outcome == outcome)

    def by_key(self) -> dict[tuple[str, str], list[Operation]]:
        """Operations that shared one Idempotency-Key, per organization."""
        groups: dict[tuple[str, str], list[Operation]] = {}
        for operation in self.operations:
            if operation.key is not None:
                groups.setdefault((operation.organization, operation.key), []).append(operation)
        return groups

    def tally(self) -> dict[str, dict[str, int]]:
        """Per verb: how many were ok, refused, unknown."""
        table: dict[str, dict[str, int]] = {}
        for operation in self.operations:
            row = table.setdefault(operation.verb, {"ok": 0, "refused": 0, "unknown": 0})
            row[operation.outcome] += 1
        return table
