"""What the use cases need from outside, as they see it."""

from typing import Protocol
from uuid import UUID


class PasswordHasher(Protocol):
    """Hashes and verifies passwords, at the same cost for nobody as for somebody."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether it fits. With no stored hash the same work is done, and the answer is no."""

    def needs_rehash(self, stored: str) -> bool: ...


class ClientSecrets(Protocol):
    """Derives the secrets of API clients, so that none is stored."""

    def secret(self, *, organization_id: UUID, client_id: UUID, rotation: int) -> str: ...


class KeyBox(Protocol):
    """Seals secrets to what they are for. Opening raises UnsealableError."""

    def seal(self, secret: str, *, purpose: str) -> bytes: ...

    def open(self, sealed: bytes, *, purpose: str) -> str: ...

    def is_sealed_by_first(self, sealed: bytes) -> bool:
        """False: it is to be sealed anew, before the key that it needs is taken away."""


class MailSender(Protocol):
    async def send(self, *, recipient: str, subject: str, text: str, html: str) -> None:
        """Raises MailNotSentError where it was not accepted, or may not have been."""


class MailNotSentError(Exception):
    """`passing`: a later attempt may succeed."""

    def __init__(self, reason: str, *, passing: bool) -> None:
        super().__init__(reason)
        self.passing = passing
