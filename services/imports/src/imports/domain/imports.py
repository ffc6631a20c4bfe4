"""An import: the way of one file into the book, and what may be done with it when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType
from uuid import UUID, uuid5

from imports.domain.mapping import ColumnMapping
from imports.domain.rows import Stage
from slotstream_servicekit.context import Actor
from slotstream_servicekit.errors import ErrorKind, Reason, SlotstreamError

ImportId = NewType("ImportId", UUID)

_NAMESPACE = UUID("6f0a1c1e-7a55-4d0e-9f0b-3c2e5b0c7a11")


class ImportState(StrEnum):
    UPLOADED = "uploaded"
    READING = "reading"
    CHECKING = "checking"
    CHECKED = "checked"
    BOOKING = "booking"
    FINISHED = "finished"
    UNDOING = "undoing"
    UNDONE = "undone"
    STALLED = "stalled"
    """Answers that were awaited did not come; it goes on by itself when they do, by a retry, or is cancelled."""
    CANCELLED = "cancelled"
    FAILED = "failed"


AT_WORK = frozenset({ImportState.READING, ImportState.CHECKING, ImportState.BOOKING, ImportState.UNDOING})
"""What a worker carries on."""
MAPPABLE = frozenset({ImportState.UPLOADED, ImportState.CHECKING, ImportState.CHECKED, ImportState.FAILED})
"""When a mapping may be set (again): before anything was booked."""
REVIEWABLE = frozenset({ImportState.CHECKING, ImportState.CHECKED})
SETTLED = frozenset({ImportState.FINISHED, ImportState.UNDONE, ImportState.CANCELLED})
"""Nothing more happens to it unless somebody asks."""
STAGES: Mapping[ImportState, Stage] = {
    ImportState.CHECKING: Stage.CHECK,
    ImportState.BOOKING: Stage.BOOK,
    ImportState.UNDOING: Stage.UNDO,
}
"""When an import sends commands to booking, and which."""
MOST_OPEN: Final = 20
"""Imports of an organization that are not settled yet: each has a file of many megabytes kept."""
RESTING = SETTLED | {ImportState.FAILED, ImportState.STALLED}
"""Where the progress of an import ends."""


class WrongStateError(SlotstreamError):
    """The import is not where this verb can be used."""

    code = "invalid_transition"
    kind = ErrorKind.conflict


class NotReadyError(SlotstreamError):
    """Something outside the file keeps the import from going on."""

    code = "not_ready"
    kind = ErrorKind.conflict


class TooManyImportsError(SlotstreamError):
    code = "too_many_imports"
    kind = ErrorKind.conflict


class FileDeletedError(SlotstreamError):
    """The file's content is kept for a time only, and not after a client in it was erased."""

    code = "file_deleted"
    kind = ErrorKind.conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """`reading` holds how the file is read, by option, `chosen` what of that a user chose.

    `read_through` is the last row that is stored. `undo_id` tells one undoing from another.
    `due_at` says when a worker looks at the import next, `waiting_since` when the last command was sent or answer came.
    """

    organization_id: UUID
    id: ImportId
    business_id: UUID
    state: ImportState
    file_name: str
    file_sha256: str
    format: str
    reading: Mapping[str, str]
    headers: tuple[str, ...]
    file_rows: int
    chosen: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Reason, ...] = ()
    mapping: ColumnMapping | None = None
    notify: bool = False
    uploaded_by: Actor
    mapped_by: Actor | None = None
    confirmed_by: Actor | None = None
    undone_by: Actor | None = None
    undo_reason: str | None = None
    undo_id: UUID | None = None
    revision: int = 0
    read_through: int = 0
    events: int = 0
    failure: str | None = None
    failures: int = 0
    stalled_in: ImportState | None = None
    due_at: datetime
    waiting_since: datetime
    cleared_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @property
    def columns(self) -> ColumnMapping:
        """The mapping of an import that has one. Raises NotReadyError."""
        if self.mapping is None:
            raise NotReadyError("The columns of this import are not mapped yet")
        return self.mapping


def appointment_id_of(*, organization_id: UUID, business_id: UUID, row_key: str, generation: int) -> UUID:
    """The same row gives the same appointment, whichever file brings it; `generation` counts its undoings."""
    return uuid5(_NAMESPACE, f"{organization_id}:{business_id}:{generation}:{row_key}")


def command_id_of(*, of: UUID, verb: str, rows: Iterable[tuple[int, int]]) -> UUID:
    """The command for `rows`, by number and revision, keeps its id over crashes; a changed row goes with a new one.

    `of` is the import, or one undoing of it.
    """
    named = ",".join(f"{number}.{revision}" for number, revision in rows)
    return uuid5(_NAMESPACE, f"{of}:{verb}:{named}")


def import_id_of(*, organization_id: UUID, caller: str, idempotency_key: str) -> UUID:
    return uuid5(_NAMESPACE, f"upload:{organization_id}:{caller}:{idempotency_key}")
