"""What verbs did to appointments."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from booking.domain.lifecycle import Status, Verb
from slotstream_servicekit.context import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A constraint set aside on purpose: why, which rules, and what was in the way."""

    reason: str
    rules: tuple[str, ...]
    conflicts_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one verb did: field-level old and new values, why, and the constraint it set aside."""

    verb: Verb
    fields: Mapping[str, tuple[Any, Any]]
    reason: str | None = None
    override: Override | None = None
    series_version: int | None = None
    """Done with its series as a whole: the version of the series that it led to, which is told as one."""
    tell_client: bool | None = None
    """Whether the client is told of this change. None: as the appointment says, of this as of whatever follows."""
    gives_back: tuple[datetime, datetime] | None = None
    """Time that a resource of the appointment is free in after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One row of the audit trail. `fields` holds old and new values as JSON has them."""

    version: int
    verb: Verb
    at: datetime
    actor: Actor
    reason: str | None
    fields: Mapping[str, Mapping[str, Any]]
    override: Override | None
    tell_client: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLink:
    """One of the appointments that an appointment has been, as it was moved from time to time."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    status: Status
