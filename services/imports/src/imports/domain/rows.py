"""A row of an import: what it says, what it asks for, and what became of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from imports.domain.catalogue import fold
from imports.domain.locations import Location
from imports.domain.mapping import Field
from imports.domain.statuses import FinalStatus
from slotstream_servicekit.context import Actor
from slotstream_servicekit.errors import Reason

LONGEST = timedelta(days=7)
"""The longest appointment that a row can ask for."""

NAMED: Final = "name:"
"""How the digest of a name begins, unlike one of a contact: others bear the name as well."""


class RowState(StrEnum):
    """What the review shows: bookable, bookable with a remark, in somebody's way, or not understood."""

    OK = "ok"
    WARNING = "warning"
    CONFLICT = "conflict"
    INVALID = "invalid"


BOOKABLE = frozenset({RowState.OK, RowState.WARNING})


class Outcome(StrEnum):
    """What booking answered about one row."""

    BOOKED = "booked"
    ALREADY_DONE = "already_done"
    REFUSED = "refused"
    UNDONE = "undone"
    KEPT = "kept"
    """An undo left it as it was, because somebody has changed it since."""
    UNKNOWN = "unknown"
    """The import was cancelled before booking answered. A late answer still counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedAppointment:
    """The appointment that a valid row asks for."""

    client_name: str
    phone: str | None
    email: str | None
    service_id: UUID
    resource_id: UUID | None
    starts_at: datetime
    duration_minutes: int
    notes: str | None = None
    external_id: str | None = None
    status: FinalStatus = FinalStatus.SCHEDULED
    location: Location | None = None

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.duration_minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time that a row asks for, buffers included; half-open."""

    row: int
    starts_at: datetime
    blocked_from: datetime
    blocked_to: datetime
    service_id: UUID
    resource_id: UUID | None = None
    free_ids: tuple[UUID, ...] = ()
    """Who, by booking's answer, is free in the book to be chosen; none before it is asked, or without a choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOverride:
    """Who forces the row's conflict, and why."""

    reason: str
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """`number` is the row as a spreadsheet counts it, `revision` rises with every change to it.

    `span` is None where the row takes nobody's time. `contacts` are digests of the phones and e-mails that it holds,
    or held before it was corrected: by them the row of an erased client is found. `check_id`, `book_id` and `undo_id`
    name the command whose answer is awaited.
    """

    organization_id: UUID
    import_id: UUID
    number: int
    values: Mapping[Field, str]
    state: RowState
    reasons: tuple[Reason, ...] = ()
    requested: RequestedAppointment | None = None
    span: Span | None = None
    contacts: tuple[str, ...] = ()
    row_key: str | None = None
    appointment_id: UUID | None = None
    dropped: bool = False
    override: RowOverride | None = None
    revision: int = 0
    to_check: bool = False
    check_id: UUID | None = None
    to_book: bool = False
    book_id: UUID | None = None
    to_undo: bool = False
    undo_id: UUID | None = None
    outcome: Outcome | None = None
    outcome_reasons: tuple[Reason, ...] = ()

    def has_reason(self, *codes: str) -> bool:
        return any(reason.code in codes for reason in self.reasons)

    def refused_as(self, state: RowState, reason: Reason) -> "ImportRow":
        """The row with one more reason; an invalid one is not checked."""
        reasons = (*self.reasons, reason) if state is not RowState.INVALID else (reason,)
        to_check = self.to_check and state is not RowState.INVALID
        return replace(self, state=state, reasons=reasons, to_check=to_check)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What validation says of one row; `requested` is None for an invalid one."""

    state: RowState
    reasons: tuple[Reason, ...] = ()
    requested: RequestedAppointment | None = None
    span: Span | None = None
    contacts: tuple[str, ...] = ()
    row_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """Where the rows of an import stand.

    `unchecked` await an answer about conflicts; `chosen` are booked or to be; `overridden` are those conflicts that
    have an override of their own.
    """

    rows: int = 0
    dropped: int = 0
    ok: int = 0
    warnings: int = 0
    conflicts: int = 0
    overridden: int = 0
    invalid: int = 0
    unchecked: int = 0
    chosen: int = 0
    booked: int = 0
    new: int = 0
    already_done: int = 0
    failed: int = 0
    undone: int = 0
    unknown: int = 0


class Stage(StrEnum):
    """Rows are checked, then booked, and perhaps undone; each stage has its own commands and answers."""

    CHECK = "check"
    BOOK = "book"
    UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowToSend:
    number: int
    revision: int
    appointment_id: UUID
    requested: RequestedAppointment
    override: RowOverride | None
    """Only where there is a conflict to force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowToUndo:
    number: int
    revision: int
    appointment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RowAnswer:
    """What booking said of one appointment of a command; of all of them where `appointment_id` is None."""

    command_id: UUID
    organization_id: UUID
    import_id: UUID
    appointment_id: UUID | None
    client_id: UUID | None = None
    outcome: Outcome | None
    """None where it stays as it was: for a check, and for what could not be undone."""
    reasons: tuple[Reason, ...]
    free_ids: tuple[UUID, ...] = ()


def row_key_of(requested: RequestedAppointment) -> str:
    """A row's identity: its external id, or what it asks for. It tells nothing of the person."""
    if requested.external_id is not None:
        return f"id:{_digest(requested.external_id)}"
    identity = (
        fold(requested.client_name),
        requested.phone or "",
        (requested.email or "").casefold(),
        str(requested.service_id),
        str(requested.resource_id or ""),
        requested.starts_at.isoformat(),
        str(requested.duration_minutes),
    )
    return f"sha256:{_digest(chr(31).join(identity))}"


def contact_digests(*contacts: str | None) -> tuple[str, ...]:
    """By what a person's rows are found again without keeping the phones (E.164) and e-mails themselves."""
    return tuple(dict.fromkeys(_digest(contact.strip().casefold()) for contact in contacts if contact))


def name_digest(name: str) -> str:
    """By what a row is found again that tells a person's name and no contact; in whatever order its words stand."""
    words = sorted(fold(name.replace(",", " ")).split())
    return f"{NAMED}{_digest(' '.join(words))}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
