"""A real SMTP server whose answers a test chooses, and what stands in the mails that it took."""

import asyncio
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

import icalendar
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Mailbox:
    """A real SMTP server. `answers` are its replies after DATA, in turn; it answers nothing as long as it is `silent`."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    at_sender: list[str] = field(default_factory=list)
    at_recipient: list[str] = field(default_factory=list)
    of_domain: dict[str, list[str]] = field(default_factory=dict)
    """To recipients at a domain, in turn."""
    silent: bool = False
    connections: int = 0

    async def handle_EHLO(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.at_sender:
            return self.at_sender.pop(0)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.at_recipient:
            return self.at_recipient.pop(0)
        if answers := self.of_domain.get(address.rpartition("@")[2]):
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = cast("bytes", envelope.content)
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250") or self.silent:
            self.mails.append(cast("EmailMessage", message_from_bytes(content, policy=policy.default)))
        while self.silent:  # noqa: ASYNC110 (set in the test's thread, this is the server's)
            await asyncio.sleep(0.02)
        return answer


def calendar_of(mail: EmailMessage) -> Any:
    [part] = [item for item in mail.walk() if item.get_content_type() == "text/calendar"]
    assert part["Content-Transfer-Encoding"] == "base64"
    return icalendar.Calendar.from_ical(part.get_content())


def event_of(mail: EmailMessage) -> Any:
    [event] = calendar_of(mail).walk("VEVENT")
    return event


def words(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())
