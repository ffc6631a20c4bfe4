"""Whoever delivers reminders: a mail server, a phone company and a push service, which note what they get, and when."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from notifications_push import CONTACT, PUSH_KEY, Browser, FakePushService, PushAnswer, padded
from notifications_twilio import ACCOUNT, TOKEN, Answer, FakeTwilio

from harness.mailbox import Mailbox
from notifications.adapters.push import VapidKey
from slotstream_servicekit.infrastructure.processes import free_port

SENDER = "+447700900777"
ANSWER_SECONDS = 3
"""How long services wait for one of these to answer."""

Clock = Callable[[], datetime]


@dataclass
class MailServer(Mailbox):
    """`silent`: how many of the next mails it takes without saying so."""

    silent: int = 0
    unanswered: set[int] = field(default_factory=set)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        taken = await super().handle_DATA(server, session, envelope)
        if self.silent:
            self.silent -= 1
            self.unanswered.add(len(self.mails) - 1)
            # Ended by aiosmtpd where the other side hangs up.
            await asyncio.Event().wait()
        return taken

    def came(self) -> Iterator[tuple[EmailMessage, datetime, bool]]:
        """Each mail, when it came, and whether that was answered."""
        for number, (mail, at) in enumerate(zip(self.mails, self.times, strict=False)):
            yield mail, at, number not in self.unanswered


@dataclass
class PhoneCompany(FakeTwilio):
    """`came`: (our message's id, when, whether it was answered) of each text and call."""

    clock: Clock = field(kw_only=True)
    came: list[tuple[str, datetime, bool]] = field(default_factory=list)

    def _check(self, request: web.Request, part: str, form: Mapping[str, Any]) -> None:
        super()._check(request, part, form)
        [message] = parse_qs(urlsplit(form["StatusCallback"]).query)["message"]
        self.came.append((message, self.clock(), not self.answers))


@dataclass
class PushService(FakePushService):
    """As PhoneCompany."""

    clock: Clock = field(kw_only=True)
    came: list[tuple[str, datetime, bool]] = field(default_factory=list)

    def _faults(self, request: web.Request, body: bytes) -> list[str]:
        message = UUID(bytes=padded(request.headers["Topic"]))
        self.came.append((str(message), self.clock(), not self.answers))
        # Who signs by a clock that runs ahead is refused elsewhere.
        return []


@dataclass
class Providers:
    """All of them, going by one clock."""

    mails: MailServer
    phones: PhoneCompany
    pushes: PushService
    never: asyncio.Event = field(default_factory=asyncio.Event)

    def browser(self) -> Browser:
        return self.pushes.browser()

    def keep_silent(self, channel: str) -> None:
        """The next one on this channel is taken, and nobody is told."""
        if channel == "email":
            self.mails.silent += 1
        elif channel == "push":
            self.pushes.answers.append(PushAnswer(hold=self.never))
        elif channel == "sms":
            self.phones.answers.append(Answer(hold=self.never, acts=True))
        else:
            self.phones.answers.append(Answer(cut=True, acts=True))

    def speak_again(self) -> None:
        self.mails.silent = 0
        self.pushes.answers.clear()
        self.phones.answers.clear()

    @property
    def environment(self) -> dict[str, str]:
        """What notifications is told of them."""
        return {
            "NOTIFICATIONS_SMTP_PORT": str(self.mails.port),
            "NOTIFICATIONS_SMTP_DATA_SECONDS": str(ANSWER_SECONDS),
            "NOTIFICATIONS_SMS": "twilio",
            "NOTIFICATIONS_SMS_SENDER": SENDER,
            "NOTIFICATIONS_VOICE": "twilio",
            "NOTIFICATIONS_VOICE_SENDER": SENDER,
            "NOTIFICATIONS_VOICE_QUIET_FROM": "00:00",
            "NOTIFICATIONS_VOICE_QUIET_UNTIL": "00:00",
            "NOTIFICATIONS_TWILIO_ACCOUNT_SID": ACCOUNT,
            "NOTIFICATIONS_TWILIO_AUTH_TOKEN": TOKEN,
            "NOTIFICATIONS_TWILIO_BASE_URL": self.phones.url,
            "NOTIFICATIONS_TWILIO_SECONDS": str(ANSWER_SECONDS),
            "NOTIFICATIONS_PUSH": "webpush",
            "NOTIFICATIONS_PUSH_KEY": PUSH_KEY,
            "NOTIFICATIONS_PUSH_CONTACT": CONTACT,
            "NOTIFICATIONS_PUSH_ALLOWED_NETWORKS": json.dumps(["127.0.0.0/8"]),
            "NOTIFICATIONS_PUSH_CA_FILE": str(self.pushes.ca_file),
            "NOTIFICATIONS_PUSH_SECONDS": str(ANSWER_SECONDS),
        }


@asynccontextmanager
async def providers(folder: Path, clock: Clock) -> AsyncIterator[Providers]:
    pushes = PushService(ca_file=folder / "push-ca.pem", public_key=VapidKey(PUSH_KEY).public_key, clock=clock)
    with MailServer(port=free_port(), clock=clock) as mails:
        async with PhoneCompany(clock=clock).running() as phones, pushes.running():
            all_of_them = Providers(mails=mails, phones=phones, pushes=pushes)  # type: ignore[arg-type]
            try:
                yield all_of_them
            finally:
                all_of_them.never.set()
