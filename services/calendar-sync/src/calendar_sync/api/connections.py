"""/v1/connections: external calendars whose events take a resource's time."""

from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.api.dependencies import ConnectionWriter, CurrentDependencies, Reader
from calendar_sync.domain import Connection, ConnectionKind, ConnectionState
from calendar_sync.schemas import (
    ChangeConnectionIn,
    ConnectCalendarIn,
    ConnectionErrorOut,
    ConnectionOut,
    ReadingWarningOut,
)
from calendar_sync.storage import ConnectionStore
from calendar_sync.usecases.connections import (
    ConnectionChange,
    change_connection,
    connect_calendar,
    disconnect_calendar,
    request_sync,
)
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, id_in, page_by_id
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/connections", tags=["connections"])

_SCOPE = "connections"


@router.post("", status_code=201, response_model=ConnectionOut)
async def create_connection(
    request: Request,
    body: ConnectCalendarIn,
    dependencies: CurrentDependencies,
    principal: ConnectionWriter,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Connect an external calendar. It is read at once and then at intervals."""
    await dependencies.wait_for_resource(principal.organization_id, body.resource_id)
    connection_id = body.id or new_id()

    async def connect(session: AsyncSession) -> Response:
        connection = await connect_calendar(
            session=session,
            context=dependencies.context(principal),
            connection_id=connection_id,
            resource_id=body.resource_id,
            kind=ConnectionKind(body.kind),
            name=body.name or _host(body.url),
            address=_masked(body.url),
            sealed_secret=dependencies.box.seal(
                body.url, organization_id=principal.organization_id, connection_id=connection_id
            ),
        )
        return _answer(connection, status=201)

    return await idempotent(request, database=dependencies.database, principal=principal, action=connect)


@router.get("")
async def list_connections(
    dependencies: CurrentDependencies,
    principal: Reader,
    resource_id: Annotated[list[UUID] | None, Query()] = None,
    state: Annotated[list[ConnectionState] | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[ConnectionOut]:
    after = id_in(cursor, scope=_SCOPE)
    async with dependencies.database.transaction(principal) as session:
        rows = await ConnectionStore(session).page(
            principal.organization_id,
            resource_ids=resource_id or [],
            states=state or [],
            after=after,
            limit=limit + 1,
        )
    items, next_cursor = page_by_id(rows, limit=limit, scope=_SCOPE)
    return Page[ConnectionOut](items=[_out(row) for row in items], next_cursor=next_cursor)


@router.get("/{connection_id}", response_model=ConnectionOut)
async def get_connection(connection_id: UUID, dependencies: CurrentDependencies, principal: Reader) -> Response:
    async with dependencies.database.transaction(principal) as session:
        connection = await ConnectionStore(session).get(principal.organization_id, connection_id)
    return _answer(connection)


@router.patch("/{connection_id}", response_model=ConnectionOut)
async def update_connection(
    connection_id: UUID,
    body: ChangeConnectionIn,
    dependencies: CurrentDependencies,
    principal: ConnectionWriter,
    expected_version: IfMatch,
) -> Response:
    """Rename, pause or resume."""
    async with dependencies.database.transaction(principal) as session:
        connection = await change_connection(
            session=session,
            context=dependencies.context(principal),
            connection_id=connection_id,
            change=ConnectionChange(name=body.name, paused=body.paused, accept_deletions=body.accept_deletions),
            expected_version=expected_version,
        )
    return _answer(connection)


@router.delete("/{connection_id}", status_code=204)
async def delete_connection(
    connection_id: UUID, dependencies: CurrentDependencies, principal: ConnectionWriter, expected_version: IfMatch
) -> None:
    """Disconnect: the time that the calendar's events took is free again."""
    async with dependencies.database.transaction(principal) as session:
        await disconnect_calendar(
            session=session,
            context=dependencies.context(principal),
            connection_id=connection_id,
            expected_version=expected_version,
        )


@router.post("/{connection_id}/sync", status_code=202, response_model=ConnectionOut)
async def sync_connection(
    *,
    request: Request,
    connection_id: UUID,
    dependencies: CurrentDependencies,
    principal: ConnectionWriter,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Have the calendar read as soon as a worker is free."""

    async def sync(session: AsyncSession) -> Response:
        connection = await request_sync(
            session=session,
            context=dependencies.context(principal),
            connection_id=connection_id,
            expected_version=expected_version,
        )
        return _answer(connection, status=202)

    return await idempotent(request, database=dependencies.database, principal=principal, action=sync)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _masked(url: str) -> str:
    """Scheme and host: an address's user, path and query may each be a secret."""
    return f"{urlsplit(url).scheme}://{_host(url)}/…"


def _answer(connection: Connection, *, status: int = 200) -> Response:
    return model_response(_out(connection), status=status, version=connection.version)


def _out(connection: Connection) -> ConnectionOut:
    paused = connection.state is ConnectionState.PAUSED
    return ConnectionOut(
        id=connection.id,
        kind=connection.kind.value,
        resource_id=connection.resource_id,
        name=connection.name,
        url=connection.address,
        state=connection.state,
        pause_reason=connection.pause_reason,
        last_error=ConnectionErrorOut(code=connection.error_code, detail=connection.error_detail or "")
        if connection.error_code is not None
        else None,
        warnings=dict(connection.warnings),
        warning_examples=[ReadingWarningOut.model_validate(warning) for warning in connection.warning_examples],
        busy_instances=connection.busy_instances,
        last_success_at=connection.last_success_at,
        last_attempt_at=connection.last_attempt_at,
        next_attempt_at=None if paused else connection.due_at,
        created_at=connection.created_at,
        updated_at=connection.updated_at,
        version=connection.version,
    )
