"""How secrets are kept: encrypted, and bound to what they are for."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from uuid import UUID

from dashboard.domain.errors import UnsealableError
from slotstream_servicekit import sealing
from slotstream_servicekit.sealing import Sealer


class SecretBox:
    """Seals with the first key and opens with any, so that keys can be rotated.

    The purpose travels inside the ciphertext: what is copied to another row stays shut.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._sealer = Sealer(keys)

    def seal(self, secret: str, *, purpose: str) -> bytes:
        return self._sealer.seal(secret, purpose)

    def open(self, sealed: bytes, *, purpose: str) -> str:
        try:
            return self._sealer.open(sealed, purpose)
        except sealing.UnsealableError as error:
            raise UnsealableError(str(error)) from error

    def is_sealed_by_first(self, sealed: bytes) -> bool:
        """False: a key that is on its way out has sealed it, or none of ours."""
        return self._sealer.is_sealed_by_first(sealed)


class DerivedClientSecrets:
    """Gives each API client, and each rotation of it, its own 256-bit secret.

    The database keeps a digest only; an answer repeated for an Idempotency-Key derives the same secret again instead
    of storing it.
    """

    def __init__(self, key: str) -> None:
        self._key = hashlib.sha256(b"slotstream api client secrets\x00" + key.encode()).digest()

    def secret(self, *, organization_id: UUID, client_id: UUID, rotation: int) -> str:
        message = f"{organization_id}/{client_id}/{rotation}".encode()
        mac = hmac.new(self._key, message, hashlib.sha256).digest()
        return "slotstream_" + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
