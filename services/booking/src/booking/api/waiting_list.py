"""/v1/waiting-list: clients who want a service in a window that is full."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.dependencies import AppointmentReader, Booker, CurrentDependencies
from booking.domain.waiting_list import WaitingListEntry
from booking.schemas.waiting_list import (
    EntryStatusName,
    JoinWaitingListIn,
    WaitingListEntryOut,
    waiting_list_entry_out,
)
from booking.storage.connections import connection_of
from booking.storage.waiting_list import EntryFilter, WaitingListStore
from booking.usecases.waiting_list import join_waiting_list, leave_waiting_list
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.pagination import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    page_of,
)
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/waiting-list", tags=["waiting list"])

_SCOPE = "waiting-list"


@router.post("", status_code=201, response_model=WaitingListEntryOut)
async def add_waiting_list_entry(
    request: Request,
    dependencies: CurrentDependencies,
    principal: Booker,
    body: JoinWaitingListIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Put a client on the list: a slot that is freed in the window is held for them, and they are told."""
    context = dependencies.context_of(principal)

    async def action(session: AsyncSession) -> Response:
        entry = await join_waiting_list(
            session=session,
            policies=dependencies.policies,
            context=context,
            entry=_entry_of(body, context),
            limits=dependencies.waiting_list,
        )
        return await _answer(session, principal, entry.id, status=201)

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)


@router.get("")
async def get_waiting_list(
    dependencies: CurrentDependencies,
    principal: AppointmentReader,
    business_id: Annotated[list[UUID] | None, Query()] = None,
    service_id: Annotated[list[UUID] | None, Query()] = None,
    client_id: Annotated[list[UUID] | None, Query()] = None,
    status: Annotated[list[EntryStatusName] | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[WaitingListEntryOut]:
    """In the order in which they came, which is that of offers."""
    after = decode_cursor(cursor, datetime, UUID, scope=_SCOPE) if cursor else None
    wanted = EntryFilter(business_ids=business_id, service_ids=service_id, client_ids=client_id, statuses=status)
    async with dependencies.database.transaction(principal) as session:
        store = WaitingListStore(await connection_of(session), principal.organization_id)
        entries = await store.find(wanted, after=after, limit=limit + 1)
    page, next_cursor = page_of(
        entries,
        limit=limit,
        cursor_of=lambda listed: encode_cursor(listed.entry.created_at, listed.entry.id, scope=_SCOPE),
    )
    return Page[WaitingListEntryOut](items=[waiting_list_entry_out(listed) for listed in page], next_cursor=next_cursor)


@router.get("/{entry_id}", response_model=WaitingListEntryOut)
async def get_waiting_list_entry(
    dependencies: CurrentDependencies, principal: AppointmentReader, entry_id: UUID
) -> Response:
    async with dependencies.database.transaction(principal) as session:
        return await _answer(session, principal, entry_id)


@router.delete("/{entry_id}", status_code=204)
async def delete_waiting_list_entry(
    dependencies: CurrentDependencies, principal: Booker, entry_id: UUID, expected_version: IfMatch
) -> None:
    """Take a client off the list. A slot that is held for them is offered to the next."""
    async with dependencies.database.transaction(principal) as session:
        await leave_waiting_list(
            session=session,
            context=dependencies.context_of(principal),
            entry_id=entry_id,
            expected_version=expected_version,
        )


async def _answer(session: AsyncSession, principal: Principal, entry_id: UUID, *, status: int = 200) -> Response:
    listed = await WaitingListStore(await connection_of(session), principal.organization_id).shown(entry_id)
    if listed is None:
        raise NotFoundError(f"There is no waiting list entry {entry_id}.")
    location = f"/v1/waiting-list/{entry_id}" if status == 201 else None
    return model_response(
        waiting_list_entry_out(listed), status=status, version=listed.entry.version, location=location
    )


def _entry_of(body: JoinWaitingListIn, context: Context) -> WaitingListEntry:
    return WaitingListEntry(
        organization_id=context.organization_id,
        id=body.id or new_id(),
        business_id=body.business_id,
        service_id=body.service_id,
        client_id=body.client_id,
        resource_id=body.resource_id,
        window_from=body.window_from,
        window_to=body.window_to,
        created_at=context.now,
        updated_at=context.now,
    )
