"""The statuses that another product's history is brought in with."""

from collections.abc import Mapping
from enum import StrEnum

from imports.domain.catalogue import fold


class FinalStatus(StrEnum):
    """How an imported appointment stands at the end."""

    SCHEDULED = "scheduled"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


ONLY_AFTER_THE_START = frozenset({FinalStatus.COMPLETED, FinalStatus.NO_SHOW})

_WORDS: Mapping[FinalStatus, tuple[str, ...]] = {
    FinalStatus.SCHEDULED: ("scheduled", "booked", "active", "upcoming", "open", "new", "geplant", "gebucht", "offen",
                            "prévu", "réservé", "programado", "reservado", "prenotato"),
    FinalStatus.COMPLETED: ("completed", "complete", "done", "attended", "arrived", "finished", "fulfilled", "closed",
                            "paid", "erledigt", "abgeschlossen", "erschienen", "terminé", "honoré", "completado",
                            "completato"),
    FinalStatus.CANCELLED: ("cancelled", "canceled", "deleted", "declined", "abgesagt", "storniert", "gelöscht",
                            "annulé", "annulée", "cancelado", "cancelada", "annullato"),
    FinalStatus.NO_SHOW: ("no show", "noshow", "did not attend", "dna", "missed", "absent", "nicht erschienen",
                          "versäumt", "no presentado", "non presentato"),
}  # fmt: skip
_BY_WORD = {fold(word): status for status, words in _WORDS.items() for word in words}
_CONFIRMED = frozenset({"confirmed", "accepted", "bestätigt", "confirmé", "confirmado", "confermato"})


def is_confirmed(word: str) -> bool:
    """A word for an appointment that the client has confirmed: it comes in as scheduled, and the row says so."""
    return fold(word) in _CONFIRMED


def read_status(word: str, own: Mapping[str, FinalStatus]) -> FinalStatus | None:
    """What a word means, the user's `own` words (folded) before the usual ones; None for an unknown word."""
    folded = fold(word)
    if folded in own:
        return own[folded]
    return FinalStatus.SCHEDULED if folded in _CONFIRMED else _BY_WORD.get(folded)
