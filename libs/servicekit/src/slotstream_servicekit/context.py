"""On whose behalf a use case runs: the tenant, who acts, what caused it, and the current instant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from slotstream_servicekit.limits import UNLIMITED, Limits

ActorType = Literal["user", "client", "ai_agent", "system", "integration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did it. `call_id` names an AI agent's call, `on_behalf_of` the client that somebody acted for."""

    type: ActorType
    id: str
    call_id: str | None = None
    on_behalf_of: UUID | None = None

    @property
    def may_override(self) -> bool:
        """Only members of staff set constraints aside: never an agent, never a client."""
        return self.type == "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why it happened, as the CloudEvents attributes say it: correlation id, causing message, W3C traceparent."""

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every use case that changes something is given. `now` is aware and in UTC; jobs are not limited."""

    organization_id: UUID
    actor: Actor
    cause: Cause
    now: datetime
    limits: Limits = UNLIMITED
