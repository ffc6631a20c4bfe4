"""Calls: the channel, the ways on which they are made (Twilio, a console for development), and what is said in them."""

from notifications.adapters.voice.addresses import CALL_PATH, TRIAL_CALL, CallAddress
from notifications.adapters.voice.channel import VoiceChannel, VoiceGateway
from notifications.adapters.voice.console import ConsoleVoiceGateway
from notifications.adapters.voice.twilio import TwilioVoiceGateway
from notifications.adapters.voice.words import Words, language_of, words_of

__all__ = [
    "CALL_PATH",
    "TRIAL_CALL",
    "CallAddress",
    "ConsoleVoiceGateway",
    "TwilioVoiceGateway",
    "VoiceChannel",
    "VoiceGateway",
    "Words",
    "language_of",
    "words_of",
]
