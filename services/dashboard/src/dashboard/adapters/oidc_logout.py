"""What a logout token may say (OpenID Connect Back-Channel Logout 1.0 §2.4), once its signature is verified."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from dashboard.domain.errors import ProviderFailedError
from dashboard.domain.identity_providers import (
    CLOCK_SKEW,
    LOGOUT_LIFETIME,
    MAX_SUBJECT,
    IdentityProvider,
    LogoutNotice,
)

LOGOUT_TYPES: Final = ("JWT", "logout+jwt", "application/logout+jwt")
"""The first is what many providers still write."""
_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


def notice_of(claims: Mapping[str, object], provider: IdentityProvider, *, now: datetime) -> LogoutNotice:
    """Raises ProviderFailedError with what is wrong. An ID token is no logout token, and none of these is one."""
    audience, events = claims.get("aud"), claims.get("events")
    audiences = audience if isinstance(audience, list) else [audience]
    issued, expires, skew = _number(claims.get("iat")), claims.get("exp"), CLOCK_SKEW.total_seconds()
    token_id, subject, session = (_text(claims.get(name)) for name in ("jti", "sub", "sid"))
    at = now.timestamp()
    wrong = {
        "issuer_wrong": claims.get("iss") != provider.issuer,
        "audience_wrong": provider.client_id not in audiences,
        "issued_wrong": issued is None or not at - LOGOUT_LIFETIME.total_seconds() - skew < issued <= at + skew,
        # Of earlier drafts' tokens none expires.
        "expired": expires is not None and (_number(expires) or 0) <= at - skew,
        "token_id_wrong": token_id is None,
        "event_wrong": not isinstance(events, dict) or not isinstance(events.get(_EVENT), dict),
        "nonce_there": "nonce" in claims,
        "nobody_named": (subject is None and session is None)
        or any(name in claims and _text(claims[name]) is None for name in ("sub", "sid")),
    }
    for reason, is_wrong in wrong.items():
        if is_wrong:
            raise ProviderFailedError(reason)
    return LogoutNotice(
        token_id=token_id or "", issued_at=datetime.fromtimestamp(issued or 0, UTC), subject=subject, session=session
    )


def session_of(claims: Mapping[str, object]) -> str | None:
    """What an ID token calls the session at the provider."""
    return _text(claims.get("sid"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= MAX_SUBJECT and "\x00" not in value else None


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
