"""How secrets are kept: encrypted, and bound to the row they belong to."""

import json
from collections.abc import Sequence
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class UnsealableError(Exception):
    """The secret was sealed with another key, or for another tenant or connection."""


class SecretBox:
    """Seals with the first key and opens with any, so that keys can be rotated.

    Tenant and connection travel inside the ciphertext: a sealed secret copied to another row stays shut.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        fernets = [Fernet(key) for key in keys]
        self._newest = fernets[0]
        self._fernet = MultiFernet(fernets)

    def seal(self, secret: str, *, organization_id: UUID, connection_id: UUID) -> bytes:
        return self._fernet.encrypt(json.dumps([str(organization_id), str(connection_id), secret]).encode())

    def open(self, sealed: bytes, *, organization_id: UUID, connection_id: UUID) -> str:
        try:
            owner, connection, secret = json.loads(self._fernet.decrypt(sealed))
        except (InvalidToken, ValueError) as error:
            raise UnsealableError("the secret cannot be opened with the configured keys") from error
        if (owner, connection) != (str(organization_id), str(connection_id)):
            raise UnsealableError("the secret belongs to another connection")
        return str(secret)

    def sealed_anew(self, sealed: bytes) -> bytes | None:
        """The same secret under the first key; None where it is under that key already.

        Raises UnsealableError where no key opens it.
        """
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            try:
                return self._fernet.rotate(sealed)
            except InvalidToken as error:
                raise UnsealableError("the secret cannot be opened with the configured keys") from error
        return None
