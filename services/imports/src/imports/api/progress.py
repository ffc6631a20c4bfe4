"""`/v1/imports/{id}/progress`: watching an import."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.responses import StreamingResponse

from imports.api.dependencies import CurrentDependencies, Dependencies, Reader
from imports.domain.imports import RESTING
from imports.schemas import ProgressOut
from imports.storage.commands import RowCommandStore
from imports.storage.imports import ImportStore
from slotstream_servicekit.errors import TransientError
from slotstream_servicekit.health import Health
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.limits import rate_limited
from slotstream_servicekit.http.principal import Principal

router = Router(prefix="/v1/imports", tags=["imports"])

_HEARTBEAT_POLLS = 30
_RECONNECT_MILLISECONDS = 1_000
_PROGRESS_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "One event; `data` holds the import's state, its counts and why it failed.",
    "properties": {
        "event": {"type": "string", "const": "progress"},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
    "required": ["event", "data"],
}


@router.get(
    "/{import_id}/progress",
    dependencies=[rate_limited("streams", per_minute=120, burst=60, open_at_once=20)],
    response_class=StreamingResponse,
    responses={200: {"description": "The events", "content": {"text/event-stream": {"schema": _PROGRESS_EVENT}}}},
)
async def progress(
    request: Request, import_id: UUID, dependencies: CurrentDependencies, principal: Reader
) -> StreamingResponse:
    """Server-sent events: `progress` at once and at every change, until the import comes to rest.

    The stream also ends when the service stops; whoever connects again is told the present state first.
    """
    health: Health = request.app.state.health
    first = await _progress(dependencies, principal, import_id)
    events = _progress_events(dependencies, health, principal, import_id, first)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _progress_events(
    dependencies: Dependencies, health: Health, principal: Principal, import_id: UUID, first: ProgressOut
) -> AsyncIterator[str]:
    shown = first
    yield f"retry: {_RECONNECT_MILLISECONDS}\n{_event(shown)}"
    silent_polls = 0
    while shown.state not in RESTING:
        await asyncio.sleep(dependencies.progress_every.total_seconds())
        if health.is_stopping:
            return
        try:
            current = await _progress(dependencies, principal, import_id)
        except TransientError:
            # Its status is long sent: whoever watches connects again and is told then.
            return
        silent_polls += 1
        if current != shown:
            shown, silent_polls = current, 0
            yield _event(shown)
        elif silent_polls % _HEARTBEAT_POLLS == 0:
            # Proxies close a stream on which nothing moves.
            yield ": still here\n\n"


def _event(current: ProgressOut) -> str:
    return f"event: progress\ndata: {current.model_dump_json()}\n\n"


async def _progress(dependencies: Dependencies, principal: Principal, import_id: UUID) -> ProgressOut:
    async with dependencies.database.transaction(principal) as session:
        imported = await ImportStore(session).get(principal.organization_id, import_id)
        counts = await RowCommandStore(session, principal.organization_id, import_id).counts()
    return ProgressOut.of(imported, counts)
