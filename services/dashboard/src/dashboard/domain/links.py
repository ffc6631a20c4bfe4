"""One-time links in mails: to accept an invitation, to choose a new password."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class LinkKind(StrEnum):
    INVITATION = "invitation"
    RESET = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeLink:
    """An invitation names the user it is for; a reset names an account by its address."""

    kind: LinkKind
    email: str
    organization_id: UUID | None
    user_id: UUID | None
    created_at: datetime
    expires_at: datetime


class MailKind(StrEnum):
    INVITATION = "invitation"
    RESET = "reset"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the mail's name
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    BOOKING_CODE = "booking_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail that is to be sent. The link in it is made when it is sent, so nothing secret waits here."""

    id: UUID
    kind: MailKind
    recipient: str
    locale: str
    organization_id: UUID | None = None
    user_id: UUID | None = None
    attempts: int = 0
    due_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a mail is to say. `secret` None: it has no link."""

    recipient: str
    locale: str
    organization_name: str = ""
    secret: str | None = None
