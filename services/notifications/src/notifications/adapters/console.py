"""A provider for development: what would go out becomes a mail to an address that no server delivers to."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from notifications.adapters.email import SmtpGateway
from notifications.domain.channels import Outgoing, Receipt

_RECORDING: Final = timedelta(seconds=30)
_SUBJECT: Final = 60


class Console:
    """Puts what a channel sends beside the mails that the local stack catches.

    `domain` is one that never exists (RFC 2606), such as `sms.invalid`.
    """

    def __init__(self, gateway: SmtpGateway, *, domain: str) -> None:
        self._gateway = gateway
        self._domain = domain

    @property
    def longest_hand_over(self) -> timedelta:
        return timedelta(seconds=self._gateway.server.data_seconds) + _RECORDING

    async def show(
        self, outgoing: Outgoing, *, about: str, text: str, may_hand_over: Callable[[], Awaitable[bool]]
    ) -> Receipt:
        """The mail's subject is what it is `about`, and the beginning of `text`."""
        sender, recipient = f"console@{self._domain}", f"{outgoing.address}@{self._domain}"
        mail = EmailMessage(policy=SMTP)
        mail["From"] = sender
        mail["To"] = recipient
        mail["Subject"] = f"{about}: {' '.join(text.split())[:_SUBJECT]}"
        mail["Message-ID"] = f"<{outgoing.reference.replace(':', '.')}@{self._domain}>"
        mail.set_content(text)
        reply = await self._gateway.send(
            sender=sender, recipient=recipient, content=mail.as_bytes(), may_hand_over=may_hand_over
        )
        return Receipt(provider_id=reply)

    async def aclose(self) -> None:
        await self._gateway.aclose()
