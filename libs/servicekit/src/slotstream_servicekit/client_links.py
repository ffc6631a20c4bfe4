"""Links with which clients reach their appointments without an account. A link has a sealed token, and nothing else.

The token is sealed with AES-SIV (RFC 5297): nobody reads or alters it, and one content has one token, so that a
message that is rendered again holds the same link. It names ids only. With the keys two services make such links and
one opens them; what ends them before their time (a revocation, an erase, another time of the appointment) is looked
at when they are opened.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

PATH: Final = "/p/"
MAX_TOKEN_LENGTH: Final = 160
_OVERVIEW: Final = struct.Struct(">16s16sII")
_APPOINTMENT: Final = struct.Struct(">16s16sII16sq")
_BOUND_TO: Final = [b"slotstream client link 1"]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_KEY_BYTES: Final = 32
_LAST_SECOND: Final = (1 << 32) - 1
"""In 2106: the latest end of a link, since it has 32 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAppointment:
    """The appointment of a link, and the start that it had when the link was made."""

    id: UUID
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLink:
    """A link to the portal of a client. Without `appointment` it shows all of theirs. Instants are whole seconds."""

    organization_id: UUID
    client_id: UUID
    issued_at: datetime
    expires_at: datetime
    appointment: ShownAppointment | None = None


class LinkSealer:
    """Seals with the first key and opens with any, so that keys can be rotated."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys`: 32 bytes each, in URL-safe base64. Raises ValueError for others, and where there are none."""
        if not keys:
            raise ValueError("there is no key to seal links with")
        self._ciphers = [AESSIV(_derived(key)) for key in keys]

    def seal(self, link: ClientLink) -> str:
        head = (link.organization_id.bytes, link.client_id.bytes, _second(link.issued_at), _second(link.expires_at))
        if link.appointment is None:
            content = _OVERVIEW.pack(*head)
        else:
            start = (link.appointment.starts_at - _EPOCH) // _MICROSECOND
            content = _APPOINTMENT.pack(*head, link.appointment.id.bytes, start)
        return base64.urlsafe_b64encode(self._ciphers[0].encrypt(content, _BOUND_TO)).rstrip(b"=").decode()

    def open(self, token: str) -> ClientLink | None:
        """The link in the token, also if it has expired; None if the token was not sealed with one of our keys."""
        sealed = _decoded(token)
        if sealed is None:
            return None
        for cipher in self._ciphers:
            try:
                return _link(cipher.decrypt(sealed, _BOUND_TO))
            except InvalidTag:
                continue
        return None


def link_address(public_url: str, token: str) -> str:
    return f"{public_url.rstrip('/')}{PATH}{token}"


def checked_link_keys(keys: Sequence[str]) -> None:
    """Raises ValueError for something that is not a key, without quoting it."""
    for key in keys:
        _derived(key)


def _derived(key: str) -> bytes:
    try:
        secret = base64.urlsafe_b64decode(key)
    except (binascii.Error, ValueError):
        raise ValueError("a link key is 32 bytes in URL-safe base64") from None
    if len(secret) != _KEY_BYTES:
        raise ValueError("a link key is 32 bytes in URL-safe base64")
    return hashlib.sha512(_BOUND_TO[0] + b"\x00" + secret).digest()


def _decoded(token: str) -> bytes | None:
    """The bytes of a token, if it is written as we write it: no other spelling of a token is accepted."""
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        return None
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    lengths = {form.size + 16 for form in (_OVERVIEW, _APPOINTMENT)}
    is_canonical = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode() == token
    return sealed if is_canonical and len(sealed) in lengths else None


def _link(content: bytes) -> ClientLink:
    appointment = None
    if len(content) == _OVERVIEW.size:
        organization, client, issued, expires = _OVERVIEW.unpack(content)
    else:
        organization, client, issued, expires, shown, start = _APPOINTMENT.unpack(content)
        appointment = ShownAppointment(id=UUID(bytes=shown), starts_at=_EPOCH + start * _MICROSECOND)
    return ClientLink(
        organization_id=UUID(bytes=organization),
        client_id=UUID(bytes=client),
        issued_at=_EPOCH + timedelta(seconds=issued),
        expires_at=_EPOCH + timedelta(seconds=expires),
        appointment=appointment,
    )


def _second(instant: datetime) -> int:
    return min(int((instant - _EPOCH).total_seconds()), _LAST_SECOND)
