"""Keys that sign access tokens: published before they sign, and for as long after as their tokens live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

PUBLISHED_AHEAD: Final = timedelta(days=1)
PUBLISHED_AFTER: Final = timedelta(hours=1)
"""Services keep a JWKS for ten minutes, and a token lives for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """`public` is the key's JWK; the private half is sealed."""

    id: str
    sealed_private: bytes
    public: Mapping[str, str]
    created_at: datetime
    signs_from: datetime
    signs_until: datetime

    @property
    def published_until(self) -> datetime:
        return self.signs_until + PUBLISHED_AFTER


def signing_key_at(keys: Sequence[SigningKey], now: datetime) -> SigningKey | None:
    """The newest key that signs now."""
    signing = [key for key in keys if key.signs_from <= now < key.signs_until]
    return max(signing, key=lambda key: key.signs_from, default=None)


def next_key_signs_from(keys: Sequence[SigningKey], now: datetime) -> datetime | None:
    """When a key that has to be made now would begin to sign; None where none is needed yet."""
    last = max((key.signs_until for key in keys), default=now)
    if last <= now:
        return now
    return last if last - now <= PUBLISHED_AHEAD else None
