"""Handing mails to an SMTP server, over connections that are kept.

Which failures may be tried again follows from where they happen. Up to the server's 354 nothing can have been
accepted. After it the server's reply decides; without a reply the outcome is unknown (RFC 5321 §4.2.5, §4.5.3.2.6).
"""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectResponseError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from notifications.domain.channels import (
    NotHandedOverError,
    OutcomeUnknownError,
    RefusedForGoodError,
    RefusedForNowError,
)
from slotstream_servicekit.authorities import authorities
from slotstream_servicekit.http.guarded import GuardedHttpError

Dial = Callable[[str, int], Awaitable[socket.socket]]
"""Connects to a host and port."""

_ADDRESS: Final = re.compile(r"\S+@\S+")
_IDLE_SECONDS: Final = 60.0
_MAILS_PER_CONNECTION: Final = 100
_PASSING_CODES: Final = frozenset({530, 534, 535, 538})
"""5xx that speak of our own credentials: an operator mends them, and the mail is not to blame."""
_NOT_AUTHORIZED: Final = re.compile(r"5\.7\.1\b")
"""The enhanced status of what we may not send (RFC 3463 §3.8)."""
_POLICY: Final = re.compile(r"4\.7\.\d+\b")
"""That of a passing refusal for what we are or how much we send (RFC 3463 §3.8): "4.7.28", "4.7.650"."""
_MAILBOX: Final = re.compile(r"4\.[12]\.\d+\b")
"""That of one address or mailbox, such as a full one (RFC 3463 §3.2, §3.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """`tls`: on connecting (`tls`), by STARTTLS (`starttls`), the same where offered (`opportunistic`), or `none`.

    `dial` makes the connections where the host is not to be believed; `trusted` stands instead of `ca_file`.
    """

    host: str
    port: int
    tls: Literal["opportunistic", "starttls", "tls", "none"] = "opportunistic"
    ca_file: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    seconds: float = 10.0
    data_seconds: float = 60.0
    connections: int = 8
    dial: Dial | None = None
    trusted: ssl.SSLContext | None = field(default=None, repr=False)


class _Kept:
    """A connection that has sent `mails` and was last used at `used_at`."""

    def __init__(self, client: SMTP) -> None:
        self.client = client
        self.mails = 0
        self.used_at = time.monotonic()

    @property
    def is_stale(self) -> bool:
        idle = time.monotonic() - self.used_at > _IDLE_SECONDS
        return idle or self.mails >= _MAILS_PER_CONNECTION or not self.client.is_connected


class SmtpGateway:
    """Sends over at most `server.connections` connections."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server
        self._idle: list[_Kept] = []
        self._tls = server.trusted or authorities(server.ca_file)
        self._room = asyncio.Semaphore(server.connections)

    async def send(
        self, *, sender: str, recipient: str, content: bytes, may_hand_over: Callable[[], Awaitable[bool]]
    ) -> str:
        """Hands one mail over; the server's reply. Raises what `NotificationChannel.send` may raise."""
        async with self._room:
            kept = await self._addressed(sender, recipient)
            try:
                reply = await self._hand_over(kept.client, content, may_hand_over)
            except BaseException:
                # Where in the dialogue it stands is not sure: it is not used again.
                kept.client.close()
                raise
            kept.mails += 1
            kept.used_at = time.monotonic()
            self._idle.append(kept)
            return reply

    async def aclose(self) -> None:
        while self._idle:
            await self._quit(self._idle.pop())

    async def _addressed(self, sender: str, recipient: str) -> _Kept:
        """A connection whose server has taken sender and recipient. A kept one may have died: then a new one."""
        while (kept := await self._kept()) is not None:
            try:
                await _address(kept.client, sender, recipient)
            except SMTPServerDisconnected:
                kept.client.close()
            except BaseException as error:
                kept.client.close()
                raise _before_content(error) from error
            else:
                return kept
        try:
            kept = _Kept(await self._connect())
        except Exception as error:
            raise _before_content(error) from error
        try:
            await _address(kept.client, sender, recipient)
        except BaseException as error:
            kept.client.close()
            raise _before_content(error) from error
        return kept

    async def _kept(self) -> _Kept | None:
        while self._idle:
            kept = self._idle.pop()
            if not kept.is_stale:
                return kept
            await self._quit(kept)
        return None

    async def _connect(self) -> SMTP:
        server = self.server
        dialled = await server.dial(server.host, server.port) if server.dial is not None else None
        try:
            client = SMTP(
                hostname=server.host,
                port=server.port if dialled is None else None,
                sock=dialled,
                username=server.username,
                password=server.password,
                timeout=server.seconds,
                use_tls=server.tls == "tls",
                start_tls={"starttls": True, "opportunistic": None}.get(server.tls, False),
                tls_context=self._tls,
            )
        except BaseException:
            if dialled is not None:
                dialled.close()
            raise
        try:
            await client.connect()
        except BaseException:
            # A socket that was dialled is the client's by now, which closes it with its transport.
            client.close()
            raise
        return client

    async def _hand_over(self, client: SMTP, content: bytes, may_hand_over: Callable[[], Awaitable[bool]]) -> str:
        if not await may_hand_over():
            raise NotHandedOverError
        try:
            response = await client.data(content, timeout=self.server.data_seconds)
        except SMTPDataError as error:
            raise _refusal(error) from error
        except (SMTPException, OSError, TimeoutError) as error:
            detail = "the mail server gave no answer after it was sent the content"
            raise OutcomeUnknownError("no_answer_after_data", detail) from error
        # Published and kept as the provider's id: some servers repeat the recipient's address.
        return _ADDRESS.sub("(address)", str(response.message))

    async def _quit(self, kept: _Kept) -> None:
        with suppress(SMTPException, OSError, TimeoutError):
            await kept.client.quit(timeout=1)
        kept.client.close()


