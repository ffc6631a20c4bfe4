"""Secrets of subscription addresses: derived from a key, so that none needs to be stored."""

import base64
import hashlib
import hmac
from uuid import UUID


class FeedSecrets:
    """Gives each feed, and each rotation of it, its own 256-bit secret.

    The database keeps a digest only; an answer repeated for an Idempotency-Key derives the same address
    again instead of storing it.
    """

    def __init__(self, key: str) -> None:
        self._key = hashlib.sha256(b"slotstream feed secrets\x00" + key.encode()).digest()

    def secret(self, *, organization_id: UUID, feed_id: UUID, rotation: int) -> str:
        message = f"{organization_id}/{feed_id}/{rotation}".encode()
        mac = hmac.new(self._key, message, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
