"""Who is asking, for which organization, with which rights."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from slotstream_servicekit.errors import ForbiddenError
from slotstream_servicekit.http.rights import Right, Role, rights_of, scopes_for
from slotstream_servicekit.limits import Limits

ActorType = Literal["user", "client", "ai_agent", "integration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The verified caller.

    `call_id`: the call of an AI agent. `business_ids`: the businesses that the caller is limited to; None is all.
    `resource_id`: the one calendar that the caller is limited to. `client_id`: the client who uses the portal, with the
    role client only.
    """

    subject: str
    organization_id: UUID
    role: Role
    scopes: frozenset[str] = frozenset()
    rights: frozenset[Right] = field(default=frozenset())
    call_id: str | None = None
    business_ids: frozenset[UUID] | None = None
    resource_id: UUID | None = None
    client_id: UUID | None = None

    @classmethod
    def of(
        cls,
        *,
        subject: str,
        organization_id: UUID,
        role: Role,
        scopes: frozenset[str] = frozenset(),
        call_id: str | None = None,
    ) -> "Principal":
        """A principal with the rights of its role and scopes."""
        return cls(
            subject=subject,
            organization_id=organization_id,
            role=role,
            scopes=scopes,
            rights=rights_of(role, scopes),
            call_id=call_id,
        )

    @property
    def limits(self) -> Limits:
        """Which part of the organization it may see and change."""
        return Limits(business_ids=self.business_ids, resource_id=self.resource_id)

    @property
    def is_outsider(self) -> bool:
        """Whether it is a client or a visitor, who are not members of the organization."""
        return self.role in {Role.CLIENT, Role.VISITOR}

    @property
    def is_limited(self) -> bool:
        """Whether it is limited to a part of the organization."""
        return self.business_ids is not None or self.resource_id is not None

    @property
    def actor_type(self) -> ActorType:
        if self.role is Role.AGENT:
            return "ai_agent"
        if self.is_outsider:
            return "client"
        return "integration" if self.role is Role.INTEGRATION else "user"

    def can(self, right: Right) -> bool:
        return right in self.rights

    def require(self, right: Right) -> None:
        """Raises ForbiddenError where the right is missing."""
        self.require_any(right)

    def require_any(self, *rights: Right) -> None:
        """Raises ForbiddenError if it has none of the rights. An integration is told which scopes give them."""
        if not self.rights.isdisjoint(rights):
            return
        if self.role is not Role.INTEGRATION:
            raise ForbiddenError(f"The role {self.role} may not do this: it needs the right {_either(rights)}.")
        scopes = scopes_for(*rights)
        if not scopes:
            raise ForbiddenError("No integration may do this, whatever its scopes.")
        raise ForbiddenError(f"The token needs the scope {_either(scopes)}.", extra={"required_scopes": scopes})


def _either(names: Sequence[str]) -> str:
    return " or ".join(sorted(names))