async def _address(client: SMTP, sender: str, recipient: str) -> None:
    await client.mail(sender, options=["BODY=7BIT"] if client.supports_extension("8bitmime") else None)
    await client.rcpt(recipient)


def _before_content(error: BaseException) -> BaseException:
    """What a failure before the content means."""
    if isinstance(error, SMTPAuthenticationError):
        detail = "the mail server does not take our credentials"
        # 454 and its kin say that it cannot tell just now (RFC 4954 §6).
        code = "smtp_authentication" if error.code >= 500 else f"smtp_{error.code}"
        return RefusedForNowError(code, detail, of_account=True)
    if isinstance(error, SMTPConnectResponseError):
        detail = f"the mail server greeted with {error.code}"
        return RefusedForNowError(f"smtp_{error.code}", detail, of_account=True)
    if isinstance(error, SMTPResponseException):
        return _refusal(error)
    if isinstance(error, GuardedHttpError):
        # Refused, closed or silent: it must not be told which.
        return RefusedForNowError("smtp_unreachable", "the mail server cannot be reached", of_account=True)
    if isinstance(error, SMTPException | OSError | TimeoutError | ValueError):
        detail = f"the mail server cannot be used: {type(error).__name__}"
        return RefusedForNowError("smtp_unreachable", detail, of_account=True)
    return error


def _refusal(error: SMTPResponseException) -> RefusedForNowError | RefusedForGoodError:
    """By the reply's first digit. Its words are not kept: they often repeat the recipient's address."""
    if isinstance(error, SMTPSenderRefused | SMTPRecipientRefused) and _NOT_AUTHORIZED.match(error.message):
        # A sender is the account's; what one recipient may not be sent says nothing of the others.
        detail = f"the mail server answered {error.code} 5.7.1: we may not send this"
        return RefusedForNowError(f"smtp_{error.code}", detail, of_account=isinstance(error, SMTPSenderRefused))
    code, detail = f"smtp_{error.code}", f"the mail server answered {error.code}"
    if 500 <= error.code < 600 and error.code not in _PASSING_CODES:
        return RefusedForGoodError(code, detail)
    return RefusedForNowError(code, detail, of_account=error.code in _PASSING_CODES, of_domain=_asks_for_less(error))


def _asks_for_less(error: SMTPResponseException) -> bool:
    """Whether the recipient's domain says that it is sent too much, once it knows for whom the mail is.

    A 421, a 452 that is no mailbox's, a 450 or 451 for a reason of policy (RFC 5321 §4.2.2, RFC 3463 §3.8). A server
    that takes nothing yet from whom it does not know ("greylisting", 4.7.1) says the same.
    """
    if not isinstance(error, SMTPRecipientRefused | SMTPDataError):
        return False
    if error.code in (450, 451):
        return _POLICY.match(error.message) is not None
    return error.code == 421 or (error.code == 452 and _MAILBOX.match(error.message) is None)
