"""A client's phone, as Twilio tells of it."""

from urllib.parse import urlencode
from uuid import UUID

import httpx2
from notifications_salon import Salon
from notifications_twilio import TOKEN

from notifications.adapters.twilio import form_of, signature_of

BASE = "https://msg.salon.test/api/notifications"
GRACE = "+447700900123"


class Phone:
    """Calls as Twilio makes them, signed unless told otherwise."""

    def __init__(self, salon: Salon) -> None:
        self._salon = salon
        self._next = 0

    async def call(
        self, path: str, form: dict[str, str], *, signature: str | None = None, signed: str | None = None
    ) -> httpx2.Response:
        body = urlencode(form)
        target = f"/v1/providers/twilio/{path}"
        given = (
            signature if signature is not None else signature_of(TOKEN, signed or BASE + target, form_of(body.encode()))
        )
        return await self._salon.anonymous.post(
            target,
            content=body,
            headers={"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": given},
        )

    async def text(self, words: str, *, number: str = GRACE, sid: str | None = None) -> str:
        self._next += 1
        sid = sid or f"SM{self._next:032x}"
        answer = await self.call(
            "inbound-sms", {"MessageSid": sid, "From": number, "To": "+447700900777", "Body": words}
        )
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8"), answer.text
        assert answer.text.endswith("<Response/>")
        return sid

    async def status(
        self, message_id: str, status: str, sid: str, *, organization_id: UUID | None = None, **more: str
    ) -> None:
        query = urlencode({"organization": str(organization_id or self._salon.organization_id), "message": message_id})
        answer = await self.call(f"sms-status?{query}", {"MessageSid": sid, "MessageStatus": status, **more})
        assert answer.status_code == 204, answer.text
