"""Accounts, and what each of them is in an organization."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from dashboard.domain.errors import PasswordTooWeakError

LOCALES: Final = ("en", "de", "fr", "es", "ar")
MIN_PASSWORD: Final = 10
MAX_PASSWORD: Final = 256


class UserRole(StrEnum):
    OWNER = "owner"
    MANAGER = "manager"
    STAFF = "staff"
    VIEWER = "viewer"


class UserState(StrEnum):
    INVITED = "invited"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person who signs in, known by an address; the same one in every organization."""

    id: UUID
    email: str
    password_hash: str | None
    locale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody in one organization. `business_ids` None: all; `resource_id`: limited to that calendar."""

    id: UUID
    organization_id: UUID
    email: str
    name: str
    locale: str
    role: UserRole
    state: UserState
    business_ids: tuple[UUID, ...] | None
    resource_id: UUID | None
    last_sign_in_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def is_acting_owner(self) -> bool:
        return self.role is UserRole.OWNER and self.state is UserState.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Which user an account is in one organization."""

    account_id: UUID
    organization_id: UUID
    user_id: UUID


def normal_email(text: str) -> str:
    """The address as accounts are found by it: one form, whatever the case it was typed in."""
    return unicodedata.normalize("NFC", text.strip()).lower()


def normal_password(text: str) -> str:
    """NFKC, so that one password typed on two keyboards is one (NIST SP 800-63B §5.1.1.2)."""
    return unicodedata.normalize("NFKC", text)


def check_new_password(password: str, *, email: str) -> None:
    """Raises PasswordTooWeakError."""
    plain = password.casefold()
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise PasswordTooWeakError(f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.")
    if len(set(plain)) < 4 or plain in (email, email.partition("@")[0]) or plain in _FIRST_GUESSES:
        raise PasswordTooWeakError("This password is among the first that anybody would try.")


_FIRST_GUESSES: Final = frozenset(
    {
        "1234567890",
        "12345678910",
        "0123456789",
        "0987654321",
        "qwertyuiop",
        "qwertzuiop",
        "azertyuiop",
        "password12",
        "password123",
        "password1234",
        "passwort123",
        "motdepasse",
        "motdepasse1",
        "contrasena",
        "contraseña",
        "iloveyou12",
        "iloveyou123",
        "welcome123",
        "willkommen",
        "willkommen1",
        "letmein123",
        "administrator",
        "slotstream",
        "slotstream1",
        "changeme123",
        "abcdefghij",
        "1q2w3e4r5t",
        "qwerty12345",
        "qwerty1234",
        "correcthorsebatterystaple",
    }
)
