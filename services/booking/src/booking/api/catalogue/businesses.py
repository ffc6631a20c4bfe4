"""Businesses over HTTP."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from booking.api.catalogue import entries
from booking.api.dependencies import CatalogueReader, CatalogueWriter, CurrentDependencies
from booking.domain.catalogue import Business
from booking.schemas.catalogue import AddBusinessIn, BusinessOut, ChangeBusinessIn
from booking.usecases.catalogue import add_business
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey
from slotstream_servicekit.http.pagination import DEFAULT_LIMIT, Cursor, Limit, Page

router = Router(prefix="/v1/businesses", tags=["catalogue"])


@router.post("", status_code=201, response_model=BusinessOut, operation_id="add_business")
async def create_business(
    request: Request,
    dependencies: CurrentDependencies,
    principal: CatalogueWriter,
    body: AddBusinessIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    return await entries.add(
        request,
        dependencies,
        principal,
        action=lambda session, context: add_business(
            session=session, context=context, business=body.to_business(context)
        ),
        out=BusinessOut,
    )


@router.get("", response_model=Page[BusinessOut], operation_id="list_businesses")
async def list_businesses(
    dependencies: CurrentDependencies,
    principal: CatalogueReader,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    archived: bool = False,
) -> Response:
    return await entries.page(
        dependencies, principal, Business, out=BusinessOut, limit=limit, cursor=cursor, archived=archived
    )


@router.get("/{identity}", response_model=BusinessOut, operation_id="get_business")
async def get_business(dependencies: CurrentDependencies, principal: CatalogueReader, identity: UUID) -> Response:
    return await entries.get(dependencies, principal, Business, identity, out=BusinessOut)


@router.patch("/{identity}", response_model=BusinessOut, operation_id="change_business")
async def change_business(
    dependencies: CurrentDependencies,
    principal: CatalogueWriter,
    identity: UUID,
    body: ChangeBusinessIn,
    expected_version: IfMatch,
) -> Response:
    return await entries.change(dependencies, principal, Business, identity, body, expected_version, out=BusinessOut)


@router.delete("/{identity}", response_model=BusinessOut, operation_id="archive_business")
async def archive_business(
    dependencies: CurrentDependencies, principal: CatalogueWriter, identity: UUID, expected_version: IfMatch
) -> Response:
    """Archives: hidden from new bookings; what refers to it stays."""
    body = ChangeBusinessIn(archived=True)
    return await entries.change(dependencies, principal, Business, identity, body, expected_version, out=BusinessOut)
