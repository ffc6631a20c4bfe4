"""How secrets are kept: encrypted, and bound to the row they belong to."""

from collections.abc import Sequence
from uuid import UUID

from slotstream_servicekit.sealing import Sealer, UnsealableError

__all__ = ["SecretBox", "UnsealableError"]


class SecretBox:
    """Seals with the first key and opens with any, so that keys can be rotated.

    Tenant and connection travel inside the ciphertext: a sealed secret copied to another row stays shut.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._sealer = Sealer(keys)

    def seal(self, secret: str, *, organization_id: UUID, connection_id: UUID) -> bytes:
        return self._sealer.seal(secret, str(organization_id), str(connection_id))

    def open(self, sealed: bytes, *, organization_id: UUID, connection_id: UUID) -> str:
        """Raises UnsealableError."""
        return self._sealer.open(sealed, str(organization_id), str(connection_id))

    def sealed_anew(self, sealed: bytes) -> bytes | None:
        """The same secret under the first key; None where it is under that key already. Raises UnsealableError."""
        return self._sealer.sealed_anew(sealed)
