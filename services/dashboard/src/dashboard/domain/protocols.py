"""What the use cases need from outside, as they see it."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
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


class UpstreamAnswer(Protocol):
    """What a service answers: its head is here, its body still to come. Whoever has it closes it."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    """As they were sent."""

    def parts(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises UpstreamError where it does not come whole."""

    def close(self) -> None:
        """What has not been read is not wanted any more."""


class Upstreams(Protocol):
    """The services behind this origin."""

    async def ask(
        self,
        method: str,
        address: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes | AsyncIterable[bytes] | None = None,
        may_be_silent: bool = False,
    ) -> UpstreamAnswer:
        """`address` is sent as it is; `may_be_silent`: of a stream of events nothing may come for long.

        Raises UpstreamError where the service does not answer, or `body` fails.
        """

    async def aclose(self) -> None: ...


class UpstreamError(Exception):
    """A service did not answer, or not to the end."""
