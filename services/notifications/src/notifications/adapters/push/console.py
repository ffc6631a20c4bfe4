"""Push for development: each message becomes a mail to an address that no server delivers to."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import orjson

from notifications.adapters.console import Console
from notifications.adapters.email import SmtpGateway
from notifications.domain.channels import Outgoing, Receipt


class ConsolePushGateway:
    """One mail for all browsers of a person."""

    def __init__(self, gateway: SmtpGateway) -> None:
        self._console = Console(gateway, domain="push.invalid")

    @property
    def longest_hand_over(self) -> timedelta:
        return self._console.longest_hand_over

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        shown = orjson.loads(outgoing.content)
        return await self._console.show(
            replace(outgoing, address=f"{len(outgoing.devices)}-browsers"),
            about=f"Push, {len(outgoing.content)} octets",
            text=f"{shown['title']}\n{shown['body']}\n\nOpens: {shown['url'] or 'nothing'}\n",
            may_hand_over=may_hand_over,
        )

    async def aclose(self) -> None:
        await self._console.aclose()
