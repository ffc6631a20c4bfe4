"""The finished message: mixed{alternative{plain, html, text/calendar}, invite.ics}."""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from uuid import UUID

from notifications.adapters.email.ics import Invitation
from notifications.domain import Mail, Message, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
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


def message_id_of(message: Message, *, domain: str) -> str:
    """Stable per appointment, revision, kind and recipient: a second copy, were there one, shows as the same mail."""
    recipient: UUID = message.resource_id or message.client_id
    what = f"{message.kind}.{message.reminder_id}" if message.reminder_id else message.kind
    return f"<{what}.{message.appointment_id}.{message.appointment_version}.{recipient}@{domain}>"


def mail_of(letter: Letter, *, now: datetime) -> Mail:
    """The message as it travels."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _mailbox(letter.sender_name, letter.sender)
    mail["To"] = _mailbox(letter.recipient_name, letter.recipient)
    if letter.reply_to:
        mail["Reply-To"] = Address(addr_spec=letter.reply_to)
    mail["Subject"] = letter.text.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = letter.message_id
    # RFC 3834: nobody's holiday notice needs to answer this.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.text.text)
    mail.add_alternative(letter.text.html or html_of(letter.text.text, letter.language), subtype="html")
    if letter.invitation is not None:
        _attach(mail, letter.invitation)
    mail["Content-Language"] = letter.language
    return Mail(sender=letter.sender, recipient=letter.recipient, message_id=letter.message_id, content=mail.as_bytes())


def _attach(mail: EmailMessage, invitation: Invitation) -> None:
    mail.add_alternative(
        invitation.content.decode(), subtype="calendar", cte="base64", params={"method": invitation.method}
    )
    mail.add_attachment(invitation.content, maintype="application", subtype="ics", filename="invite.ics")


def _mailbox(name: str, address: str) -> Address:
    printable = "".join(character if character.isprintable() else " " for character in name).strip()
    return Address(display_name=printable[:100], addr_spec=address)


def html_of(text: str, language: str) -> str:
    """A plain, readable page with the same words."""
    paragraphs = [escape(each).replace("\n", "<br>\n") for each in text.strip().split("\n\n")]
    body = "\n".join(f'<p style="margin:0 0 16px">{each}</p>' for each in paragraphs)
    style = "max-width:560px;margin:0 auto;padding:24px;font:16px/1.5 system-ui,-apple-system,sans-serif;color:#1c1c1e"
    return (
        f'<!doctype html>\n<html lang="{escape(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"></head>'
        f'<body style="margin:0;background:#fff"><div style="{style}">\n{body}\n</div></body></html>\n'
    )
