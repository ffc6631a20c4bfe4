"""A client's phone, as Twilio tells of it."""

from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID
from xml.etree import ElementTree as ET

import httpx2
from notifications_salon import Salon
from notifications_twilio import TOKEN

from notifications.adapters.twilio import form_of, signature_of

BASE = "https://msg.salon.test/api/notifications"
GRACE = "+447700900123"


class Phone:
    """Calls as Twilio makes them, signed unless told otherwise. `own`: whose own number texts are written to."""

    def __init__(self, salon: Salon, *, token: str = TOKEN, own: UUID | None = None) -> None:
        self._salon = salon
        self._token = token
        self._own = own
        self._next = 0

    async def call(
        self, path: str, form: dict[str, str], *, signature: str | None = None, signed: str | None = None
    ) -> httpx2.Response:
        body = urlencode(form)
        target = f"/v1/providers/twilio/{path}"
        given = (
            signature
            if signature is not None
            else signature_of(self._token, signed or BASE + target, form_of(body.encode()))
        )
        return await self._salon.anonymous.post(
            target,
            content=body,
            headers={"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": given},
        )

    async def text(self, words: str, *, number: str = GRACE, sid: str | None = None) -> str:
        self._next += 1
        sid = sid or f"SM{self._next:032x}"
        path = "inbound-sms" if self._own is None else f"inbound-sms?organization={self._own}"
        answer = await self.call(path, {"MessageSid": sid, "From": number, "To": "+447700900777", "Body": words})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8"), answer.text
        assert answer.text.endswith("<Response/>")
        return sid

    async def status(
        self,
        message_id: str,
        status: str,
        sid: str,
        *,
        organization_id: UUID | None = None,
        attempt: str | None = None,
        **more: str,
    ) -> None:
        """`attempt`: which one it speaks of; None as addresses of former versions have it."""
        named = {"organization": str(organization_id or self._salon.organization_id), "message": message_id}
        query = urlencode(named if attempt is None else {**named, "attempt": attempt})
        answer = await self.call(f"sms-status?{query}", {"MessageSid": sid, "MessageStatus": status, **more})
        assert answer.status_code == 204, answer.text


class Ringing:
    """One call to a client's phone: what was heard in it, and what is pressed."""

    def __init__(self, phone: Phone, sid: str, ordered: dict[str, Any]) -> None:
        self._phone = phone
        self.sid = sid
        self.url: str = ordered["Url"]
        self._status_url: str = ordered["StatusCallback"]
        self.action: str | None = None
        """Where the next key is told, or where is asked how to go on."""
        self.document = ET.Element("Response")

    async def ask(self, url: str, **form: str) -> str:
        """Twilio asks what to say: all that is said, one sentence a line."""
        answer = await self._phone.call(
            _after_prefix(url), {"CallSid": self.sid, "CallStatus": "in-progress", **form}, signed=url
        )
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8"), answer.text
        assert answer.text.startswith("<?xml")
        self.document = ET.fromstring(answer.text)  # noqa: S314 - what we have said ourselves
        gather, redirect = self.document.find("Gather"), self.document.find("Redirect")
        self.action = gather.attrib["action"] if gather is not None else redirect.text if redirect is not None else None
        return "\n".join(say.text or "" for say in self.document.iter("Say"))

    async def pick_up(self, answered_by: str = "human") -> str:
        return await self.ask(self.url, AnsweredBy=answered_by)

    async def press(self, key: str, *, url: str | None = None) -> str:
        to = url or self.action
        assert to is not None
        return await self.ask(to, Digits=key)

    async def listen_on(self) -> str:
        assert self.action is not None
        return await self.ask(self.action)

    async def status(self, status: str, *, sid: str | None = None, url: str | None = None, **more: str) -> None:
        url = url or self._status_url
        answer = await self._phone.call(
            _after_prefix(url), {"CallSid": sid or self.sid, "CallStatus": status, **more}, signed=url
        )
        assert answer.status_code == 204, answer.text


def _after_prefix(url: str) -> str:
    assert url.startswith(f"{BASE}/v1/providers/twilio/")
    parts = urlsplit(url)
    return f"{parts.path.rpartition('/')[2]}?{parts.query}"
