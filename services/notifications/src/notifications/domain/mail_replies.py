"""Answers to our mails: by the recipient's calendar (RFC 5546 §3.2.3), or in their own words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

from notifications.domain.answers import ForStaff, Meaning

MOST_REPLIES_A_DAY: Final = 100
"""By mail, of one client, that are kept: who has an address of theirs fills no desk with more."""


class Participation(StrEnum):
    """What an attendee says (PARTSTAT, RFC 5545 §3.2.12), as far as it means something here."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    TENTATIVE = "tentative"
    COUNTER = "counter"
    """Another time is proposed."""
    OTHER = "other"


MailOutcome = Literal["answered", "for_staff", "noted", "repeated", "automatic", "not_ours", "too_many"]
"""What came of a mail. Of the last four nothing is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAddress:
    """Where one client answers what we wrote of one calendar entry; `digest` is what proves that it was given."""

    organization_id: UUID
    client_id: UUID
    calendar_uid: str
    address: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyToken:
    """What an address of ours says by itself; who has it is known by the digest alone."""

    organization_id: UUID
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarReply:
    """What a calendar answers of one date. `recurs_at`: which of a series; None for all of it, or a single one.

    `sequence` and `stamped_at` order what one attendee says (RFC 5546 §2.1.5).
    """

    uid: str
    participation: Participation
    sequence: int
    stamped_at: datetime | None = None
    recurs_at: datetime | None = None
    starts_at: datetime | None = None
    """As the calendar has it, where it says so."""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMail:
    """A mail as it was read: `tokens` are those in the addresses that it came to.

    `is_automatic`: nobody wrote it, or pressed anything for it (RFC 3834). `replies` are the calendar's, where it has
    some; None where it came without a calendar's answer.
    """

    message_id: str
    sender: str | None
    tokens: Sequence[ReplyToken]
    is_automatic: bool
    text: str
    replies: Sequence[CalendarReply] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldEntry:
    """What a client's calendar was told last of one appointment: by which revision, and when it starts."""

    message_id: UUID
    appointment_id: UUID
    starts_at: datetime
    sequence: int


def as_heard(reply: CalendarReply, *, newest: int, now: datetime) -> CalendarReply:
    """No answer is to a revision that nobody was told, and none was written later than now: else one with either
    would stand against all that come after it.
    """
    return replace(reply, sequence=min(reply.sequence, newest), stamped_at=min(reply.stamped_at or now, now))


def meaning_of_reply(reply: CalendarReply) -> tuple[Meaning, ForStaff | None]:
    """What a calendar's answer is, and why staff are to read it; None where it is plain."""
    match reply.participation:
        case Participation.ACCEPTED:
            return Meaning.CONFIRM, None
        case Participation.DECLINED:
            return Meaning.CANCEL, "declined"
        case Participation.TENTATIVE:
            return Meaning.OTHER, "tentative"
        case Participation.COUNTER:
            return Meaning.OTHER, "counter"
        case Participation.OTHER:
            return Meaning.OTHER, "unclear_reply"
