"""Businesses, resources, services and actions: the same five routes for each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.context import Context, CurrentContext, cause_of, model_response
from booking.schemas.catalogue import (
    ActionOut,
    AddActionIn,
    AddBusinessIn,
    AddResourceIn,
    AddServiceIn,
    BusinessOut,
    ChangeActionIn,
    ChangeBusinessIn,
    ChangeIn,
    ChangeResourceIn,
    ChangeServiceIn,
    ResourceOut,
    ServiceOut,
    price_of,
)
from booking.storage.catalogue import list_entries, read_entry
from booking.usecases.catalogue import add_entry, change_entry
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import requires
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.models import ResponseModel
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

Reader = Annotated[Principal, requires(Right.READ_CATALOGUE)]
Writer = Annotated[Principal, requires(Right.WRITE_CATALOGUE)]
BusinessId = Annotated[UUID | None, Query(description="Only those of this business")]


@dataclass(frozen=True, slots=True)
class Noun:
    """One kind of entry: its word, its answer's model, and what its row needs for it."""

    kind: str
    model: type[ResponseModel]
    prepare: Callable[[dict[str, Any]], dict[str, Any]] = dict

    def out(self, row: dict[str, Any]) -> ResponseModel:
        return self.model.model_validate(self.prepare(row))

    async def add(self, request: Request, context: Context, principal: Principal, values: dict[str, Any]) -> Response:
        async def action(session: AsyncSession) -> Response:
            row = await add_entry(
                session=session,
                organization_id=principal.organization_id,
                kind=self.kind,
                values=values,
                cause=cause_of(principal),
                now=context.clock(),
            )
            return model_response(self.out(row), status=201, version=row["version"])

        return await idempotent(request, database=context.database, principal=principal, action=action)

    async def get(self, context: Context, principal: Principal, identity: UUID) -> Response:
        async with context.database.transaction(principal.organization_id) as session:
            row = await read_entry(session, self.kind, principal.organization_id, identity)
        if row is None:
            raise NotFoundError(f"There is no {self.kind} {identity}.")
        return model_response(self.out(row), version=row["version"])

    async def page(
        self,
        context: Context,
        principal: Principal,
        *,
        limit: int,
        cursor: str | None,
        archived: bool,
        business_id: UUID | None = None,
    ) -> Response:
        after = decode_cursor(cursor, str, UUID, scope=self.kind) if cursor else None
        async with context.database.transaction(principal.organization_id) as session:
            rows = await list_entries(
                session,
                self.kind,
                principal.organization_id,
                archived=archived,
                business_id=business_id,
                after=(after[0], after[1]) if after else None,
                limit=limit + 1,
            )
        page, next_cursor = page_of(
            rows, limit=limit, cursor_of=lambda row: encode_cursor(row["name"], row["id"], scope=self.kind)
        )
        return model_response(Page[Any](items=[self.out(row) for row in page], next_cursor=next_cursor))

    async def change(
        self,
        context: Context,
        principal: Principal,
        identity: UUID,
        values: dict[str, Any],
        expected_version: int | None,
    ) -> Response:
        async with context.database.transaction(principal.organization_id) as session:
            row = await change_entry(
                session=session,
                organization_id=principal.organization_id,
                kind=self.kind,
                identity=identity,
                values=values,
                cause=cause_of(principal),
                now=context.clock(),
                expected_version=expected_version,
            )
        return model_response(self.out(row), version=row["version"])


def _routes(*, path: str, noun: Noun, plural: str, add: type[Any], change: type[ChangeIn], by_business: bool) -> Router:
    router = Router(prefix=f"/v1/{path}", tags=["catalogue"])
    model = noun.model

    async def add_one(
        request: Request,
        context: CurrentContext,
        principal: Writer,
        body: Any,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        values = body.changes() if isinstance(body, ChangeIn) else body.model_dump(exclude_unset=False)
        return await noun.add(request, context, principal, values)

    async def list_all(
        context: CurrentContext,
        principal: Reader,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        archived: bool = False,
    ) -> Response:
        return await noun.page(context, principal, limit=limit, cursor=cursor, archived=archived)

    async def list_of_business(
        context: CurrentContext,
        principal: Reader,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        archived: bool = False,
        business_id: BusinessId = None,
    ) -> Response:
        return await noun.page(
            context, principal, limit=limit, cursor=cursor, archived=archived, business_id=business_id
        )

    async def get_one(context: CurrentContext, principal: Reader, identity: UUID) -> Response:
        return await noun.get(context, principal, identity)

    async def change_one(
        context: CurrentContext,
        principal: Writer,
        identity: UUID,
        body: Any,
        expected_version: IfMatch,
    ) -> Response:
        return await noun.change(context, principal, identity, body.changes(), expected_version)

    async def archive_one(
        context: CurrentContext, principal: Writer, identity: UUID, expected_version: IfMatch
    ) -> Response:
        """Archives: hidden from new bookings; what refers to it stays."""
        return await noun.change(context, principal, identity, {"archived": True}, expected_version)

    add_one.__annotations__["body"] = add
    change_one.__annotations__["body"] = change
    page_model = Page[model]  # type: ignore[valid-type]
    listing = list_of_business if by_business else list_all
    router.post("", status_code=201, response_model=model, operation_id=f"add_{noun.kind}")(add_one)
    router.get("", response_model=page_model, operation_id=f"list_{plural}")(listing)
    router.get("/{identity}", response_model=model, operation_id=f"get_{noun.kind}")(get_one)
    router.patch("/{identity}", response_model=model, operation_id=f"change_{noun.kind}")(change_one)
    router.delete("/{identity}", response_model=model, operation_id=f"archive_{noun.kind}")(archive_one)
    return router


routers = (
    _routes(
        path="businesses",
        noun=Noun("business", BusinessOut),
        plural="businesses",
        add=AddBusinessIn,
        change=ChangeBusinessIn,
        by_business=False,
    ),
    _routes(
        path="resources",
        noun=Noun("resource", ResourceOut),
        plural="resources",
        add=AddResourceIn,
        change=ChangeResourceIn,
        by_business=True,
    ),
    _routes(
        path="services",
        noun=Noun("service", ServiceOut, price_of),
        plural="services",
        add=AddServiceIn,
        change=ChangeServiceIn,
        by_business=True,
    ),
    _routes(
        path="actions",
        noun=Noun("action", ActionOut),
        plural="actions",
        add=AddActionIn,
        change=ChangeActionIn,
        by_business=False,
    ),
)
