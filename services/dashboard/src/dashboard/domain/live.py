"""What open streams are told, and who may be told it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

from dashboard.domain.users import User


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEvent:
    """Something changed: enough for a page to know what to read again, and nothing personal.

    `resource_ids` are those it has and those it had before, so that whoever lost it is told as well.
    """

    id: UUID
    organization_id: UUID
    topic: str
    type: str
    subject: str
    version: int
    business_id: UUID | None
    resource_ids: tuple[UUID, ...]
    created_at: datetime


def may_see(user: User, event: LiveEvent) -> bool:
    """Whether `event` is of the user's organization, of a business of theirs and, if so limited, of their calendar.

    An appointment that nobody takes part in is in nobody's calendar.
    """
    if event.organization_id != user.organization_id:
        return False
    if user.business_ids is not None and event.business_id not in (None, *user.business_ids):
        return False
    if user.resource_id is None or (event.business_id is None and not event.resource_ids):
        return True
    return user.resource_id in event.resource_ids


@dataclass(frozen=True, slots=True)
class LivePlace:
    """Up to where a page has been told: an event, or the moment at which none was kept.

    As text it goes to the page and comes back from there, by `Last-Event-ID`.
    """

    event_id: UUID | None = None
    empty_at: datetime | None = None

    def __str__(self) -> str:
        return str(self.event_id) if self.empty_at is None else f"{_NONE_SINCE}{self.empty_at.timestamp():.0f}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None where the text is nothing of ours."""
        try:
            if text.startswith(_NONE_SINCE):
                return cls(empty_at=datetime.fromtimestamp(int(text.removeprefix(_NONE_SINCE)), UTC))
            return cls(event_id=UUID(text))
        except (ValueError, OverflowError, OSError):
            return None


_NONE_SINCE = "none-since-"
