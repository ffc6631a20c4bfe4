"""Rate limits per organization and kind of request. Above the limit the answer is 429 with `Retry-After`.

    @router.get("/v1/reports/volume", dependencies=[rate_limited("reports", per_minute=60, burst=20)])

The limit is checked after the caller and before the body is read. `SLOTSTREAM_RATE_LIMITS` (or the service's own
variable) sets other rates by kind: `{"reports": {"per_minute": 600, "burst": 100}}`; a rate of 0 means no limit.
Each process counts for itself: with n processes an organization may reach n times the rate.

For answers that take long, such as a stream or an export, `open` limits how many an organization may have at one time.
A place is free again when the answer has ended or the caller has disconnected.

Every answer of such an endpoint has `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers).
"""

import math
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from fastapi import Depends, Request
from starlette.types import Scope

from slotstream_servicekit.errors import ErrorKind, SlotstreamError
from slotstream_servicekit.http.auth import authenticate
from slotstream_servicekit.http.request_telemetry import RESPONSE_HEADERS
from slotstream_servicekit.settings import Rate

MAX_BUCKETS = 20_000
_OPEN_RETRY_SECONDS = 5
"""A guess: nobody knows when one of the open answers ends."""
_PLACES_KEY = "slotstream.places"

Counted = tuple[Hashable, str]
"""The owner of the requests, mostly an organization, and their kind."""


class RateLimitedError(SlotstreamError):
    code = "rate_limited"
    kind = ErrorKind.rate_limited


@dataclass(slots=True)
class _Bucket:
    """A token bucket: it holds up to `burst` tokens, each request takes one, and it is refilled at the rate."""

    tokens: float
    filled_at: float


class RateLimits:
    """The buckets of one process."""

    def __init__(self, rates: Mapping[str, Rate], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates
        self._clock = clock
        self._buckets: dict[Counted, _Bucket] = {}
        self._open: dict[Counted, int] = {}

    def rate_of(self, kind: str, default: Rate) -> Rate:
        return self._rates.get(kind, default)

    def take(self, owner: Hashable, kind: str, rate: Rate) -> float:
        """Takes one of the owner's tokens and returns how many are left.

        If there was none, it returns minus the seconds until there is one.
        """
        now = self._clock()
        bucket = self._buckets.get((owner, kind))
        if bucket is None:
            self._make_room()
            bucket = self._buckets[owner, kind] = _Bucket(rate.burst, now)
        per_second = rate.per_minute / 60
        bucket.tokens = min(rate.burst, bucket.tokens + (now - bucket.filled_at) * per_second)
        bucket.filled_at = now
        if bucket.tokens < 1:
            return (bucket.tokens - 1) / per_second
        bucket.tokens -= 1
        return bucket.tokens

    def take_place(self, counted: Counted, most: int) -> bool:
        """Counts an answer that begins. Returns False where there are `most` already."""
        under_way = self._open.get(counted, 0)
        if under_way >= most:
            return False
        self._open[counted] = under_way + 1
        return True

    def give_back(self, counted: Counted) -> None:
        """Counts an answer that has ended."""
        left = self._open[counted] - 1
        if left:
            self._open[counted] = left
        else:
            del self._open[counted]

    def _make_room(self) -> None:
        """Forgets the half that was used longest ago, since those buckets are the fullest."""
        if len(self._buckets) >= MAX_BUCKETS:
            newest_first = sorted(self._buckets.items(), key=lambda item: item[1].filled_at, reverse=True)
            self._buckets = dict(newest_first[: MAX_BUCKETS // 2])


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The dependency. Its route checks it before the body is read."""

    kind: str
    default: Rate

    async def __call__(self, request: Request) -> None:
        """FastAPI calls it when the route has checked it already."""

    async def settle(self, scope: Scope) -> None:
        """Raises RateLimitedError."""
        limits = cast("RateLimits", scope["app"].state.rate_limits)
        rate = limits.rate_of(self.kind, self.default)
        most = self.default.open if rate.open is None else rate.open
        if not rate.per_minute and not most:
            return
        principal = await authenticate(scope)
        if rate.per_minute:
            self._take_token(scope, limits, principal.organization_id, rate)
        if most:
            self._take_place(scope, limits, principal.organization_id, most)

    def _take_token(self, scope: Scope, limits: RateLimits, organization_id: UUID, rate: Rate) -> None:
        allowed = (
            f"Your organization may send {rate.per_minute} requests of the kind {self.kind} a minute, and "
            f"{rate.burst} at once."
        )
        take_token(scope, limits, organization_id, self.kind, rate, allowed=allowed)

    def _take_place(self, scope: Scope, limits: RateLimits, organization_id: UUID, most: int) -> None:
        counted = (organization_id, self.kind)
        if not limits.take_place(counted, most):
            raise RateLimitedError(
                f"Your organization may have {most} answers of the kind {self.kind} under way at one time. End one, "
                f"or try again in {_OPEN_RETRY_SECONDS} seconds.",
                extra={"retry_after": _OPEN_RETRY_SECONDS},
            )
        scope.setdefault(_PLACES_KEY, []).append(counted)


def give_places_back(scope: Scope) -> None:
    """Call it at the end of every answer, however it ended."""
    for counted in scope.pop(_PLACES_KEY, ()):
        scope["app"].state.rate_limits.give_back(counted)


def rate_limited(kind: str, *, per_minute: int, burst: int, open_at_once: int = 0) -> Any:
    """A dependency that limits a route. All routes of one kind share its rate and its places.

    `open_at_once`: how many answers an organization may have at one time; 0 means no limit.
    """
    return Depends(RateLimit(kind, Rate(per_minute=per_minute, burst=burst, open=open_at_once)))


def take_token(scope: Scope, limits: RateLimits, owner: Hashable, kind: str, rate: Rate, *, allowed: str) -> None:
    """For requests whose owner is not an organization, or is known only within the handler.

    The answer gets the headers of the rate, whatever it is. `allowed`: the sentence that tells the rate when it is
    exceeded. Raises RateLimitedError.
    """
    left = limits.take(owner, kind, rate)
    wait = max(0, math.ceil(-left))
    scope[RESPONSE_HEADERS] += rate_limit_headers(kind, rate, left=max(0, int(left)), wait=wait)
    if left < 0:
        raise RateLimitedError(f"{allowed} Try again in {wait} seconds.", extra={"retry_after": wait})


def rate_limit_headers(kind: str, rate: Rate, *, left: int, wait: int) -> list[tuple[bytes, bytes]]:
    window = max(1, math.ceil(rate.burst * 60 / rate.per_minute))
    return [
        (b"ratelimit-policy", f'"{kind}";q={rate.burst};w={window}'.encode()),
        (b"ratelimit", f'"{kind}";r={left};t={wait or math.ceil(60 / rate.per_minute)}'.encode()),
    ]
