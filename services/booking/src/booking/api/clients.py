"""Clients over HTTP."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.dependencies import (
    ClientBooker,
    ClientEraser,
    ClientReader,
    ClientWriter,
    CurrentDependencies,
    check_match,
)
from booking.schemas.clients import (
    AddClientIn,
    AddedClientOut,
    ChangeClientIn,
    ClientOut,
    ClientPageOut,
    EraseClientIn,
    MergeClientIn,
)
from booking.storage.clients import ClientStore
from booking.usecases.clients import add_client, change_client, merge_clients
from booking.usecases.erasure import erase_client
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
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.http.rights import Right

router = Router(prefix="/v1/clients", tags=["clients"])
_SCOPE: Final = "clients:sort_name"


@router.post("", status_code=201, response_model=AddedClientOut, responses={200: {"model": AddedClientOut}})
async def create_client(
    request: Request,
    dependencies: CurrentDependencies,
    principal: ClientBooker,
    body: AddClientIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """A new client (201), or the one who has this phone or e-mail already (200), with notes on what differs.

    A caller who may not read clients learns of none: they always get a new client with what they gave, who stands
    for the one there is.
    """
    check_match(principal, body.client_match)

    async def action(session: AsyncSession) -> Response:
        found = await add_client(
            session=session,
            context=dependencies.context_of(principal),
            request=body.to_request(),
            client_id=body.id,
            tells_of_others=principal.can(Right.READ_CLIENTS),
        )
        status = 201 if found.is_new else 200
        return model_response(AddedClientOut.of_found(found), status=status, version=found.client.version)

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)


@router.get("")
async def search_clients(
    dependencies: CurrentDependencies,
    principal: ClientReader,
    q: Annotated[str | None, Query(max_length=200, description="Parts of name, phone or e-mail")] = None,
    archived: bool = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[ClientOut]:
    """By name, without case and accents; whoever is found by parts of name, phone or e-mail, also without accents."""
    after = decode_cursor(cursor, str, UUID, scope=_SCOPE) if cursor else None
    async with dependencies.database.transaction(principal) as session:
        listed = await ClientStore(session).page(
            principal.organization_id,
            query=q,
            archived=archived,
            after=(after[0], after[1]) if after else None,
            limit=limit + 1,
        )
    page, next_cursor = page_of(listed, limit=limit, cursor_of=lambda row: encode_cursor(*row.key, scope=_SCOPE))
    return Page(items=[ClientOut.of(row.client) for row in page], next_cursor=next_cursor)


@router.get("/{client_id}", response_model=ClientPageOut)
async def get_client(dependencies: CurrentDependencies, principal: ClientReader, client_id: UUID) -> Response:
    """One client with their appointments by status and the nearest active one.

    Of a merged duplicate, `merged_into` names the client it stands for.
    """
    async with dependencies.database.transaction(principal) as session:
        store = ClientStore(session)
        client = await store.get(principal.organization_id, client_id)
        if client is None or client.erased:
            raise NotFoundError(f"There is no client {client_id}.")
        theirs = await store.appointments_of(principal.organization_id, client_id, now=dependencies.clock())
    return model_response(ClientPageOut.with_appointments(client, theirs), version=client.version)


@router.patch("/{client_id}", response_model=ClientOut)
async def edit_client(
    dependencies: CurrentDependencies,
    principal: ClientWriter,
    client_id: UUID,
    body: ChangeClientIn,
    expected_version: IfMatch,
) -> Response:
    changes = body.changes()
    changes.pop("phone_region", None)
    async with dependencies.database.transaction(principal) as session:
        client = await change_client(
            session=session,
            context=dependencies.context_of(principal),
            client_id=client_id,
            changes=changes,
            region=body.phone_region,
            expected_version=expected_version,
        )
    return model_response(ClientOut.of(client), version=client.version)


@router.delete("/{client_id}", response_model=ClientOut)
async def archive_client(
    dependencies: CurrentDependencies, principal: ClientWriter, client_id: UUID, expected_version: IfMatch
) -> Response:
    """Archives: hidden from lists, not forgotten."""
    async with dependencies.database.transaction(principal) as session:
        client = await change_client(
            session=session,
            context=dependencies.context_of(principal),
            client_id=client_id,
            changes={"archived": True},
            expected_version=expected_version,
        )
    return model_response(ClientOut.of(client), version=client.version)


@router.post("/{client_id}/merge", response_model=ClientOut)
async def merge_client(
    request: Request,
    dependencies: CurrentDependencies,
    principal: ClientWriter,
    client_id: UUID,
    body: MergeClientIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Marks this client as a duplicate of another, who is answered."""

    async def action(session: AsyncSession) -> Response:
        client = await merge_clients(
            session=session,
            context=dependencies.context_of(principal),
            client_id=client_id,
            into=body.into,
        )
        return model_response(ClientOut.of(client), version=client.version)

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)


@router.post("/{client_id}/erase", status_code=204)
async def forget_client(
    request: Request,
    dependencies: CurrentDependencies,
    principal: ClientEraser,
    client_id: UUID,
    expected_version: IfMatch,
    body: EraseClientIn | None = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Forgets the person, with all duplicates of them, for good; appointments keep the bare id.

    What they have ahead of them is in the way of it (409, with the ids), unless `open_appointments` says `cancel`.
    """
    order = body or EraseClientIn()

    async def action(session: AsyncSession) -> Response:
        await erase_client(
            session=session,
            context=dependencies.context_of(principal),
            policies=dependencies.policies,
            client_id=client_id,
            cancels_ahead=order.open_appointments == "cancel",
            expected_version=expected_version,
        )
        return Response(status_code=204)

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)
