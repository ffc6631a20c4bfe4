"""What the endpoints work with, made once in main."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, cast
from uuid import UUID

from fastapi import Depends, Request
from starlette.types import Scope

from calendar_sync.adapters.feed_secrets import FeedSecrets
from calendar_sync.adapters.sealing import SecretBox
from calendar_sync.domain import CalendarWriter, Feed
from calendar_sync.storage import ResourceStore
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Database
from slotstream_servicekit.http.auth import ForbiddenError, Principal, Requirement, Right, requires
from slotstream_servicekit.http.callers import context_of
from slotstream_servicekit.projections import wait_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    database: Database
    box: SecretBox
    feed_secrets: FeedSecrets
    feed_writer: CalendarWriter
    public_url: str
    resource_wait: timedelta
    clock: Callable[[], datetime]

    def context(self, principal: Principal) -> Context:
        return context_of(principal, now=self.clock())

    def secret_of(self, feed: Feed) -> str:
        return self.feed_secrets.secret(organization_id=feed.organization_id, feed_id=feed.id, rotation=feed.rotation)

    def feed_url(self, secret: str) -> str:
        return f"{self.public_url.rstrip('/')}/feeds/{secret}.ics"

    async def wait_for_resource(self, organization_id: UUID, resource_id: UUID) -> None:
        """Gives a resource that was created a moment ago the time to arrive. The use case decides."""

        async def is_known() -> bool:
            async with self.database.transaction(organization_id) as session:
                return await ResourceStore(session).exists(organization_id, resource_id)

        await wait_until(is_known, within=self.resource_wait)


async def _dependencies(request: Request) -> Dependencies:
    return cast("Dependencies", request.app.state.dependencies)


CurrentDependencies = Annotated[Dependencies, Depends(_dependencies)]
"""`dependencies: CurrentDependencies` in an endpoint."""


@dataclass(frozen=True, slots=True)
class _ConnectionRequirement(Requirement):
    """Who may connect calendars: all of them, or the one that they are limited to. The limits see to it that it is."""

    rights: frozenset[Right] = frozenset({Right.WRITE_CALENDARS, Right.WRITE_OWN_CALENDAR})

    async def settle(self, scope: Scope) -> Principal:
        principal = await Requirement.settle(self, scope)
        if not principal.can(Right.WRITE_CALENDARS) and principal.resource_id is None:
            raise ForbiddenError("You may connect your own calendar, and are not limited to one.")
        return principal


Reader = Annotated[Principal, requires(Right.READ_CALENDARS)]
Writer = Annotated[Principal, requires(Right.WRITE_CALENDARS)]
ConnectionWriter = Annotated[Principal, Depends(_ConnectionRequirement())]
"""Somebody who may connect this one calendar, if only their own."""
