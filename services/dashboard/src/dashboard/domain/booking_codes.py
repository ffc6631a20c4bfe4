"""Codes that visitors are mailed, to show that an address is theirs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

Verdict = Literal["right", "wrong", "gone"]
"""`gone`: it has expired, was tried too often, or is another form's; a new one is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingCode:
    """One code for one draft. The code itself is kept nowhere, and of the address a keyed digest."""

    id: UUID
    draft_id: UUID
    recipient: bytes
    network: bytes
    business_name: str
    attempts: int = 0
    used_at: datetime | None = None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLimits:
    """Within an hour, per recipient and per network address."""

    lifetime: timedelta
    attempts: int
    per_recipient: int
    per_network: int
