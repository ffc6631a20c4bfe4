"""Encrypts secrets before they are stored, and binds each to its purpose."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.database import Database

PORTION: Final = 200

K = TypeVar("K")


class UnsealableError(Exception):
    """The secret was sealed with another key, or for another purpose."""


class Sealer:
    """Seals with the first key and opens with any, so that keys can be rotated.

    What a secret is bound to travels inside the ciphertext: one that is copied to another row stays shut.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys`: Fernet keys. Without one it can be made (to describe a service), but not used."""
        self._fernets = [Fernet(key) for key in keys]

    @property
    def _all(self) -> MultiFernet:
        return MultiFernet(self._fernets)

    def seal(self, secret: str, *bound_to: str) -> bytes:
        return self._all.encrypt(json.dumps([*bound_to, secret]).encode())

    def open(self, sealed: bytes, *bound_to: str) -> str:
        """Raises UnsealableError."""
        try:
            *sealed_for, secret = json.loads(self._all.decrypt(sealed))
        except (InvalidToken, ValueError, TypeError) as error:
            raise UnsealableError("the secret cannot be opened with the configured keys") from error
        if sealed_for != list(bound_to):
            raise UnsealableError("the secret is for something else")
        return str(secret)

    def is_sealed_by_first(self, sealed: bytes) -> bool:
        """Whether the first key has sealed it, and not an older one or none of ours."""
        try:
            self._fernets[0].decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def sealed_anew(self, sealed: bytes) -> bytes | None:
        """The same secret, sealed with the first key; None if it is so already.

        Raises UnsealableError where no key opens it.
        """
        if self.is_sealed_by_first(sealed):
            return None
        try:
            return self._all.rotate(sealed)
        except InvalidToken as error:
            raise UnsealableError("the secret cannot be opened with the configured keys") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """How many secrets were sealed again, and how many cannot be opened with any key."""

    sealed: int
    unreadable: int


class SealedStore(Protocol, Generic[K]):
    """A table with a sealed secret in each row."""

    async def sealed_secrets(self, *, after: K | None, limit: int) -> Sequence[tuple[K, bytes]]:
        """Primary keys in order, with the sealed secrets."""
        ...

    async def replace_secret(self, key: K, *, former: bytes, sealed: bytes) -> bool:
        """Replaces the secret if it is still `former`; returns whether it was."""
        ...


class Reseals(Protocol):
    """Something that can seal a secret again."""

    def sealed_anew(self, sealed: bytes) -> bytes | None: ...


async def reseal(
    *, database: Database, box: Reseals, store_of: Callable[[AsyncSession], SealedStore[Any]], portion: int = PORTION
) -> Resealed:
    """Seals every secret of a table with the newest key, so that older keys can be removed.

    A portion per transaction. A secret that no key opens stays as it is.
    """
    sealed = unreadable = 0
    after: object = None
    while True:
        async with database.system_transaction() as session:
            store = store_of(session)
            found = await store.sealed_secrets(after=after, limit=portion)
            for key, former in found:
                after = key
                try:
                    anew = box.sealed_anew(former)
                except UnsealableError:
                    unreadable += 1
                    continue
                if anew is not None:
                    sealed += await store.replace_secret(key, former=former, sealed=anew)
        if len(found) < portion:
            return Resealed(sealed=sealed, unreadable=unreadable)
