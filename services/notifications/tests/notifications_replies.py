"""A client's mail program and calendar: what they send when somebody answers a mail or an invitation.

Invitations are read, and answers are written, by vobject: another library than the service's own.
"""

from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import httpx2
import vobject
from dateutil.tz import UTC
from notifications_salon import Salon

SECRET = "0123456789abcdef0123456789abcdef"
PATH = "/v1/providers/mail/inbound"


def calendar_text(mail: EmailMessage) -> str:
    [part] = [item for item in mail.walk() if item.get_content_type() == "text/calendar"]
    return str(part.get_content())


def answered_at(mail: EmailMessage) -> str:
    """Where the mail says that it is answered."""
    return str(mail["Reply-To"])


@dataclass
class ClientsCalendar:
    """The calendar of who was invited."""

    salon: Salon
    address: str = "grace@example.com"
    sent: list[bytes] = field(default_factory=list)

    def reply(
        self,
        invitation: EmailMessage,
        participation: str,
        *,
        method: str = "REPLY",
        stamped_at: datetime | None = None,
        recurs_at: datetime | None = None,
        **changes: str,
    ) -> str:
        """The calendar's answer to an invitation; `changes` to its UID, SEQUENCE or COMMENT."""
        [invited] = [
            event
            for event in vobject.readOne(calendar_text(invitation)).vevent_list
            if recurs_at is None or not hasattr(event, "recurrence_id")
        ][:1]
        answer = vobject.iCalendar()
        answer.add("method").value = method
        event = answer.add("vevent")
        event.add("uid").value = changes.get("uid", invited.uid.value)
        event.add("dtstamp").value = (stamped_at or self.salon.now).astimezone(UTC)
        event.add("dtstart").value = (recurs_at or invited.dtstart.value).astimezone(UTC)
        event.add("sequence").value = changes.get("sequence", invited.sequence.value)
        event.add("organizer").value = invited.organizer.value
        attendee = event.add("attendee")
        attendee.value = f"mailto:{self.address}"
        attendee.params["PARTSTAT"] = [participation]
        own = getattr(invited, "recurrence_id", None)
        if recurs_at is not None or own is not None:
            event.add("recurrence-id").value = (recurs_at or own.value).astimezone(UTC)
        if "comment" in changes:
            event.add("comment").value = changes["comment"]
        return str(answer.serialize())

    def mail(
        self, to: str, *, calendar: str | None = None, text: str = "", method: str = "REPLY", **headers: str
    ) -> bytes:
        message = EmailMessage()
        message["From"] = headers.pop("From", f"Grace <{self.address}>")
        message["To"] = to
        message["Subject"] = "Re: Your appointment"
        message["Message-ID"] = headers.pop("Message_ID", f"<{uuid4().hex}@client.example>")
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        message.set_content(text)
        if calendar is not None:
            message.add_alternative(calendar, subtype="calendar", params={"method": method})
        return message.as_bytes()

    async def post(self, raw: bytes, *, secret: str | None = SECRET, **params: str) -> httpx2.Response:
        self.sent.append(raw)
        headers = {"Content-Type": "message/rfc822"}
        if secret is not None:
            headers["Authorization"] = f"Bearer {secret}"
        return await self.salon.anonymous.post(PATH, content=raw, headers=headers, params=params)

    async def hand_in(self, raw: bytes, **params: str) -> str:
        """What came of the mail."""
        answer = await self.post(raw, **params)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["outcome"])

    async def answer(self, invitation: EmailMessage, participation: str, **more: Any) -> str:
        method = more.get("method", "REPLY")
        calendar = self.reply(invitation, participation, **more)
        return await self.hand_in(self.mail(answered_at(invitation), calendar=calendar, method=method))
