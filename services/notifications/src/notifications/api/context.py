"""What the endpoints work with, made once in main."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel

from notifications.storage import CatalogueStore
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.http.etags import etag
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.telemetry import current_trace_id

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ApiContext:
    database: Database
    catalogue_wait: timedelta
    clock: Clock

    async def wait_for(self, organization_id: UUID, kind: str, item_id: UUID | None) -> None:
        """Gives a business or service that was created a moment ago the time to arrive. The use case decides."""
        deadline = asyncio.get_running_loop().time() + self.catalogue_wait.total_seconds()
        while item_id is not None and not await self._knows(organization_id, kind, item_id):
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _knows(self, organization_id: UUID, kind: str, item_id: UUID) -> bool:
        async with self.database.transaction(organization_id) as session:
            return await CatalogueStore(session).get(organization_id, kind, item_id) is not None


async def _context(request: Request) -> ApiContext:
    return cast("ApiContext", request.app.state.context)


Context = Annotated[ApiContext, Depends(_context)]


def correlation_id() -> str:
    return current_trace_id() or str(new_id())


def answer(content: BaseModel, *, status: int = 200, version: int | None = None) -> Response:
    headers: dict[str, Any] = {} if version is None else {"ETag": etag(version)}
    return Response(content.model_dump_json(), status_code=status, media_type="application/json", headers=headers)
