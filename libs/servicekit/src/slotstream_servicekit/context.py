"""What use cases are given: the tenant, who acts, the cause, and the current time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from slotstream_servicekit.limits import UNLIMITED, Limits

ActorType = Literal["user", "client", "ai_agent", "system", "integration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts. `call_id`: the call of an AI agent. `on_behalf_of`: the client that somebody acts for."""

    type: ActorType
    id: str
    call_id: str | None = None
    on_behalf_of: UUID | None = None

    @property
    def may_override(self) -> bool:
        """Whether the actor may override constraints: only members of staff may, never agents or clients."""
        return self.type == "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why something happened, as in CloudEvents: correlation id, causing message, W3C traceparent."""

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a use case that changes something is given. `now` is aware UTC. Jobs have no limits."""

    organization_id: UUID
    actor: Actor
    cause: Cause
    now: datetime
    limits: Limits = UNLIMITED
