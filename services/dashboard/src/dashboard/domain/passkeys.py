"""Passkeys: keys of an account that a device holds and uses once its user has proved who they are (WebAuthn)."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

CHALLENGE_BYTES: Final = 32
CHALLENGE_LIFETIME: Final = timedelta(minutes=5)
USER_HANDLE_BYTES: Final = 32
MAX_PASSKEYS: Final = 20
MAX_CREDENTIAL_ID: Final = 1_023
"""WebAuthn §4: no credential id is longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """`user_handle` is what devices know the account by: random, the same for all passkeys of an account."""

    id: UUID
    account_id: UUID
    user_handle: bytes
    credential_id: bytes
    public_key: bytes
    sign_count: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyChallenge:
    """What a device has to sign. Used once; found by the digest of what the asking browser holds.

    `user_handle` is set where a passkey is being added, so that no challenge serves the other purpose.
    """

    challenge: bytes
    user_handle: bytes | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What a browser sends of a passkey that a device has just made."""

    credential_id: bytes
    client_data: bytes
    attestation: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What a browser sends of a passkey that a device has just used."""

    credential_id: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    user_handle: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCredential:
    credential_id: bytes
    public_key: bytes
    sign_count: int


class PasskeyVerifier(Protocol):
    """Verifies for one origin, and never without the user's verification. Raises PasskeyInvalidError."""

    def verify_new(self, attestation: Attestation, *, challenge: bytes) -> NewCredential: ...

    def verify_use(self, assertion: Assertion, *, challenge: bytes, public_key: bytes) -> int:
        """The device's count of uses; whether it has grown is the caller's to judge."""


def new_challenge(*, now: datetime, user_handle: bytes | None = None) -> PasskeyChallenge:
    return PasskeyChallenge(
        challenge=secrets.token_bytes(CHALLENGE_BYTES), user_handle=user_handle, expires_at=now + CHALLENGE_LIFETIME
    )


def new_user_handle() -> bytes:
    return secrets.token_bytes(USER_HANDLE_BYTES)
