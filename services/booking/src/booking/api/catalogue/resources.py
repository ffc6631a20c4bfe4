"""Resources over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from booking.api.catalogue import entries
from booking.api.dependencies import CatalogueReader, CatalogueWriter, CurrentDependencies
from booking.domain.catalogue import Resource
from booking.schemas.catalogue import AddResourceIn, ChangeResourceIn, ResourceOut
from booking.usecases.catalogue import add_resource
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey
from slotstream_servicekit.http.pagination import DEFAULT_LIMIT, Cursor, Limit, Page

router = Router(prefix="/v1/resources", tags=["catalogue"])


@router.post("", status_code=201, response_model=ResourceOut, operation_id="add_resource")
async def create_resource(
    request: Request,
    dependencies: CurrentDependencies,
    principal: CatalogueWriter,
    body: AddResourceIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    return await entries.add(
        request,
        dependencies,
        principal,
        action=lambda session, context: add_resource(
            session=session, context=context, resource=body.to_resource(context)
        ),
        out=ResourceOut,
    )


@router.get("", response_model=Page[ResourceOut], operation_id="list_resources")
async def list_resources(
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
        Resource,
        out=ResourceOut,
        limit=limit,
        cursor=cursor,
        archived=archived,
        business_id=business_id,
    )


@router.get("/{identity}", response_model=ResourceOut, operation_id="get_resource")
async def get_resource(dependencies: CurrentDependencies, principal: CatalogueReader, identity: UUID) -> Response:
    return await entries.get(dependencies, principal, Resource, identity, out=ResourceOut)


@router.patch("/{identity}", response_model=ResourceOut, operation_id="change_resource")
async def change_resource(
    dependencies: CurrentDependencies,
    principal: CatalogueWriter,
    identity: UUID,
    body: ChangeResourceIn,
    expected_version: IfMatch,
) -> Response:
    return await entries.change(dependencies, principal, Resource, identity, body, expected_version, out=ResourceOut)


@router.delete("/{identity}", response_model=ResourceOut, operation_id="archive_resource")
async def archive_resource(
    dependencies: CurrentDependencies, principal: CatalogueWriter, identity: UUID, expected_version: IfMatch
) -> Response:
    """Archives: hidden from new bookings; what refers to it stays."""
    body = ChangeResourceIn(archived=True)
    return await entries.change(dependencies, principal, Resource, identity, body, expected_version, out=ResourceOut)
