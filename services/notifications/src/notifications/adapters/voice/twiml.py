"""What Twilio is told to say (https://www.twilio.com/docs/voice/twiml), by its own library, which escapes it."""

import re
from typing import Final

from twilio.twiml import TwiML
from twilio.twiml.voice_response import Gather, VoiceResponse

from notifications.adapters.voice.words import Words
from notifications.domain.calls import spoken

_KEY_SECONDS: Final = 8
_PAUSE_SECONDS: Final = 2
_NUMBER: Final = re.compile(r"\+?[0-9]{6,}")


def ask(words: Words, text: str, *, action: str) -> str:
    """The text and the keys. Whatever is pressed meanwhile or soon after, or nothing, is told to `action`."""
    response = VoiceResponse()
    gather = Gather(
        input="dtmf",
        num_digits=1,
        timeout=_KEY_SECONDS,
        finish_on_key="",
        action=action,
        method="POST",
        action_on_empty_result=True,
    )
    _say(gather, words, text)
    _say(gather, words, words.keys)
    response.append(gather)
    return str(response)


def tell(words: Words, *sentences: str) -> str:
    """These sentences, and goodbye."""
    response = VoiceResponse()
    for sentence in (*sentences, words.goodbye):
        _say(response, words, sentence)
    response.hangup()
    return str(response)


def wait(words: Words, *, action: str, first: bool) -> str:
    """Holds the line a moment, then asks `action` what to say."""
    response = VoiceResponse()
    if first:
        _say(response, words, words.wait)
    response.pause(length=_PAUSE_SECONDS)
    response.redirect(action, method="POST")
    return str(response)


def hang_up() -> str:
    response = VoiceResponse()
    response.hangup()
    return str(response)


def _say(parent: TwiML, words: Words, text: str) -> None:
    """A number is said digit by digit."""
    digits = _NUMBER.sub(lambda number: " ".join(number[0]), spoken(text))
    parent.say(digits, voice=words.voice, language=words.tag)
