"""/v1/api-clients: programs that may call the APIs. For owners."""

import json
from datetime import timedelta
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.api.dependencies import Administrator, CurrentDependencies, Dependencies
from dashboard.domain.api_clients import ApiClient, ApiClientRole
from dashboard.schemas import ApiClientOut, ChangeApiClientIn, CreateApiClientIn, IssuedApiClientOut, RotateApiClientIn
from dashboard.storage import ApiClientStore
from dashboard.usecases.api_clients import (
    ApiClientChange,
    change_api_client,
    create_api_client,
    remove_api_client,
    rotate_api_client,
)
from slotstream_servicekit.http import Principal, Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, id_in, page_by_id
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/api-clients", tags=["api-clients"])

_SCOPE = "api_clients"


@router.post("", status_code=201, response_model=IssuedApiClientOut)
async def create_client(
    request: Request,
    body: CreateApiClientIn,
    dependencies: CurrentDependencies,
    principal: Administrator,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make an API client. Its secret is in this answer, and nowhere else."""
    client_id = body.id or new_id()

    async def create(session: AsyncSession) -> Response:
        client = await create_api_client(
            session=session,
            context=dependencies.context(principal),
            client_id=client_id,
            name=body.name,
            role=ApiClientRole(body.role),
            scopes=tuple(dict.fromkeys(body.scopes)),
            business_ids=tuple(body.business_ids) if body.business_ids is not None else None,
            secret_of=dependencies.secret_of,
        )
        return _answer(client, status=201)

    answer = await idempotent(request, database=dependencies.database, principal=principal, action=create)
    return _with_secret(answer, dependencies, principal)


@router.get("")
async def list_clients(
    dependencies: CurrentDependencies, principal: Administrator, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ApiClientOut]:
    after = id_in(cursor, scope=_SCOPE)
    async with dependencies.database.transaction(principal.organization_id) as session:
        rows = await ApiClientStore(session).page(principal.organization_id, after=after, limit=limit + 1)
    items, next_cursor = page_by_id(rows, limit=limit, scope=_SCOPE)
    return Page[ApiClientOut](items=[ApiClientOut.model_validate(row) for row in items], next_cursor=next_cursor)


@router.get("/{client_id}", response_model=ApiClientOut)
async def get_client(client_id: UUID, dependencies: CurrentDependencies, principal: Administrator) -> Response:
    async with dependencies.database.transaction(principal.organization_id) as session:
        return _answer(await ApiClientStore(session).get(principal.organization_id, client_id))


@router.patch("/{client_id}", response_model=ApiClientOut)
async def update_client(
    client_id: UUID,
    body: ChangeApiClientIn,
    dependencies: CurrentDependencies,
    principal: Administrator,
    expected_version: IfMatch,
) -> Response:
    """Rename, change scopes or businesses, deactivate or activate. Issued tokens live a minute at most."""
    change = ApiClientChange(
        given=frozenset(body.model_fields_set),
        name=body.name,
        scopes=tuple(dict.fromkeys(body.scopes)) if body.scopes is not None else None,
        business_ids=tuple(body.business_ids) if body.business_ids is not None else None,
        active=body.active,
    )
    async with dependencies.database.transaction(principal.organization_id) as session:
        client = await change_api_client(
            session=session,
            context=dependencies.context(principal),
            client_id=client_id,
            change=change,
            expected_version=expected_version,
        )
    return _answer(client)


@router.delete("/{client_id}", status_code=204)
async def delete_client(
    client_id: UUID, dependencies: CurrentDependencies, principal: Administrator, expected_version: IfMatch
) -> None:
    async with dependencies.database.transaction(principal.organization_id) as session:
        await remove_api_client(
            session=session,
            context=dependencies.context(principal),
            client_id=client_id,
            expected_version=expected_version,
        )


@router.post("/{client_id}/rotate", response_model=IssuedApiClientOut)
async def rotate_client_secret(
    *,
    request: Request,
    client_id: UUID,
    body: RotateApiClientIn,
    dependencies: CurrentDependencies,
    principal: Administrator,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Give the client a new secret. Those before it go on working for the overlap, then end."""

    async def rotate(session: AsyncSession) -> Response:
        client = await rotate_api_client(
            session=session,
            context=dependencies.context(principal),
            client_id=client_id,
            overlap=timedelta(minutes=body.overlap_minutes),
            expected_version=expected_version,
            secret_of=dependencies.secret_of,
        )
        return _answer(client)

    answer = await idempotent(request, database=dependencies.database, principal=principal, action=rotate)
    return _with_secret(answer, dependencies, principal)


def _answer(client: ApiClient, *, status: int = 200) -> Response:
    return model_response(ApiClientOut.model_validate(client), status=status, version=client.version)


def _with_secret(answer: Response, dependencies: Dependencies, principal: Principal) -> Response:
    """Adds the secret outside the stored answer: an Idempotency-Key must not keep it in the clear."""
    if answer.status_code >= 400:
        return answer
    content = json.loads(bytes(answer.body))
    secret = dependencies.client_secrets.secret(
        organization_id=principal.organization_id, client_id=UUID(content["id"]), rotation=content["rotation"]
    )
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return Response(
        json.dumps({**content, "client_secret": secret}),
        status_code=answer.status_code,
        headers={**headers, "Cache-Control": "no-store"},
    )
