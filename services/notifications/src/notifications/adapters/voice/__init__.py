"""Calls: the channel, the ways on which they are made (Twilio, a console for development), and what is said in them."""

from notifications.adapters.voice.channel import VoiceChannel, VoiceGateway
from notifications.adapters.voice.console import ConsoleVoiceGateway

__all__ = ["ConsoleVoiceGateway", "VoiceChannel", "VoiceGateway"]
