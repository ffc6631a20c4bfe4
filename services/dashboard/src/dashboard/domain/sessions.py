"""Sessions: opaque to the browser, kept on the server, known by the digest of their secret."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from dashboard.domain.errors import NoAccountError
from dashboard.domain.users import User

SECRET_BYTES: Final = 32
MAX_USER_AGENT: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in browser. `account_id` None: a company's provider signed it in, to its organization alone, and calls
    the session `provider_session`, where it told.
    """

    id: UUID
    account_id: UUID | None
    organization_id: UUID
    user_id: UUID
    address: str
    user_agent: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    provider_session: str | None = None

    def is_over(self, *, now: datetime, idle: timedelta) -> bool:
        return now >= self.expires_at or now - self.last_used_at >= idle


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session and its user, as they were last read."""

    session: Session
    user: User

    @property
    def account_id(self) -> UUID:
        """Raises NoAccountError: what belongs to a person's account is out of a company's reach."""
        if self.session.account_id is None:
            raise NoAccountError("Your company signed you in: this belongs to accounts with a password.")
        return self.session.account_id


def new_secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def digest_of(secret: str) -> bytes:
    """What the database keeps of a secret. It has 256 random bits, so a plain hash cannot be searched."""
    return hashlib.sha256(b"slotstream\x00" + secret.encode("utf-8", "surrogateescape")).digest()


def csrf_token_of(session_secret: str) -> str:
    """The session's token for `X-CSRF-Token`: another site can neither read it nor derive it."""
    mac = hmac.new(session_secret.encode("utf-8", "surrogateescape"), b"slotstream csrf", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def is_csrf_token(given: str, session_secret: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), csrf_token_of(session_secret).encode())
