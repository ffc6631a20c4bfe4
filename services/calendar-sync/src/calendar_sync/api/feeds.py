"""/v1/feeds: secret subscription addresses; /feeds/{secret}.ics: what they give."""

import asyncio
import json
from typing import Annotated
from uuid import UUID

from fastapi import Header, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.adapters.calendar_writer import calendar_etag, write_calendar
from calendar_sync.api.context import ApiContext, Context
from calendar_sync.domain import Feed, FeedNotFoundError
from calendar_sync.schemas import FeedOut, IssuedFeedOut, IssueFeedIn
from calendar_sync.storage import FeedStore
from calendar_sync.usecases.feeds import issue_feed, open_feed, revoke_feed, rotate_feed
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import Principal, Right, requires
from slotstream_servicekit.http.etags import IfMatch, etag
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
from slotstream_servicekit.ids import new_id

router = Router(tags=["feeds"])

Reader = Annotated[Principal, requires(Right.READ_CALENDARS)]
Writer = Annotated[Principal, requires(Right.WRITE_CALENDARS)]
Secret = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,200}$")]
_SCOPE = "feeds"


@router.post("/v1/feeds", status_code=201, response_model=IssuedFeedOut)
async def create_feed(
    request: Request,
    body: IssueFeedIn,
    context: Context,
    principal: Writer,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Issue a secret address with a resource's appointments, for calendar applications to subscribe to."""
    await context.wait_for_resource(principal.organization_id, body.resource_id)

    async def issue(session: AsyncSession) -> Response:
        feed = await issue_feed(
            session,
            organization_id=principal.organization_id,
            feed_id=body.id or new_id(),
            resource_id=body.resource_id,
            name=body.name,
            title=body.title,
            secret_of=context.secret_of,
            now=context.clock(),
        )
        return _answer(feed, status=201)

    answer = await idempotent(request, database=context.database, principal=principal, action=issue)
    return _with_url(answer, context, principal)


@router.get("/v1/feeds")
async def list_feeds(
    context: Context,
    principal: Reader,
    resource_id: Annotated[list[UUID] | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[FeedOut]:
    """Feeds without their addresses, which are shown once."""
    after = decode_cursor(cursor, UUID, scope=_SCOPE)[0] if cursor else None
    async with context.database.transaction(principal.organization_id) as session:
        rows = await FeedStore(session).page(
            principal.organization_id, resource_ids=resource_id or [], after=after, limit=limit + 1
        )
    items, next_cursor = page_of(rows, limit=limit, cursor_of=lambda row: encode_cursor(row.id, scope=_SCOPE))
    return Page[FeedOut](items=[FeedOut.model_validate(each) for each in items], next_cursor=next_cursor)


@router.get("/v1/feeds/{feed_id}", response_model=FeedOut)
async def get_feed(feed_id: UUID, context: Context, principal: Reader) -> Response:
    async with context.database.transaction(principal.organization_id) as session:
        return _answer(await FeedStore(session).get(principal.organization_id, feed_id))


@router.post("/v1/feeds/{feed_id}/rotate", response_model=IssuedFeedOut)
async def rotate_feed_secret(
    *,
    request: Request,
    feed_id: UUID,
    context: Context,
    principal: Writer,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Give the feed a new address; the old one is dead at once."""

    async def rotate(session: AsyncSession) -> Response:
        feed = await rotate_feed(
            session,
            organization_id=principal.organization_id,
            feed_id=feed_id,
            expected_version=expected_version,
            secret_of=context.secret_of,
            now=context.clock(),
        )
        return _answer(feed)

    answer = await idempotent(request, database=context.database, principal=principal, action=rotate)
    return _with_url(answer, context, principal)


@router.delete("/v1/feeds/{feed_id}", status_code=204)
async def delete_feed(feed_id: UUID, context: Context, principal: Writer, expected_version: IfMatch) -> None:
    """Revoke the address."""
    async with context.database.transaction(principal.organization_id) as session:
        await revoke_feed(
            session,
            organization_id=principal.organization_id,
            feed_id=feed_id,
            expected_version=expected_version,
        )


@router.get(
    "/feeds/{secret}.ics",
    response_class=Response,
    responses={200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}, 304: {"description": "Unchanged"}},
)
async def read_feed(
    secret: Secret, context: Context, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """A resource's appointments as a calendar. The address itself is the authorization."""
    async with context.database.system_transaction() as session:
        found = await open_feed(session, secret=secret, now=context.clock())
    if found is None:
        raise FeedNotFoundError("There is no such feed.")
    feed, entries = found
    headers = {"ETag": calendar_etag(feed, entries), "Cache-Control": "private, max-age=300", "X-Robots-Tag": "noindex"}
    if _matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    text = await asyncio.to_thread(write_calendar, feed, entries)
    return Response(text, media_type="text/calendar; charset=utf-8", headers=headers)


def _matches(if_none_match: str | None, current: str) -> bool:
    """RFC 9110 §13.1.2: a list of validators, compared weakly."""
    given = [each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")]
    return current in given or "*" in given


def _answer(feed: Feed, *, status: int = 200) -> Response:
    return Response(
        FeedOut.model_validate(feed).model_dump_json(),
        status_code=status,
        media_type="application/json",
        headers={"ETag": etag(feed.version)},
    )


def _with_url(answer: Response, context: ApiContext, principal: Principal) -> Response:
    """Adds the secret address outside the stored answer: an Idempotency-Key must not keep it in the clear."""
    if answer.status_code >= 400:
        return answer
    content = json.loads(bytes(answer.body))
    secret = context.feed_secrets.secret(
        organization_id=principal.organization_id, feed_id=UUID(content["id"]), rotation=content["rotation"]
    )
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return Response(
        json.dumps({**content, "url": context.feed_url(secret)}),
        status_code=answer.status_code,
        headers={**headers, "Cache-Control": "no-store"},
    )
