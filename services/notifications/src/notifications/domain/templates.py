"""Templates: the texts of messages, written by users."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from notifications.domain.messages import Audience, Channel, Kind

MOST_TEMPLATES: Final = 500
"""Of an organization."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The three pieces of a message's text; without `html` a channel makes one of `text` where it needs it."""

    subject: str
    text: str
    html: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The text for one kind, audience, channel and locale; of a business, or of the whole organization."""

    organization_id: UUID
    id: UUID
    business_id: UUID | None
    kind: Kind
    audience: Audience
    channel: Channel
    locale: str
    text: Text
    is_default: bool = True
    """Used wherever nothing else is named; otherwise only by the reminders that name it."""
    created_at: datetime
    updated_at: datetime
    version: int
