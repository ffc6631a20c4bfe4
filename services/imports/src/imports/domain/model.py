"""An import, its rows, and what may be done with them when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID, uuid5

from slotstream_servicekit.errors import ErrorKind, Reason, SlotstreamError

ImportId = NewType("ImportId", UUID)

_NAMESPACE = UUID("6f0a1c1e-7a55-4d0e-9f0b-3c2e5b0c7a11")


LONGEST = timedelta(days=7)
"""The longest appointment that a row can ask for."""


class ImportState(StrEnum):
    UPLOADED = "uploaded"
    READING = "reading"
    CHECKING = "checking"
    CHECKED = "checked"
    BOOKING = "booking"
    FINISHED = "finished"
    UNDOING = "undoing"
    UNDONE = "undone"
    FAILED = "failed"


class RowState(StrEnum):
    """What the review shows: bookable, bookable with a remark, in somebody's way, or not understood."""

    OK = "ok"
    WARNING = "warning"
    CONFLICT = "conflict"
    INVALID = "invalid"


class Outcome(StrEnum):
    """What booking answered about one row."""

    BOOKED = "booked"
    ALREADY_DONE = "already_done"
    REFUSED = "refused"
    UNDONE = "undone"
    KEPT = "kept"
    """Undo left it as it was, because somebody has changed it since."""


MAPPABLE = frozenset({ImportState.UPLOADED, ImportState.CHECKING, ImportState.CHECKED, ImportState.FAILED})
"""When a mapping may be set (again): before anything was booked."""


class WrongStateError(SlotstreamError):
    """The import is not where this verb can be used."""

    code = "invalid_transition"
    kind = ErrorKind.conflict


class NotReadyError(SlotstreamError):
    """Something outside the file keeps the import from going on."""

    code = "not_ready"
    kind = ErrorKind.conflict


class UnreadableFileError(SlotstreamError):
    code = "unreadable_file"
    kind = ErrorKind.invalid


class MappingError(SlotstreamError):
    code = "invalid_mapping"
    kind = ErrorKind.invalid


class AmbiguousDatesError(MappingError):
    """Several readings of a date column survive: the user chooses."""

    code = "ambiguous_dates"


@dataclass(frozen=True, slots=True)
class Who:
    """Who asked; kept with the import, and the actor of all its commands."""

    type: str
    id: str
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Business:
    id: UUID
    name: str
    zone: str
    phone_region: str


@dataclass(frozen=True, slots=True)
class OfferedService:
    id: UUID
    name: str
    duration_minutes: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the projection knows of one business: the services and resources by folded name and by id."""

    business: Business
    services: Mapping[str, OfferedService]
    resources: Mapping[str, UUID]
    staff: int
    """How many appointments without a named resource the business can hold at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The appointment that a valid row asks for."""

    client_name: str
    phone: str | None
    email: str | None
    service_id: UUID | None
    service_name: str | None
    resource_id: UUID | None
    starts_at: datetime
    duration_minutes: int
    notes: str | None = None
    external_id: str | None = None

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.duration_minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What validation says of one row; `wish` is None for an invalid one."""

    state: RowState
    reasons: tuple[Reason, ...] = field(default=())
    wish: Wish | None = None
    row_key: str | None = None


def appointment_id_of(*, organization_id: UUID, business_id: UUID, row_key: str, generation: int) -> UUID:
    """The same row gives the same appointment, whichever file brings it; `generation` counts its undoings."""
    return uuid5(_NAMESPACE, f"{organization_id}:{business_id}:{generation}:{row_key}")


def command_id_of(*, import_id: UUID, verb: str, rows: Iterable[tuple[int, int]]) -> UUID:
    """The command for `rows`, by number and revision, keeps its id over crashes; a changed row goes with a new one."""
    asked = ",".join(f"{number}.{revision}" for number, revision in rows)
    return uuid5(_NAMESPACE, f"{import_id}:{verb}:{asked}")


def import_id_of(*, organization_id: UUID, caller: str, idempotency_key: str) -> UUID:
    return uuid5(_NAMESPACE, f"upload:{organization_id}:{caller}:{idempotency_key}")


def fold(text: str) -> str:
    """How names are compared: without case, and with blanks, hyphens and underscores alike."""
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())
