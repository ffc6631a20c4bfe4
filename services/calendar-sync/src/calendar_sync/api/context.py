"""What the endpoints work with, made once in main."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, cast
from uuid import UUID

from fastapi import Depends, Request

from calendar_sync.adapters.feed_secrets import FeedSecrets
from calendar_sync.adapters.sealing import SecretBox
from calendar_sync.domain import Feed
from calendar_sync.storage import ResourceStore
from slotstream_servicekit.database import Database
from slotstream_servicekit.telemetry import current_trace_id

_RESOURCE_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ApiContext:
    database: Database
    box: SecretBox
    feed_secrets: FeedSecrets
    public_url: str
    resource_wait: timedelta
    clock: Callable[[], datetime]

    def secret_of(self, feed: Feed) -> str:
        return self.feed_secrets.secret(organization_id=feed.organization_id, feed_id=feed.id, rotation=feed.rotation)

    def feed_url(self, secret: str) -> str:
        return f"{self.public_url.rstrip('/')}/feeds/{secret}.ics"

    async def wait_for_resource(self, organization_id: UUID, resource_id: UUID) -> None:
        """Gives a resource that was created a moment ago the time to arrive. The use case decides."""
        deadline = asyncio.get_running_loop().time() + self.resource_wait.total_seconds()
        while not await self._knows(organization_id, resource_id):
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(_RESOURCE_POLL_SECONDS)

    async def _knows(self, organization_id: UUID, resource_id: UUID) -> bool:
        async with self.database.transaction(organization_id) as session:
            return await ResourceStore(session).exists(organization_id, resource_id)


def correlation_id() -> str:
    """What ties this request's events together: its trace."""
    return current_trace_id() or "none"


async def _context(request: Request) -> ApiContext:
    return cast("ApiContext", request.app.state.context)


Context = Annotated[ApiContext, Depends(_context)]
"""`context: Context` in an endpoint."""
