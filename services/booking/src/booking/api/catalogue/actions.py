"""Actions over HTTP."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from booking.api.catalogue import entries
from booking.api.dependencies import CatalogueReader, CatalogueWriter, CurrentDependencies
from booking.domain.catalogue import Action
from booking.schemas.catalogue import ActionOut, AddActionIn, ChangeActionIn
from booking.usecases.catalogue import add_action
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey
from slotstream_servicekit.http.pagination import DEFAULT_LIMIT, Cursor, Limit, Page

router = Router(prefix="/v1/actions", tags=["catalogue"])


@router.post("", status_code=201, response_model=ActionOut, operation_id="add_action")
async def create_action(
    request: Request,
    dependencies: CurrentDependencies,
    principal: CatalogueWriter,
    body: AddActionIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    return await entries.add(
        request,
        dependencies,
        principal,
        action=lambda session, context: add_action(session=session, context=context, action=body.to_action(context)),
        out=ActionOut,
    )


@router.get("", response_model=Page[ActionOut], operation_id="list_actions")
async def list_actions(
    dependencies: CurrentDependencies,
    principal: CatalogueReader,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    archived: bool = False,
) -> Response:
    return await entries.page(
        dependencies, principal, Action, out=ActionOut, limit=limit, cursor=cursor, archived=archived
    )


@router.get("/{identity}", response_model=ActionOut, operation_id="get_action")
async def get_action(dependencies: CurrentDependencies, principal: CatalogueReader, identity: UUID) -> Response:
    return await entries.get(dependencies, principal, Action, identity, out=ActionOut)


@router.patch("/{identity}", response_model=ActionOut, operation_id="change_action")
async def change_action(
    dependencies: CurrentDependencies,
    principal: CatalogueWriter,
    identity: UUID,
    body: ChangeActionIn,
    expected_version: IfMatch,
) -> Response:
    return await entries.change(dependencies, principal, Action, identity, body, expected_version, out=ActionOut)


@router.delete("/{identity}", response_model=ActionOut, operation_id="archive_action")
async def archive_action(
    dependencies: CurrentDependencies, principal: CatalogueWriter, identity: UUID, expected_version: IfMatch
) -> Response:
    """Archives: hidden from new bookings; what refers to it stays."""
    body = ChangeActionIn(archived=True)
    return await entries.change(dependencies, principal, Action, identity, body, expected_version, out=ActionOut)
