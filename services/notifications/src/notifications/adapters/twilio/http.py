"""What Twilio's channels share: an account, a client of one connection per request, and what its answers mean.

What an answer means follows from whether Twilio can have acted: a refused connection, 429 and a 503 that names a time
come before acting, a 4xx says no, and after anything else that is not a yes nobody knows.
"""

import asyncio
import json
import logging
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from notifications.adapters.retry_after import wait_of
from notifications.domain.channels import (
    DeliveryError,
    NotHandedOverError,
    OutcomeUnknownError,
    RecipientOptedOutError,
    RefusedForGoodError,
    RefusedForNowError,
)

if TYPE_CHECKING:
    from twilio.rest import Client

OPTED_OUT: Final = 21610
"""The recipient has written STOP to the sender (https://www.twilio.com/docs/api/errors/21610)."""

_RECORDING: Final = timedelta(seconds=30)
_OURS_TO_MEND: Final = frozenset(
    {20003, 20005, 20404, 21205, 21210, 21212, 21215, 21603, 21606, 21659, 21660, 21661, 21703, 21704}
)
"""Codes that speak of our account, our credentials, our addresses or our sender: an operator mends them."""
_LATER: Final = frozenset({20429, 21611, 30001})
"""Too many requests, a full queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioAccount:
    """`username` and `password` are the account's SID and auth token, or an API key and its secret.

    `callback_url` is where Twilio reaches this service; without it nothing is heard of what became of a message.
    """

    account_sid: str
    username: str
    password: str = field(repr=False)
    base_url: str = "https://api.twilio.com"
    callback_url: str | None = None
    seconds: float = 20.0


class TwilioClient:
    """Twilio's own library, over a connection per request.

    A kept connection that the other side has just closed would leave the outcome unknown.
    """

    def __init__(self, account: TwilioAccount) -> None:
        self.account = account
        self._http: Any = None
        self._known_client: Client | None = None

    @property
    def longest_hand_over(self) -> timedelta:
        return timedelta(seconds=self.account.seconds) + _RECORDING

    async def create(
        self, request: Callable[["Client"], Awaitable[Any]], *, may_hand_over: Callable[[], Awaitable[bool]]
    ) -> Any:
        """Makes one request that creates something; Twilio's word of it. Raises as `NotificationChannel.send` may."""
        try:
            client = self._known_client or await asyncio.to_thread(self._client)
        except Exception as error:
            raise RefusedForNowError("twilio_unusable", f"Twilio's library fails: {type(error).__name__}") from error
        if not await may_hand_over():
            raise NotHandedOverError
        try:
            async with asyncio.timeout(self.account.seconds):
                created = await request(client)
        except DeliveryError:
            raise
        except Exception as error:
            # A cut connection, no answer in time, one that nobody can read: nothing says that Twilio did not take it.
            detail = f"the provider gave no answer that can be read: {type(error).__name__}"
            raise OutcomeUnknownError("twilio_no_answer", detail) from error
        if not created.sid:
            raise OutcomeUnknownError("twilio_no_answer", "the provider's answer names nothing that it took")
        return created

    async def aclose(self) -> None:
        if self._http is not None:
            await self._http.close()

    def _client(self) -> "Client":
        """Made at the first request: the library takes a second to import, and few of the API's processes send."""
        if self._known_client is None:
            from twilio.rest import Client

            account = self.account
            self._http = _http_client(account)
            self._known_client = Client(
                account.username, account.password, account.account_sid, http_client=self._http, environment={"": ""}
            )
        return self._known_client


def _http_client(account: TwilioAccount) -> Any:
    """The library's client for another base URL than its own, without its retries: a POST repeated sends twice."""
    from aiohttp import (
        ClientConnectorError,
        ClientSession,
        ClientTimeout,
        ConnectionTimeoutError,
        DummyCookieJar,
        TCPConnector,
    )
    from twilio.http.async_http_client import AsyncTwilioHttpClient
    from twilio.http.response import Response

    base = urlsplit(account.base_url)
    quiet = logging.getLogger("notifications.twilio")
    # The library logs addresses and headers of each request.
    quiet.setLevel(logging.WARNING)

    class HttpClient(AsyncTwilioHttpClient):  # type: ignore[misc]  # twilio ships no types
        session: Any

        async def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Response:
            # Where the library makes a BasicAuth of them, which aiohttp is about to drop.
            username, password = options.pop("auth", None) or ("", "")
            credentials = b64encode(f"{username}:{password}".encode()).decode()
            options["headers"] = {**(options.get("headers") or {}), "Authorization": f"Basic {credentials}"}
            if self.session is None:
                inner = ClientSession(connector=TCPConnector(force_close=True), cookie_jar=DummyCookieJar())
                self.session = _Session(inner, ClientTimeout(total=None, connect=account.seconds / 2))
            asked = urlsplit(url)
            try:
                response = await super().request(
                    method,
                    urlunsplit((base.scheme, base.netloc, base.path.rstrip("/") + asked.path, asked.query, "")),
                    *arguments,
                    **options,
                )
            except (ClientConnectorError, ConnectionTimeoutError) as error:
                detail = f"the provider cannot be reached: {type(error).__name__}"
                raise RefusedForNowError("twilio_unreachable", detail, of_account=True) from error
            if response.status_code >= 300:
                headers = response.headers or {}
                raise outcome_of(response.status_code, _code_in(response.text), headers.get("Retry-After"))
            return response

    return HttpClient(pool_connections=False, logger=quiet)


class _Session:
    """aiohttp's, with a time to connect in, which the library does not set: what never connected was not sent."""

    def __init__(self, inner: Any, timeout: Any) -> None:
        self._inner = inner
        self._timeout = timeout

    async def request(self, **options: Any) -> Any:
        return await self._inner.request(**{**options, "timeout": self._timeout})

    async def close(self) -> None:
        await self._inner.close()


def outcome_of(status: int, code: int | None, retry_after: str | None, *, now: datetime | None = None) -> DeliveryError:
    """What an answer that is no yes means. Its words are not kept: they repeat the recipient's number."""
    name = f"twilio_{code or status}"
    detail = f"the provider answered {status}" + (f" (error {code})" if code else "")
    if code == OPTED_OUT:
        return RecipientOptedOutError(name, detail)
    if status == 429 or code in _LATER or (status == 503 and retry_after is not None):
        return RefusedForNowError(name, detail, wait=wait_of(retry_after, now or datetime.now(UTC)))
    if status >= 500:
        return OutcomeUnknownError(name, detail)
    if status < 400 or status in (401, 403, 404, 405) or code in _OURS_TO_MEND:
        return RefusedForNowError(name, detail, of_account=True)
    return RefusedForGoodError(name, detail)


def cost_of(price: object, unit: object) -> tuple[Decimal, str] | tuple[None, None]:
    """Twilio tells a price as what it takes off the balance, and mostly not at once."""
    try:
        amount = abs(Decimal(str(price))) if price is not None and unit else None
    except InvalidOperation:
        amount = None
    return (amount, str(unit).upper()[:3]) if amount is not None and amount.is_finite() else (None, None)


def _code_in(text: str) -> int | None:
    try:
        code = json.loads(text).get("code")
    except (ValueError, AttributeError):
        return None
    return code if isinstance(code, int) else None
