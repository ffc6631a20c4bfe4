"""What booking's endpoints work with, made once in main, and the rights that callers need."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from booking.domain.clients import ClientMatch, ClientNote
from booking.domain.errors import OverrideForbiddenError
from booking.domain.public import PublicLimits
from booking.domain.waiting_list import WaitingListLimits
from booking.schemas.appointments import OverrideIn
from booking.storage.policies import PolicyCache
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import ForbiddenError
from slotstream_servicekit.http.auth import requires, requires_any
from slotstream_servicekit.http.callers import context_of
from slotstream_servicekit.http.limits import rate_limited
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.rights import Right, scopes_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    database: Database
    policies: PolicyCache
    clock: Clock
    message_channels: frozenset[str] = frozenset()
    public_limits: PublicLimits
    waiting_list: WaitingListLimits

    def context_of(self, principal: Principal) -> Context:
        return context_of(principal, now=self.clock())


def dependencies_of(request: Request) -> Dependencies:
    """For endpoints that FastAPI's dependencies are not solved for."""
    return cast("Dependencies", request.app.state.dependencies)


async def _dependencies(request: Request) -> Dependencies:
    return dependencies_of(request)


CurrentDependencies = Annotated[Dependencies, Depends(_dependencies)]

BOOKINGS_LIMIT = rate_limited("bookings", per_minute=18_000, burst=300)
"""Less than half of what one process books, so that others have room: docs/capacity.md."""

AppointmentReader = Annotated[Principal, requires(Right.READ_APPOINTMENTS)]
AppointmentWriter = Annotated[Principal, requires(Right.WRITE_APPOINTMENTS)]
BulkWriter = Annotated[Principal, requires_any(Right.WRITE_APPOINTMENTS, Right.SEND_MESSAGES)]
Booker = Annotated[Principal, requires(Right.BOOK)]
CatalogueReader = Annotated[Principal, requires(Right.READ_CATALOGUE)]
CatalogueWriter = Annotated[Principal, requires(Right.WRITE_CATALOGUE)]
ClientReader = Annotated[Principal, requires(Right.READ_CLIENTS)]
ClientWriter = Annotated[Principal, requires(Right.WRITE_CLIENTS)]
ClientEraser = Annotated[Principal, requires(Right.ERASE_CLIENTS)]
ClientBooker = Annotated[Principal, requires_any(Right.WRITE_CLIENTS, Right.BOOK)]
ReportReader = Annotated[Principal, requires(Right.READ_REPORTS)]
PortalClient = Annotated[Principal, requires(Right.USE_PORTAL)]
Visitor = Annotated[Principal, requires(Right.USE_PUBLIC_BOOKING)]


def sees_internal_notes(principal: Principal) -> bool:
    """Internal notes are staff's own: neither agents nor integrations read them."""
    return principal.actor_type == "user"


def source_of(principal: Principal, stated: str | None) -> str:
    """Which way an appointment came in: by who calls, unless the caller may state another way and does.

    Raises ForbiddenError for one who may not.
    """
    derived = {"ai_agent": "voice_ai", "integration": "api"}.get(principal.actor_type, "manual")
    if stated is not None and stated != derived and not principal.can(Right.STATE_SOURCE):
        raise ForbiddenError(
            f"The source of your appointments is {derived!r}: to state another needs the scope appointments:source.",
            extra={"required_scopes": scopes_for(Right.STATE_SOURCE)},
        )
    return stated or derived


def check_match(principal: Principal, match: ClientMatch) -> None:
    """Raises ForbiddenError where a known client is to be changed by a caller who may not change clients."""
    if match is ClientMatch.UPDATE:
        principal.require(Right.WRITE_CLIENTS)


def visible_notes(principal: Principal, notes: Sequence[ClientNote]) -> Sequence[ClientNote]:
    """What of a client is otherwise than it was given: told to those alone who may read clients."""
    return notes if principal.can(Right.READ_CLIENTS) else ()


def override_reason(principal: Principal, override: OverrideIn | None) -> str | None:
    """Why rules are set aside, where they are. Raises OverrideForbiddenError for a caller who may not."""
    if override is None:
        return None
    if not principal.can(Right.OVERRIDE):
        scopes = scopes_for(Right.OVERRIDE) if principal.actor_type == "integration" else []
        if scopes:
            raise OverrideForbiddenError(
                f"The token needs the scope {' or '.join(scopes)}.", extra={"required_scopes": scopes}
            )
        raise OverrideForbiddenError("Only a member of staff can override; an agent or a client never can.")
    return override.reason
