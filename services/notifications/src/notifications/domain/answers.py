"""Texts that people write back: what one says, and which appointment it is about. What is not plain is not guessed."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

from notifications.domain.appointments import Appointment
from notifications.domain.contacts import Client
from notifications.domain.messages import Channel
from notifications.domain.words import bare


class Meaning(StrEnum):
    CONFIRM = "confirm"
    CANCEL = "cancel"
    CALL_BACK = "call_back"
    STOP = "stop"
    START = "start"
    OTHER = "other"
    """Whatever else somebody writes: it is for people to read."""


class InboundStatus(StrEnum):
    PENDING = "pending"
    """Booking has been asked to do it."""
    DONE = "done"
    REFUSED = "refused"
    """By booking, and the client is told."""
    FOR_STAFF = "for_staff"
    """Nothing has come of it: somebody has to read it."""
    NOTED = "noted"


ForStaff = Literal[
    "call_back",
    "counter",
    "declined",
    "free_text",
    "no_question",
    "number_changed",
    "opt_out_word",
    "several_appointments",
    "several_organizations",
    "tentative",
    "unclear_reply",
    "unknown_sender",
    "whole_series",
]
"""Why nothing was done about a text by itself."""

MOST_KEPT: Final = 1_600
"""Characters of a text that are kept: more than Twilio delivers."""
_OTHERS_WROTE: Final = timedelta(days=3)
"""How long a text of another organization may be what is answered."""
_QUESTION_STANDS: Final = timedelta(days=3)
"""How long after its appointment a question can be answered, if only to hear that it is too late."""

_LONGEST: Final = 200
_BLANK_LINE: Final = re.compile(r"\n[ \t]*\r?\n")

# `cancel` is not among them: to carriers it is an opt-out.
_WORDS: Final[Mapping[Meaning, frozenset[str]]] = {
    meaning: frozenset(bare(word) for word in words)
    for meaning, words in {
        Meaning.CONFIRM: (
            *("1", "yes", "y", "yep", "yeah", "confirm", "confirmed", "i confirm", "i will come", "i will be there"),
            *("ja", "jawohl", "bestätigt", "bestätigen", "ich bestätige", "ich komme"),
            *("oui", "confirmer", "confirmé", "je confirme", "je viens"),
            *("sí", "confirmar", "confirmo", "confirmado", "confirmada"),
            *("نعم", "أؤكد", "تأكيد", "مؤكد"),
        ),
        Meaning.CANCEL: (
            *("2", "no", "n", "nope", "i cancel", "cancel it", "cancel appointment", "cancel my appointment"),
            *("nein", "absagen", "ich sage ab", "stornieren", "termin absagen"),
            *("non", "annuler", "j'annule", "annuler le rendez-vous"),
            *("cancelar", "cancelo", "anular", "cancelar cita", "cancelar la cita"),
            *("لا", "إلغاء الموعد", "ألغي"),
        ),
        Meaning.CALL_BACK: (
            *("3", "call me", "call me back", "please call", "please call me"),
            *("rückruf", "bitte zurückrufen", "bitte anrufen"),
            *("rappelez-moi", "me rappeler"),
            *("llámeme", "llamadme"),
            *("اتصل بي",),
        ),
    }.items()
}


def meaning_of(text: str) -> Meaning:
    """What the whole message says; of several words all have to say the same ("1 - yes").

    A digit may be followed by a blank line and a signature. ² is not 2.
    """
    if len(text) > _LONGEST or "?" in text or any(unicodedata.category(character) == "No" for character in text):
        return Meaning.OTHER
    first, *_ = _BLANK_LINE.split(text.strip(), maxsplit=1)
    whole, beginning = (bare(_with_plain_digits(part)) for part in (text, first))
    if beginning in ("1", "2", "3"):
        return _one(beginning)
    said = _one(whole)
    if said is not Meaning.OTHER:
        return said
    each = {_one(bare(word)) for word in whole.split() if bare(word)}
    return each.pop() if len(each) == 1 else Meaning.OTHER


def _one(words: str) -> Meaning:
    return next((meaning for meaning, known in _WORDS.items() if words in known), Meaning.OTHER)


def _with_plain_digits(text: str) -> str:
    """Digits of all scripts as ASCII has them."""
    return "".join(
        str(unicodedata.decimal(character)) if unicodedata.category(character) == "Nd" else character
        for character in text
    )


def kept_text(text: str) -> str:
    """What is stored: without control characters, and not longer than an SMS can be."""
    plain = "".join(character for character in text if character == "\n" or unicodedata.category(character) != "Cc")
    return plain[:MOST_KEPT].strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenText:
    """A text of ours that went to a number. `asks`: whether it asked to be answered."""

    organization_id: UUID
    message_id: UUID
    appointment_id: UUID
    client_id: UUID | None
    starts_at: datetime
    asks: bool
    handed_over_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """What a client sent us, and what came of it. `message_id` is the one of ours that it follows.

    `id` is also the id of the command to booking.
    """

    organization_id: UUID
    id: UUID
    provider_id: str | None
    channel: Channel
    client_id: UUID | None
    appointment_id: UUID | None
    message_id: UUID | None
    meaning: Meaning
    status: InboundStatus
    reason: str | None
    """Why it is for staff, or the code of booking's refusal."""
    text: str | None
    address: str | None
    received_at: datetime
    updated_at: datetime
    read_at: datetime | None = None
    """When a member of staff has first seen it."""
    version: int = 1

    @property
    def is_unread(self) -> bool:
        """Whether somebody still has to read it: what has been done by itself needs no reader."""
        return self.status is InboundStatus.FOR_STAFF and self.read_at is None


