"""Programs that call the APIs: AI agents, and integrations with scopes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

LONGEST_OVERLAP: Final = timedelta(days=30)


class ApiClientRole(StrEnum):
    AGENT = "agent"
    INTEGRATION = "integration"


class ApiClientState(StrEnum):
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiClient:
    """A program. Its secrets are derived from its id and `rotation`, and never stored."""

    id: UUID
    organization_id: UUID
    name: str
    role: ApiClientRole
    scopes: tuple[str, ...]
    business_ids: tuple[UUID, ...] | None
    state: ApiClientState
    rotation: int
    last_used_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
