"""Rate limits of the origin: per session, per API client, and per network address where nobody is known yet."""

from collections.abc import Callable, Hashable
from typing import Final

from starlette.types import Scope

from slotstream_servicekit.http.limits import RateLimits, take_token
from slotstream_servicekit.settings import Rate

SESSION: Final = "session"
API_CLIENT: Final = "api_client"
ADDRESS: Final = "address"
PORTAL_ADDRESS: Final = "portal_address"
PORTAL_CLIENT: Final = "portal_client"
PUBLIC_ADDRESS: Final = "public_address"
PUBLIC_BUSINESS: Final = "public_business"
PUBLIC_BOOKING: Final = "public_booking"
PUBLIC_UNPROVEN: Final = "public_unproven"
TOKEN_ADDRESS: Final = "token_address"  # noqa: S105 - a kind of limit


class OriginLimits:
    """One process's; with n processes n times as many requests get through."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._limits = RateLimits({}, clock=clock)

    def take(self, scope: Scope, owner: Hashable, kind: str, rate: Rate) -> None:
        """Adds the `RateLimit` headers to the answer, whatever it is. Raises RateLimitedError."""
        if not rate.per_minute:
            return
        allowed = f"There are {rate.per_minute} requests a minute, and {rate.burst} at once."
        take_token(scope, self._limits, owner, kind, rate, allowed=allowed)
