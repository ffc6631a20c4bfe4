"""Calendars outside, as Protocols: what reads one, and what writes one. Kinds of calendar are their adapters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from calendar_sync.domain.busy import Expansion, Window
from calendar_sync.domain.feeds import Feed, FeedEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """The calendar says that nothing changed since the cursor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A complete reading of an external calendar, and the cursor to ask with next time."""

    expansion: Expansion
    cursor: Mapping[str, str]


class CalendarReader(Protocol):
    """Reads one kind of external calendar; raises ReadingFailedError.

    `secret` is what the connection keeps sealed. An empty `cursor` asks for a complete reading. Dates and times
    without a zone are read in `zone`, an IANA name.
    """

    async def read(
        self, *, secret: str, cursor: Mapping[str, str], zone: str, window: Window
    ) -> Reading | Unchanged: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarText:
    """A calendar as it is served, with its media type."""

    content: bytes
    media_type: str


class CalendarWriter(Protocol):
    """Writes a resource's appointments as one kind of calendar; the same entries always give the same bytes."""

    def validator(self, feed: Feed, entries: Sequence[FeedEntry]) -> str:
        """A strong ETag of what `write` would give; cheaper than writing it."""
        ...

    def write(self, feed: Feed, entries: Sequence[FeedEntry]) -> CalendarText: ...
