"""SMS for development: each text becomes a mail that says what it would cost."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from notifications.adapters.console import Console
from notifications.adapters.email import SmtpGateway
from notifications.domain.channels import Outgoing, Receipt
from notifications.domain.sms import sms_size


class ConsoleSmsGateway:
    def __init__(self, gateway: SmtpGateway) -> None:
        self._console = Console(gateway, domain="sms.invalid")

    @property
    def longest_hand_over(self) -> timedelta:
        return self._console.longest_hand_over

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        text = outgoing.content.decode()
        size = sms_size(text)
        about = f"SMS, {size.encoding}, {size.units} units in {size.segments}"
        return await self._console.show(outgoing, about=about, text=text, may_hand_over=may_hand_over)

    async def aclose(self) -> None:
        await self._console.aclose()
