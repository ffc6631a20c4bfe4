"""/v1/feeds: secret subscription addresses; /feeds/{secret}.ics: what they give."""

import asyncio
import json
from typing import Annotated, Final, cast
from uuid import UUID

from fastapi import Header, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.api.dependencies import CurrentDependencies, Dependencies, Reader, Writer
from calendar_sync.domain import Feed
from calendar_sync.schemas import FeedOut, IssuedFeedOut, IssueFeedIn
from calendar_sync.storage import FeedStore
from calendar_sync.usecases.feeds import issue_feed, open_feed, read_entries, revoke_feed, rotate_feed
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import Principal
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.limits import RateLimits, take_token
from slotstream_servicekit.http.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, id_in, page_by_id
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.settings import Rate

router = Router(tags=["feeds"])

Secret = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,200}$")]
_SCOPE = "feeds"
FEED: Final = "feed"
_RATE: Final = Rate(per_minute=120, burst=60)
"""Of one feed: many a calendar application may follow it, and each asks every few minutes."""


@router.post("/v1/feeds", status_code=201, response_model=IssuedFeedOut)
async def create_feed(
    request: Request,
    body: IssueFeedIn,
    dependencies: CurrentDependencies,
    principal: Writer,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Issue a secret address with a resource's appointments, for calendar applications to subscribe to."""
    await dependencies.wait_for_resource(principal.organization_id, body.resource_id)

    async def issue(session: AsyncSession) -> Response:
        feed = await issue_feed(
            session=session,
            context=dependencies.context(principal),
            feed_id=body.id or new_id(),
            resource_id=body.resource_id,
            name=body.name,
            title=body.title,
            secret_of=dependencies.secret_of,
        )
        return _answer(feed, status=201)

    answer = await idempotent(request, database=dependencies.database, principal=principal, action=issue)
    return _with_url(answer, dependencies, principal)


@router.get("/v1/feeds")
async def list_feeds(
    dependencies: CurrentDependencies,
    principal: Reader,
    resource_id: Annotated[list[UUID] | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[FeedOut]:
    """Feeds without their addresses, which are shown once."""
    after = id_in(cursor, scope=_SCOPE)
    async with dependencies.database.transaction(principal) as session:
        rows = await FeedStore(session).page(
            principal.organization_id, resource_ids=resource_id or [], after=after, limit=limit + 1
        )
    items, next_cursor = page_by_id(rows, limit=limit, scope=_SCOPE)
    return Page[FeedOut](items=[FeedOut.model_validate(row) for row in items], next_cursor=next_cursor)


@router.get("/v1/feeds/{feed_id}", response_model=FeedOut)
async def get_feed(feed_id: UUID, dependencies: CurrentDependencies, principal: Reader) -> Response:
    async with dependencies.database.transaction(principal) as session:
        return _answer(await FeedStore(session).get(principal.organization_id, feed_id))


@router.post("/v1/feeds/{feed_id}/rotate", response_model=IssuedFeedOut)
async def rotate_feed_secret(
    *,
    request: Request,
    feed_id: UUID,
    dependencies: CurrentDependencies,
    principal: Writer,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Give the feed a new address; the old one is dead at once."""

    async def rotate(session: AsyncSession) -> Response:
        feed = await rotate_feed(
            session=session,
            context=dependencies.context(principal),
            feed_id=feed_id,
            expected_version=expected_version,
            secret_of=dependencies.secret_of,
        )
        return _answer(feed)

    answer = await idempotent(request, database=dependencies.database, principal=principal, action=rotate)
    return _with_url(answer, dependencies, principal)


@router.delete("/v1/feeds/{feed_id}", status_code=204)
async def delete_feed(
    feed_id: UUID, dependencies: CurrentDependencies, principal: Writer, expected_version: IfMatch
) -> None:
    """Revoke the address."""
    async with dependencies.database.transaction(principal) as session:
        await revoke_feed(
            session=session,
            context=dependencies.context(principal),
            feed_id=feed_id,
            expected_version=expected_version,
        )


@router.get(
    "/feeds/{secret}.ics",
    response_class=Response,
    responses={200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}, 304: {"description": "Unchanged"}},
)
async def read_feed(
    request: Request,
    secret: Secret,
    dependencies: CurrentDependencies,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """A resource's appointments as a calendar. The address itself is the authorization."""
    async with dependencies.database.system_transaction() as session:
        feed = await open_feed(session=session, secret=secret)
        _take_token(request, feed)
        entries = await read_entries(session=session, feed=feed, now=dependencies.clock())
    writer = dependencies.feed_writer
    headers = {
        "ETag": writer.validator(feed, entries),
        "Cache-Control": "private, max-age=300",
        "X-Robots-Tag": "noindex",
    }
    if _matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    calendar = await asyncio.to_thread(writer.write, feed, entries)
    return Response(calendar.content, media_type=calendar.media_type, headers=headers)


@router.head("/feeds/{secret}.ics", include_in_schema=False)
async def head_feed(
    request: Request,
    secret: Secret,
    dependencies: CurrentDependencies,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """What GET would answer, without the calendar: some programs ask before they subscribe."""
    answer = await read_feed(request, secret, dependencies, if_none_match)
    return Response(status_code=answer.status_code, headers=dict(answer.headers))


def _take_token(request: Request, feed: Feed) -> None:
    """Raises RateLimitedError."""
    limits = cast("RateLimits", request.app.state.rate_limits)
    rate = limits.rate_of(FEED, _RATE)
    if rate.per_minute:
        allowed = f"A calendar may be read {rate.per_minute} times a minute, and {rate.burst} times at once."
        take_token(request.scope, limits, (FEED, feed.id), FEED, rate, allowed=allowed)


def _matches(if_none_match: str | None, current: str) -> bool:
    """RFC 9110 §13.1.2: a list of validators, compared weakly."""
    given = [validator.strip().removeprefix("W/") for validator in (if_none_match or "").split(",")]
    return current in given or "*" in given


def _answer(feed: Feed, *, status: int = 200) -> Response:
    return model_response(FeedOut.model_validate(feed), status=status, version=feed.version)


def _with_url(answer: Response, dependencies: Dependencies, principal: Principal) -> Response:
    """Adds the secret address outside the stored answer: an Idempotency-Key must not keep it in the clear."""
    if answer.status_code >= 400:
        return answer
    content = json.loads(bytes(answer.body))
    secret = dependencies.feed_secrets.secret(
        organization_id=principal.organization_id, feed_id=UUID(content["id"]), rotation=content["rotation"]
    )
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return Response(
        json.dumps({**content, "url": dependencies.feed_url(secret)}),
        status_code=answer.status_code,
        headers={**headers, "Cache-Control": "no-store"},
    )
