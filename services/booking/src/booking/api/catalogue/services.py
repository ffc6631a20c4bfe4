"""Services over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from booking.api.catalogue import entries
from booking.api.dependencies import CatalogueReader, CatalogueWriter, CurrentDependencies
from booking.domain.catalogue import Service
from booking.schemas.catalogue import AddServiceIn, ChangeServiceIn, ServiceOut
from booking.usecases.catalogue import add_service
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey
from slotstream_servicekit.http.pagination import DEFAULT_LIMIT, Cursor, Limit, Page

router = Router(prefix="/v1/services", tags=["catalogue"])


@router.post("", status_code=201, response_model=ServiceOut, operation_id="add_service")
async def create_service(
    request: Request,
    dependencies: CurrentDependencies,
    principal: CatalogueWriter,
    body: AddServiceIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    return await entries.add(
        request,
        dependencies,
        principal,
        action=lambda session, context: add_service(session=session, context=context, service=body.to_service(context)),
        out=ServiceOut,
    )


@router.get("", response_model=Page[ServiceOut], operation_id="list_services")
async def list_services(
    dependencies: CurrentDependencies,
    principal: CatalogueReader,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    archived: bool = False,
    business_id: Annotated[UUID | None, Query(description="Only those of this business")] = None,
) -> Response:
    return await entries.page(
        dependencies,
        principal,
        Service,
        out=ServiceOut,
        limit=limit,
        cursor=cursor,
        archived=archived,
        business_id=business_id,
    )


@router.get("/{identity}", response_model=ServiceOut, operation_id="get_service")
async def get_service(dependencies: CurrentDependencies, principal: CatalogueReader, identity: UUID) -> Response:
    return await entries.get(dependencies, principal, Service, identity, out=ServiceOut)


@router.patch("/{identity}", response_model=ServiceOut, operation_id="change_service")
async def change_service(
    dependencies: CurrentDependencies,
    principal: CatalogueWriter,
    identity: UUID,
    body: ChangeServiceIn,
    expected_version: IfMatch,
) -> Response:
    return await entries.change(dependencies, principal, Service, identity, body, expected_version, out=ServiceOut)


@router.delete("/{identity}", response_model=ServiceOut, operation_id="archive_service")
async def archive_service(
    dependencies: CurrentDependencies, principal: CatalogueWriter, identity: UUID, expected_version: IfMatch
) -> Response:
    """Archives: hidden from new bookings; what refers to it stays."""
    body = ChangeServiceIn(archived=True)
    return await entries.change(dependencies, principal, Service, identity, body, expected_version, out=ServiceOut)
