"""What the delivery needs of the outside world."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A finished e-mail: envelope and content (RFC 5322, CRLF)."""

    sender: str
    recipient: str
    message_id: str
    content: bytes


class RefusedForNowError(Exception):
    """Not accepted, and a later attempt may be. `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class RefusedForGoodError(Exception):
    """Not accepted, and it never will be."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class OutcomeUnknownError(Exception):
    """The content was on its way when the connection or the patience ended: it may have been accepted."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class NotHandedOverError(Exception):
    """`may_hand_over` said no; nothing was sent."""


class EmailGateway(Protocol):
    """Hands one mail at a time to a mail server."""

    async def send(self, mail: Mail, *, may_hand_over: Callable[[], Awaitable[bool]]) -> str:
        """Sends `mail` and returns the server's words of acceptance.

        Once the server is ready for the content, `may_hand_over` is asked, which records the attempt; up to
        then nothing can have been accepted. Raises the errors of this module and no others.
        """
        ...

    async def aclose(self) -> None: ...
