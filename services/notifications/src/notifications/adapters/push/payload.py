"""What a push message holds for the browser's service worker: no more than may stand on a locked screen."""

from typing import Any, Final

import orjson

from notifications.domain.channels import Notification
from notifications.domain.messages import Audience

MAX_PAYLOAD: Final = 4096 - 86 - 17
"""A push service takes 4096 octets (RFC 8030 §7.2), with the header of aes128gcm and what a record adds."""
_STAFF_PAGE: Final = "/appointments/"


def payload_of(notification: Notification) -> bytes:
    """Title, text, and the page that opens; as much of the text as there is room for, cut at a character."""
    message, text = notification.message, notification.text
    fields: dict[str, Any] = {
        "id": str(message.id),
        "title": text.subject,
        "body": text.text.strip(),
        "url": f"{_STAFF_PAGE}{message.appointment_id}" if message.audience is Audience.STAFF else notification.opens,
        "lang": notification.language,
    }
    return _bounded(fields)


def without_text(payload: bytes) -> bytes:
    """For a push service that takes less than the standard asks for: the title says what it is about."""
    return orjson.dumps({**orjson.loads(payload), "body": ""})


def _bounded(fields: dict[str, Any]) -> bytes:
    payload = orjson.dumps(fields)
    while len(payload) > MAX_PAYLOAD:
        body: str = fields["body"]
        # A character is six octets at most, as \\u0001.
        fields["body"] = body[: len(body) - max(1, (len(payload) - MAX_PAYLOAD) // 6)]
        payload = orjson.dumps(fields)
    return payload
