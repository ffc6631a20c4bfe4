"""Calls for development: each becomes a mail with what would be said, and which keys would be asked for."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from notifications.adapters.console import Console
from notifications.adapters.email import SmtpGateway
from notifications.adapters.voice.addresses import CallAddress
from notifications.adapters.voice.words import words_of
from notifications.domain.channels import Outgoing, Receipt


class ConsoleVoiceGateway:
    def __init__(self, gateway: SmtpGateway) -> None:
        self._console = Console(gateway, domain="voice.invalid")

    @property
    def longest_hand_over(self) -> timedelta:
        return self._console.longest_hand_over

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        words = words_of(CallAddress.of_reference(outgoing.reference).language)
        text = outgoing.content.decode()
        said = f"{text}\n{words.keys}" if outgoing.asks else text
        about = f"Call, {words.tag} by {words.voice}"
        return await self._console.show(outgoing, about=about, text=said, may_hand_over=may_hand_over)

    async def aclose(self) -> None:
        await self._console.aclose()
