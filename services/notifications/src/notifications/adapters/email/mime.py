"""The finished message: mixed{alternative{plain, html, text/calendar}, invite.ics}."""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy, Policy
from email.utils import format_datetime
from typing import Final

from notifications.adapters.email.ics import Invitation, write_invitation
from notifications.adapters.templates import directed, html_page
from notifications.domain.messages import Kind, Message
from notifications.domain.templates import Text

_KINDS: Final = frozenset(kind.value for kind in Kind)
_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Part of how names are spelt in some scripts, and of emoji."""
_SEVERAL_OF_A_REVISION: Final = frozenset({Kind.AD_HOC, Kind.ANSWER_REFUSED, Kind.CLIENT_WROTE})
"""Where the next one is other news: mail programs show one of two mails with the same id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """All that goes into one mail; addresses are checked, names may be anything."""

    sender: str
    sender_name: str
    recipient: str
    recipient_name: str
    reply_to: str | None
    message_id: str
    text: Text
    language: str
    invitation: Invitation | None
    follows: str | None = None
    """The Message-ID of the mail that programs show it under."""
    unsubscribes_at: str = ""
    """Where one click unsubscribes the recipient; empty for nowhere."""


class _Unfolded(UnstructuredHeader, BaseHeader):
    """Stays in one line: in longer ones than 78 characters `email` writes an address as encoded words."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _policy() -> "EmailPolicy[EmailMessage]":
    headers = HeaderRegistry()
    for name in ("In-Reply-To", "References", "List-Unsubscribe"):
        headers.map_to_type(name, _Unfolded)
    # Not every server takes eight bits (RFC 6152), and `smtp` announces seven.
    return SMTP.clone(header_factory=headers, cte_type="7bit")


_POLICY: Final = _policy()


def message_id_of(message: Message, *, domain: str) -> str:
    """Stable per appointment, revision, kind and recipient: a second copy, were there one, shows as the same mail."""
    recipient = message.resource_id or message.client_id or message.user_id
    if message.series_version is not None:
        return f"<{message.kind}.{message.series_id}.{message.series_version}.{recipient}@{domain}>"
    apart = message.id if message.kind in _SEVERAL_OF_A_REVISION else message.reminder_id
    what = f"{message.kind}.{apart}" if apart else message.kind
    return f"<{what}.{message.appointment_id}.{message.appointment_version}.{recipient}@{domain}>"


def is_own_message_id(message_id: str, *, domain: str) -> bool:
    """Whether it is one of ours that comes back: a loop, or a copy."""
    local, _, of = message_id.strip("<> ").lower().rpartition("@")
    return of == domain.lower() and local.partition(".")[0] in _KINDS


def write_mail(mail: Mail, *, now: datetime) -> bytes:
    """The message as it travels (RFC 5322, CRLF)."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = _mailbox(mail.sender_name, mail.sender)
    message["To"] = _mailbox(mail.recipient_name, mail.recipient)
    if mail.reply_to:
        message["Reply-To"] = Address(addr_spec=mail.reply_to)
    message["Subject"] = mail.text.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = mail.message_id
    if mail.follows is not None and mail.follows != mail.message_id:
        message["In-Reply-To"] = message["References"] = mail.follows
    if mail.unsubscribes_at:
        message["List-Unsubscribe"] = f"<{mail.unsubscribes_at}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # RFC 3834: nobody's holiday notice needs to answer this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(directed(mail.text.text, mail.language))
    message.add_alternative(mail.text.html or html_page(mail.text, mail.language), subtype="html")
    if mail.invitation is not None:
        _attach(message, mail.invitation, now)
    message["Content-Language"] = mail.language
    return message.as_bytes()


def _attach(message: EmailMessage, invitation: Invitation, now: datetime) -> None:
    content = write_invitation(invitation, now=now)
    message.add_alternative(content.decode(), subtype="calendar", cte="base64", params={"method": invitation.method})
    message.add_attachment(content, maintype="application", subtype="ics", filename="invite.ics")


def _mailbox(name: str, address: str) -> Address:
    readable = (character if character.isprintable() or character in _JOINERS else " " for character in name)
    printable = "".join(readable).strip()
    return Address(display_name=printable[:100], addr_spec=address)
