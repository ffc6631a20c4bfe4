"""SMS for development: each text becomes a mail to an address that no server delivers to."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from notifications.adapters.email import SmtpGateway
from notifications.domain import Outgoing, Receipt, sms_size

_RECORDING: Final = timedelta(seconds=30)
_SENDER: Final = "console@sms.invalid"


class ConsoleSmsGateway:
    """Puts texts beside the mails that the local stack catches. The domain is one that never exists (RFC 2606)."""

    def __init__(self, gateway: SmtpGateway) -> None:
        self._gateway = gateway

    @property
    def longest_hand_over(self) -> timedelta:
        return timedelta(seconds=self._gateway.server.data_seconds) + _RECORDING

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        recipient = f"{outgoing.address}@sms.invalid"
        reply = await self._gateway.send(
            sender=_SENDER, recipient=recipient, content=_as_mail(outgoing, recipient), may_hand_over=may_hand_over
        )
        return Receipt(provider_id=reply)

    async def aclose(self) -> None:
        await self._gateway.aclose()


def _as_mail(outgoing: Outgoing, recipient: str) -> bytes:
    text = outgoing.content.decode()
    size = sms_size(text)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _SENDER
    mail["To"] = recipient
    mail["Subject"] = f"SMS, {size.encoding}, {size.units} units in {size.segments}: {' '.join(text.split())[:60]}"
    mail["Message-ID"] = f"<{outgoing.reference.replace(':', '.')}@sms.invalid>"
    mail.set_content(text)
    return mail.as_bytes()
