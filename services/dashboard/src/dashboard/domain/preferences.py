"""How somebody wants the screens to be: theirs in every browser, and nobody else's."""

from dataclasses import dataclass
from enum import StrEnum


class MoveTelling(StrEnum):
    """What a move in the calendar does without being asked about."""

    ASK = "ask"
    TELL = "tell"
    QUIET = "quiet"


class Density(StrEnum):
    """How much room a row of a list takes."""

    COMFORTABLE = "comfortable"
    COMPACT = "compact"


class ListColumn(StrEnum):
    """The columns of the appointments list that can be left out."""

    SERVICE = "service"
    STAFF = "staff"
    STATUS = "status"
    SOURCE = "source"
    SIGNALS = "signals"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPreferences:
    """None: never chosen."""

    moves: MoveTelling | None = None
    density: Density | None = None
    hidden_columns: tuple[ListColumn, ...] | None = None


NOTHING_CHOSEN = UserPreferences()
