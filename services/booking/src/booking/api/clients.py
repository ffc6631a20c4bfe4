"""Clients over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.context import CurrentContext, cause_of, model_response
from booking.schemas.clients import (
    AddClientIn,
    ChangeClientIn,
    ClientOut,
    ClientPageOut,
    MergeClientIn,
    NearestAppointmentOut,
)
from booking.storage.clients import appointments_of, list_clients, read_client
from booking.usecases.clients import add_client, change_client, erase_client, merge_clients
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import requires, requires_any
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
from slotstream_servicekit.http.rights import Right

router = Router(prefix="/v1/clients", tags=["clients"])

Reader = Annotated[Principal, requires(Right.READ_CLIENTS)]
Writer = Annotated[Principal, requires(Right.WRITE_CLIENTS)]
Booker = Annotated[Principal, requires_any(Right.WRITE_CLIENTS, Right.BOOK)]


@router.post("", status_code=201, response_model=ClientOut, responses={200: {"model": ClientOut}})
async def create_client(
    request: Request,
    context: CurrentContext,
    principal: Booker,
    body: AddClientIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """A new client (201), or the one who has this phone or e-mail already (200)."""

    async def action(session: AsyncSession) -> Response:
        row, is_new = await add_client(
            session=session,
            organization_id=principal.organization_id,
            values=body.model_dump(exclude={"phone_region"}),
            region=body.phone_region,
            cause=cause_of(principal),
            now=context.clock(),
        )
        status = 201 if is_new else 200
        return model_response(ClientOut.model_validate(row), status=status, version=row["version"])

    return await idempotent(request, database=context.database, principal=principal, action=action)


@router.get("")
async def search_clients(
    context: CurrentContext,
    principal: Reader,
    q: Annotated[str | None, Query(max_length=200, description="Parts of name, phone or e-mail")] = None,
    archived: bool = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[ClientOut]:
    after = decode_cursor(cursor, str, UUID, scope="clients") if cursor else None
    async with context.database.transaction(principal.organization_id) as session:
        rows = await list_clients(
            session,
            principal.organization_id,
            text=q,
            archived=archived,
            after=(after[0], after[1]) if after else None,
            limit=limit + 1,
        )
    page, next_cursor = page_of(
        rows, limit=limit, cursor_of=lambda row: encode_cursor(row["name"], row["id"], scope="clients")
    )
    return Page(items=[ClientOut.model_validate(row) for row in page], next_cursor=next_cursor)


@router.get("/{client_id}", response_model=ClientPageOut)
async def get_client(context: CurrentContext, principal: Reader, client_id: UUID) -> Response:
    """One client with their appointments by status and the nearest active one."""
    async with context.database.transaction(principal.organization_id) as session:
        row = await read_client(session, principal.organization_id, client_id)
        if row is None or row["erased"]:
            raise NotFoundError(f"There is no client {client_id}.")
        counts, nearest = await appointments_of(session, principal.organization_id, client_id, now=context.clock())
    page: dict[str, Any] = {
        **row,
        "appointments": counts,
        "nearest_appointment": nearest and NearestAppointmentOut.model_validate(nearest),
    }
    return model_response(ClientPageOut.model_validate(page), version=row["version"])


@router.patch("/{client_id}", response_model=ClientOut)
async def edit_client(
    context: CurrentContext,
    principal: Writer,
    client_id: UUID,
    body: ChangeClientIn,
    expected_version: IfMatch,
) -> Response:
    values = body.changes()
    values.pop("phone_region", None)
    async with context.database.transaction(principal.organization_id) as session:
        row = await change_client(
            session=session,
            organization_id=principal.organization_id,
            client_id=client_id,
            values=values,
            region=body.phone_region,
            cause=cause_of(principal),
            now=context.clock(),
            expected_version=expected_version,
        )
    return model_response(ClientOut.model_validate(row), version=row["version"])


@router.delete("/{client_id}", response_model=ClientOut)
async def archive_client(
    context: CurrentContext, principal: Writer, client_id: UUID, expected_version: IfMatch
) -> Response:
    """Archives: hidden from lists, not forgotten."""
    async with context.database.transaction(principal.organization_id) as session:
        row = await change_client(
            session=session,
            organization_id=principal.organization_id,
            client_id=client_id,
            values={"archived": True},
            region=None,
            cause=cause_of(principal),
            now=context.clock(),
            expected_version=expected_version,
        )
    return model_response(ClientOut.model_validate(row), version=row["version"])


@router.post("/{client_id}/merge", response_model=ClientOut)
async def merge_client(
    request: Request,
    context: CurrentContext,
    principal: Writer,
    client_id: UUID,
    body: MergeClientIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Marks this client as a duplicate of another, who is answered."""

    async def action(session: AsyncSession) -> Response:
        row = await merge_clients(
            session=session,
            organization_id=principal.organization_id,
            client_id=client_id,
            into=body.into,
            cause=cause_of(principal),
            now=context.clock(),
        )
        return model_response(ClientOut.model_validate(row), version=row["version"])

    return await idempotent(request, database=context.database, principal=principal, action=action)


@router.post("/{client_id}/erase", status_code=204)
async def forget_client(context: CurrentContext, principal: Writer, client_id: UUID) -> None:
    """Forgets the person for good; appointments keep the bare id."""
    async with context.database.transaction(principal.organization_id) as session:
        await erase_client(
            session=session,
            organization_id=principal.organization_id,
            client_id=client_id,
            now=context.clock(),
        )
