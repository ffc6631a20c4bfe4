"""A real SMTP server that keeps what it is given."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Mailbox:
    """Collects every mail handed over; `port` is where it listens."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    """When each of them came, by `clock`."""
    clock: Callable[[], datetime] = _now
    _controller: Controller | None = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        del server, session
        content = cast("bytes", envelope.content)
        self.times.append(self.clock())
        self.mails.append(cast("EmailMessage", message_from_bytes(content, policy=policy.default)))
        return "250 OK"

    def __enter__(self) -> Self:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=60)
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._controller is not None:
            self._controller.stop()

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to one address, oldest first."""
        return [mail for mail in self.mails if address in {each.addr_spec for each in mail["To"].addresses}]

    async def expect(self, address: str, *, count: int = 1, within: float = 90.0) -> list[EmailMessage]:
        """Wait (at most `within` seconds) until `address` has `count` mails."""
        deadline = asyncio.get_running_loop().time() + within
        while len(self.to(address)) < count:
            if asyncio.get_running_loop().time() > deadline:
                subjects = [str(mail["Subject"]) for mail in self.to(address)]
                raise AssertionError(f"{address} has {len(subjects)} of {count} mails after {within} s: {subjects}")
            await asyncio.sleep(0.05)
        return self.to(address)


def calendar_part(mail: EmailMessage) -> str:
    """The text of a mail's `text/calendar` alternative."""
    for part in mail.walk():
        if part.get_content_type() == "text/calendar":
            return cast("bytes", part.get_payload(decode=True)).decode()
    raise AssertionError("the mail has no text/calendar part")


def body_text(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())
