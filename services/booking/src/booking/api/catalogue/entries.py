"""What the endpoints of all four kinds of entry have in common."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.dependencies import Dependencies
from booking.domain.catalogue import Entry, Resource
from booking.publishers import KINDS
from booking.schemas.catalogue import ChangeIn, EntryOut
from booking.storage.catalogue import CatalogueStore, key_of
from booking.usecases.catalogue import change_entry
from booking.usecases.limits import sees_entry
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.http.idempotency import idempotent
from slotstream_servicekit.http.pagination import Page, decode_cursor, encode_cursor, page_of
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.limits import Limits

EntryT = TypeVar("EntryT", bound=Entry)
Add = Callable[[AsyncSession, Context], Awaitable[Entry]]


async def add(
    request: Request, dependencies: Dependencies, principal: Principal, *, action: Add, out: type[EntryOut]
) -> Response:
    """Adds an entry by `action`, once per Idempotency-Key."""

    async def answer(session: AsyncSession) -> Response:
        entry = await action(session, dependencies.context_of(principal))
        return model_response(out.of(entry), status=201, version=entry.version)

    return await idempotent(request, database=dependencies.database, principal=principal, action=answer)


async def get(
    dependencies: Dependencies, principal: Principal, kind: type[Entry], entry_id: UUID, *, out: type[EntryOut]
) -> Response:
    async with dependencies.database.transaction(principal) as session:
        entry = await CatalogueStore(session).get(kind, principal.organization_id, entry_id)
    if entry is None or not sees_entry(principal.limits, entry):
        raise NotFoundError(f"There is no {KINDS[kind]} {entry_id}.")
    return model_response(out.of(_shown(entry, principal.limits)), version=entry.version)


def _shown(entry: EntryT, limits: Limits) -> EntryT:
    """Without the businesses of a shared resource that the caller does not see."""
    if not isinstance(entry, Resource) or limits.business_ids is None:
        return entry
    return replace(entry, business_ids=tuple(limits.narrowed(entry.business_ids) or ()))


async def page(
    dependencies: Dependencies,
    principal: Principal,
    kind: type[Entry],
    *,
    out: type[EntryOut],
    limit: int,
    cursor: str | None,
    archived: bool,
    business_id: UUID | None = None,
) -> Response:
    """One page of entries, by name."""
    scope = f"{KINDS[kind]}:name"
    after = decode_cursor(cursor, str, UUID, scope=scope) if cursor else None
    async with dependencies.database.transaction(principal) as session:
        entries = await CatalogueStore(session).page(
            kind,
            principal.organization_id,
            archived=archived,
            business_id=business_id,
            limits=principal.limits,
            after=(after[0], after[1]) if after else None,
            limit=limit + 1,
        )
    items, next_cursor = page_of(
        entries, limit=limit, cursor_of=lambda entry: encode_cursor(*key_of(entry), scope=scope)
    )
    return model_response(
        Page[Any](items=[out.of(_shown(entry, principal.limits)) for entry in items], next_cursor=next_cursor)
    )


async def change(
    dependencies: Dependencies,
    principal: Principal,
    kind: type[EntryT],
    entry_id: UUID,
    body: ChangeIn,
    expected_version: int | None,
    *,
    out: type[EntryOut],
) -> Response:
    async with dependencies.database.transaction(principal) as session:
        entry = await change_entry(
            session=session,
            context=dependencies.context_of(principal),
            kind=kind,
            entry_id=entry_id,
            changes=body.changes(),
            expected_version=expected_version,
        )
    return model_response(out.of(entry), version=entry.version)
