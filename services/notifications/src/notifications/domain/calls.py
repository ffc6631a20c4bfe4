"""Calls: what is spoken, what a key means, and when somebody who was busy is called again."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from notifications.domain.answers import Meaning
from notifications.domain.messages import Kind, Message

MOST_SPOKEN: Final = 1_000
"""Characters of a call's text: more than a minute of it, to which nobody listens."""
BUSY_CODES: Final = frozenset({"twilio_busy", "twilio_no-answer"})
"""Nobody has answered the call: it may be made again."""

KEYS: Final[Mapping[str, Meaning]] = {"1": Meaning.CONFIRM, "2": Meaning.CANCEL, "3": Meaning.CALL_BACK}
"""All other keys, and several at once, mean nothing."""

_ELLIPSIS: Final = "…"


def spoken(text: str) -> str:
    """What is read out: composed, in one line, without what has no sound and may not be in XML, and not too long."""
    composed = unicodedata.normalize("NFC", text)
    heard = "".join(" " if character.isspace() else character for character in composed if _has_sound(character))
    line = " ".join(heard.split())
    return line if len(line) <= MOST_SPOKEN else f"{line[: MOST_SPOKEN - 1].rstrip()}{_ELLIPSIS}"


def _has_sound(character: str) -> bool:
    return character.isspace() or unicodedata.category(character)[0] != "C"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPolicy:
    """Who is busy or does not answer is called `again` times more, `pause` after the last call and `within` a time."""

    again: int = 2
    pause: timedelta = timedelta(minutes=10)
    within: timedelta = timedelta(hours=1)

    def next_call(self, message: Message, *, now: datetime) -> datetime | None:
        """When to call again; None for never. A reminder's call lies before the start."""
        at = now + self.pause
        if message.attempts > self.again or at > message.due_at + self.within:
            return None
        return None if message.kind is Kind.REMINDER and at >= message.starts_at else at