def doubt_about(
    texts: Sequence[WrittenText],
    *,
    number: str,
    appointments: Mapping[tuple[UUID, UUID], Appointment],
    clients: Mapping[tuple[UUID, UUID], Client],
    now: datetime,
) -> ForStaff | None:
    """Why the last of `texts` (newest first) may not be what is answered; None where there is no doubt.

    Whether the appointment can still be confirmed or cancelled is booking's to say.
    """
    last = texts[0]
    questions = {
        (text.organization_id, text.appointment_id) for text in texts if _is_open_question(text, appointments, now)
    }
    others = {text.organization_id for text in texts if text.handed_over_at > now - _OTHERS_WROTE}
    if {organization_id for organization_id, _ in questions} | others > {last.organization_id}:
        return "several_organizations"
    known = appointments.get((last.organization_id, last.appointment_id))
    if not last.asks or known is None or known.ends_at <= now - _QUESTION_STANDS:
        return "no_question"
    if questions - {(last.organization_id, last.appointment_id)}:
        return "several_appointments"
    return None if _is_their_client(last, known, clients, number) else "number_changed"


def _is_open_question(text: WrittenText, appointments: Mapping[tuple[UUID, UUID], Appointment], now: datetime) -> bool:
    appointment = appointments.get((text.organization_id, text.appointment_id))
    return (
        text.asks
        and appointment is not None
        and appointment.status == "scheduled"
        and not appointment.archived
        and appointment.starts_at == text.starts_at
        and appointment.starts_at > now
    )


def _is_their_client(
    text: WrittenText, appointment: Appointment, clients: Mapping[tuple[UUID, UUID], Client], number: str
) -> bool:
    """Whether who has the number now is whom the appointment is for, a duplicate of theirs included."""
    written_to = clients.get((text.organization_id, text.client_id)) if text.client_id else None
    of_appointment = clients.get((text.organization_id, appointment.client_id))
    if written_to is None or of_appointment is None:
        return False
    return written_to.id == of_appointment.id and written_to.phone == number


def client_keys(
    texts: Collection[WrittenText], appointments: Mapping[tuple[UUID, UUID], Appointment]
) -> set[tuple[UUID, UUID]]:
    """The clients whom `doubt_about` asks for."""
    written_to = {(text.organization_id, text.client_id) for text in texts if text.client_id is not None}
    return written_to | {(item.organization_id, item.client_id) for item in appointments.values()}
