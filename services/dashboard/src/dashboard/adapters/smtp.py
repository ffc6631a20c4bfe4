"""Sending the few mails of sign-in itself, one connection each."""

from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate, make_msgid
from typing import Literal

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from dashboard.domain.protocols import MailNotSentError
from slotstream_servicekit.authorities import authorities


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpMailSender:
    """`tls`: on connecting (`tls`), by STARTTLS (`starttls`), the same where offered (`opportunistic`), or `none`."""

    host: str
    port: int
    sender: str
    tls: Literal["opportunistic", "starttls", "tls", "none"] = "opportunistic"
    ca_file: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    seconds: float = 10.0

    async def send(self, *, recipient: str, subject: str, text: str, html: str) -> None:
        """Raises MailNotSentError where it was not accepted, or may not have been."""
        message = self._message(recipient=recipient, subject=subject, text=text, html=html)
        client = SMTP(
            hostname=self.host,
            port=self.port,
            timeout=self.seconds,
            use_tls=self.tls == "tls",
            start_tls={"starttls": True, "opportunistic": None}.get(self.tls, False),
            tls_context=authorities(self.ca_file),
            username=self.username,
            password=self.password,
        )
        try:
            async with client:
                await client.send_message(message, sender=self.sender, recipients=[recipient])
        except (SMTPException, OSError, ValueError) as error:
            raise MailNotSentError(_reason(error), passing=not _is_for_good(error)) from error

    def _message(self, *, recipient: str, subject: str, text: str, html: str) -> EmailMessage:
        message = EmailMessage(policy=SMTP_POLICY)
        message["From"] = f"Slotstream <{self.sender}>"
        message["To"] = recipient
        message["Subject"] = subject
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2] or "slotstream.invalid")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        message.add_alternative(html, subtype="html")
        return message


def _reason(error: Exception) -> str:
    """Without the server's text, which may quote the address."""
    code = f" {error.code}" if isinstance(error, SMTPResponseException) else ""
    return f"{type(error).__name__}{code}"


def _is_for_good(error: Exception) -> bool:
    """A 5xx about the recipient or the mail. One about our own credentials is an operator's to mend."""
    if isinstance(error, ValueError):
        return True
    return isinstance(error, SMTPResponseException) and 550 <= error.code <= 559
