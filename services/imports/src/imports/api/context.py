"""What the endpoints share, and who may use them."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from imports.domain.model import Who
from imports.storage.catalogue import business_of
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.http.auth import Principal, Right, requires

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ApiContext:
    database: Database
    clock: Clock
    max_rows: int
    catalogue_wait: timedelta
    progress_every: timedelta = timedelta(milliseconds=500)

    async def wait_for_business(self, organization_id: UUID, business_id: UUID) -> None:
        """Gives a business that was created a moment ago the time to arrive. The use case decides."""
        deadline = asyncio.get_running_loop().time() + self.catalogue_wait.total_seconds()
        while not await self._knows(organization_id, business_id):
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _knows(self, organization_id: UUID, business_id: UUID) -> bool:
        async with self.database.transaction(organization_id) as session:
            found = await business_of(session, organization_id=organization_id, business_id=business_id)
        return found is not None


async def _context(request: Request) -> ApiContext:
    context: ApiContext = request.app.state.context
    return context


def who_of(principal: Principal) -> Who:
    return Who(type=principal.actor_type, id=principal.subject, call_id=principal.call_id)


Context = Annotated[ApiContext, Depends(_context)]
Reader = Annotated[Principal, requires(Right.READ_IMPORTS)]
Writer = Annotated[Principal, requires(Right.WRITE_IMPORTS)]
