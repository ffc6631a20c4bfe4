"""The addresses that clients, and their calendars, answer our mails at: `reply+<token>@in.example.com`.

The token names the organization and holds a keyed digest of whose answer it is, and of which calendar entry. It is the
same in all that one client is told of one entry, since calendars take an organizer with another address for somebody
else. It is written in Base32, which survives relays that change the case of letters, and with its 52 characters leaves
room in the 64 that a local part may have (RFC 5321 §4.5.3.1.1).
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from notifications.adapters.email.address import checked_address
from notifications.domain.channels import InvalidAddressError
from notifications.domain.mail_replies import ReplyAddress, ReplyToken

MOST_LOCAL: Final = 11
"""Characters before the plus sign."""
_TOKEN_LENGTH: Final = 52
_PADDING: Final = "===="
_MAC_BYTES: Final = 16
_BOUND_TO: Final = b"slotstream reply address 1"


class ReplyAddresses:
    """Makes addresses with the first key and knows them by any, so that keys can be replaced."""

    def __init__(self, keys: Sequence[str], *, mailbox: str) -> None:
        """`mailbox`: the address without a token. Raises ValueError where it has no room for one, or without a key."""
        if not keys:
            raise ValueError("there is no key to make reply addresses with")
        try:
            self._local, _, self._domain = checked_address(mailbox).lower().rpartition("@")
        except InvalidAddressError as error:
            raise ValueError("the mailbox for replies is no e-mail address") from error
        if len(self._local) > MOST_LOCAL or "+" in self._local:
            raise ValueError(f"the mailbox for replies has at most {MOST_LOCAL} characters before the @, and no plus")
        self._keys = [base64.urlsafe_b64decode(key) for key in keys]
        self._shape = re.compile(
            rf"(?<![\w.+-]){re.escape(self._local)}\+([a-z2-7]{{{_TOKEN_LENGTH}}})@{re.escape(self._domain)}(?![\w.-])",
            re.IGNORECASE | re.ASCII,
        )

    def address_for(self, organization_id: UUID, client_id: UUID, calendar_uid: str) -> ReplyAddress:
        mac = _mac(self._keys[0], organization_id, client_id, calendar_uid)
        token = base64.b32encode(organization_id.bytes + mac).decode().rstrip("=").lower()
        return ReplyAddress(
            organization_id=organization_id,
            client_id=client_id,
            calendar_uid=calendar_uid,
            address=f"{self._local}+{token}@{self._domain}",
            digest=_digest(organization_id, mac),
        )

    def tokens_in(self, text: str) -> list[ReplyToken]:
        """What addresses of ours in `text` say. Whether they were ever given is not known here."""
        return [token for match in self._shape.finditer(text) if (token := _token(match[1])) is not None]

    def proves(self, token: ReplyToken, *, client_id: UUID, calendar_uid: str) -> bool:
        """Whether the token was made for this client and entry, by a key that still holds."""
        organization_id = token.organization_id
        return any(
            hmac.compare_digest(
                _digest(organization_id, _mac(key, organization_id, client_id, calendar_uid)), token.digest
            )
            for key in self._keys
        )


def _token(text: str) -> ReplyToken | None:
    try:
        content = base64.b32decode(text.upper() + _PADDING)
    except (binascii.Error, ValueError):
        return None
    organization_id = UUID(bytes=content[:16])
    return ReplyToken(organization_id=organization_id, digest=_digest(organization_id, content[16:]))


def _mac(key: bytes, organization_id: UUID, client_id: UUID, calendar_uid: str) -> bytes:
    content = _BOUND_TO + organization_id.bytes + client_id.bytes + calendar_uid.encode()
    return hmac.new(key, content, hashlib.sha256).digest()[:_MAC_BYTES]


def _digest(organization_id: UUID, mac: bytes) -> str:
    """What is stored: who reads it cannot write to the address."""
    return hashlib.sha256(organization_id.bytes + mac).hexdigest()
