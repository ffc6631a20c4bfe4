"""What visitors of public pages carry, sealed; and what is kept of them, derived by a key."""

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from dashboard.adapters.sealing import SecretBox
from dashboard.domain.errors import UnsealableError
from dashboard.domain.public import Booked, Draft, Hold, PageAddress

_NOBODY: Final = UUID(int=0)
_DRAFT: Final = struct.Struct(">16s16s16s16sqqq")
_BOOKED: Final = struct.Struct(">16s16s?q")
_MOST_LETTERS: Final = 1_000
_CODES: Final = 1_000_000


class SealedDrafts:
    """Bound to the page by the purpose: another page's draft stays shut."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._box = SecretBox(keys)

    def seal_draft(self, address: PageAddress, draft: Draft) -> str:
        hold = draft.hold
        return self._seal(
            f"draft {address.handle}",
            _DRAFT.pack(
                draft.id.bytes,
                draft.service_id.bytes,
                (draft.staff_id or _NOBODY).bytes,
                (hold.id if hold is not None else _NOBODY).bytes,
                int(draft.starts_at.timestamp()),
                int(hold.until.timestamp()) if hold is not None else 0,
                int(draft.made_at.timestamp()),
            ),
        )

    def open_draft(self, address: PageAddress, token: str) -> Draft | None:
        content = self._open(f"draft {address.handle}", token, size=_DRAFT.size)
        if content is None:
            return None
        draft, service, staff, hold, starts_at, until, made_at = _DRAFT.unpack(content)
        hold_id = UUID(bytes=hold)
        return Draft(
            id=UUID(bytes=draft),
            service_id=UUID(bytes=service),
            staff_id=_somebody(staff),
            starts_at=_instant(starts_at),
            hold=Hold(id=hold_id, until=_instant(until)) if hold_id != _NOBODY else None,
            made_at=_instant(made_at),
        )

    def seal_booked(self, address: PageAddress, booked: Booked) -> str:
        client_id = (booked.client_id or _NOBODY).bytes
        content = _BOOKED.pack(booked.appointment_id.bytes, client_id, booked.by_mail, int(booked.made_at.timestamp()))
        return self._seal(f"booked {address.handle}", content)

    def open_booked(self, address: PageAddress, token: str) -> Booked | None:
        content = self._open(f"booked {address.handle}", token, size=_BOOKED.size)
        if content is None:
            return None
        appointment, client, by_mail, made_at = _BOOKED.unpack(content)
        return Booked(
            appointment_id=UUID(bytes=appointment),
            client_id=_somebody(client),
            by_mail=by_mail,
            made_at=_instant(made_at),
        )

    def _seal(self, purpose: str, content: bytes) -> str:
        sealed = self._box.seal(base64.b64encode(content).decode(), purpose=purpose)
        return sealed.rstrip(b"=").decode()

    def _open(self, purpose: str, token: str, *, size: int) -> bytes | None:
        if len(token) > _MOST_LETTERS or not token.isascii():
            return None
        try:
            padded = token + "=" * (-len(token) % 4)
            content = base64.b64decode(self._box.open(padded.encode(), purpose=purpose))
        except (UnsealableError, binascii.Error, ValueError, TypeError):
            return None
        return content if len(content) == size else None


class DerivedVisitorSecrets:
    """Keyed digests, so that what is kept leads back to nobody without the key."""

    def __init__(self, key: str) -> None:
        self._key = hashlib.sha256(b"slotstream visitors\x00" + key.encode()).digest()

    def visitor(self, network: str) -> str:
        return "visitor:" + self._digest("visitor", network).hex()[:32]

    def recipient(self, email: str) -> bytes:
        return self._digest("recipient", email)

    def network(self, network: str) -> bytes:
        return self._digest("network", network)

    def code(self, *, code_id: UUID, draft_id: UUID, email: str) -> str:
        """Six digits. They are stored nowhere: whoever knows the key and the address derives them again."""
        digest = self._digest("code", f"{code_id} {draft_id} {email}")
        return f"{int.from_bytes(digest) % _CODES:06}"

    def _digest(self, kind: str, text: str) -> bytes:
        return hmac.new(self._key, f"{kind}\x00{text}".encode(), hashlib.sha256).digest()


def _somebody(raw: bytes) -> UUID | None:
    found = UUID(bytes=raw)
    return found if found != _NOBODY else None


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
