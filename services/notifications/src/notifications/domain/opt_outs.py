"""Stopping: by a text message, its words and numbers that are remembered without being kept; by one click in a mail."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final, Literal

from notifications.domain.messages import Channel, Kind
from notifications.domain.words import bare

STOPPED_BY_NUMBER: Final = (Channel.SMS,)
"""What a STOP covers. Who wants no calls either says so by their preferences: consent to each is their own."""

UNSUBSCRIBED: Final = frozenset({Kind.REMINDER, Kind.FOLLOW_UP})
"""What unsubscribing covers, of mails to the client. What becomes of their appointments they are told all the same."""
Unsubscriber = Literal["one_click", "client", "staff"]
"""Who unsubscribed a client: a mail program by one click (RFC 8058), or a person on a page."""

OptOutWord = Literal["stop", "start"]

_LONGEST: Final = 40
"""Longer than any of the words with what may stand around it."""
_NO_DIGIT: Final = re.compile(r"[^0-9]")


# 47 CFR 64.1200(a)(10), Twilio's own list, and the same in French, German, Spanish and Arabic. CANCEL is among them:
# the carrier has stopped us already when we hear it.
_STOP: Final = frozenset(
    bare(word)
    for word in (
        *("stop", "stopall", "stop all", "unsubscribe", "end", "quit", "revoke", "optout", "opt out", "cancel"),
        *("arret", "stopp", "alto", "baja", "إيقاف"),
    )
)
# YES reopens at the provider too. Never invite it.
_START: Final = frozenset({"start", "unstop", "yes"})


def opt_out_word(text: str) -> OptOutWord | None:
    """Whether the whole message says stop or start; None for every other text, however much it sounds like it."""
    if len(text.strip()) > _LONGEST:
        return None
    word = bare(text)
    return "stop" if word in _STOP else "start" if word in _START else None


class NumberDigests:
    """Phone numbers as keyed hashes, so that an opt-out outlives the erase of whoever had the number.

    The first key makes digests, all are looked up: so a key can be replaced.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def of(self, number: str) -> tuple[str, ...]:
        """The digests that this number may be kept under, the current one first; none without a key."""
        plain = f"+{_NO_DIGIT.sub('', number)}".encode()
        return tuple(hmac.new(key, plain, hashlib.sha256).hexdigest() for key in self._keys)
