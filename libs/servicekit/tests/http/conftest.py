"""A small service with every kind of endpoint, and a client of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI, File, Query, Request, Response, UploadFile
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import Field

from slotstream_servicekit.errors import NotFoundError, Reason, RefusedError, VersionConflictError
from slotstream_servicekit.health import Health
from slotstream_servicekit.http import (
    DEFAULT_LIMIT,
    Authenticator,
    CurrentPrincipal,
    Cursor,
    DurationMinutes,
    IdempotencyKey,
    IfMatch,
    InstantIn,
    InstantOut,
    Limit,
    LongText,
    MoneyIn,
    Page,
    Principal,
    RequestModel,
    ResponseModel,
    Right,
    Router,
    ShortText,
    ZoneName,
    create_app,
    decode_cursor,
    encode_cursor,
    etag,
    requires,
)
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.settings import IssuerSettings, ServiceSettings

MAX_BODY_BYTES = 4_096


class ThingIn(RequestModel):
    name: ShortText
    starts_at: InstantIn
    id: UUID | None = None
    zone: ZoneName | None = None
    duration_minutes: DurationMinutes = 30
    price: MoneyIn | None = None
    tags: Annotated[list[ShortText], Field(max_length=20)] = Field(default_factory=list)
    notes: LongText | None = None
    anything: dict[str, Any] | None = None


class ThingOut(ResponseModel):
    id: UUID
    name: str
    starts_at: InstantOut


def things() -> Router:
    router = Router(prefix="/v1/things", tags=["things"])

    @router.post("", status_code=201)
    async def create_thing(
        thing: ThingIn, principal: Annotated[Principal, requires(Right.BOOK)], response: Response
    ) -> ThingOut:
        response.headers["ETag"] = etag(1)
        return ThingOut(id=thing.id or uuid4(), name=thing.name, starts_at=thing.starts_at)

    @router.plain("/plain", method="POST", status_code=201, response_model=ThingOut)
    async def create_plain_thing(
        thing: ThingIn,
        principal: Annotated[Principal, requires(Right.BOOK)],
        request: Request,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        assert principal.can(Right.BOOK)
        assert request.method == "POST"
        created = ThingOut(id=thing.id or uuid4(), name=thing.name, starts_at=thing.starts_at)
        return model_response(created, status=201, version=1)

    @router.get("")
    async def list_things(
        principal: Annotated[Principal, requires(Right.READ_APPOINTMENTS)],
        status: Annotated[list[str] | None, Query()] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Page[str]:
        begin = decode_cursor(cursor, int, scope="things")[0] if cursor else 0
        names = [str(number) for number in range(begin, min(begin + limit, 120))]
        after = begin + limit
        return Page(items=names, next_cursor=encode_cursor(after, scope="things") if after < 120 else None)

    @router.get("/{thing_id}")
    async def read_thing(thing_id: UUID, principal: CurrentPrincipal) -> ThingOut:
        raise NotFoundError(f"There is no thing {thing_id}")

    @router.patch("/{thing_id}")
    async def edit_thing(thing_id: UUID, principal: CurrentPrincipal, expected: IfMatch = None) -> None:
        if expected is not None and expected != 7:
            raise VersionConflictError(7)

    @router.post("/{thing_id}/refuse")
    async def refuse_thing(thing_id: UUID, principal: CurrentPrincipal) -> None:
        raise RefusedError(
            (Reason("slot_taken", "The slot is taken", ("a", "b")), Reason("on_time_off", "Anna is away"))
        )

    return router


def odds() -> Router:
    router = Router(prefix="/v1")

    @router.get("/whoami")
    async def whoami(principal: CurrentPrincipal) -> dict[str, str | None]:
        return {
            "subject": principal.subject,
            "organization": str(principal.organization_id),
            "actor": principal.actor_type,
            "call_id": principal.call_id,
        }

    @router.get("/boom")
    async def boom() -> None:
        raise RuntimeError("the password is hunter2, ask anna@example.com")

    @router.get("/stream", response_class=PlainTextResponse)
    async def stream() -> StreamingResponse:
        async def lines() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"line\n"

        return StreamingResponse(lines(), media_type="text/plain")

    @router.post("/files")
    async def upload(file: Annotated[UploadFile, File()], principal: CurrentPrincipal) -> int:
        return len(await file.read())

    return router


class SmallSettings(ServiceSettings):
    database_url: str = "postgresql+asyncpg://nobody@localhost/nothing"
    http_port: int = 0
    public_url: str = "http://service.test"
    max_body_bytes: int = MAX_BODY_BYTES


def small_app(*issuers: IssuerSettings, routers: list[Router] | None = None) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield

    return create_app(
        service="small",
        title="Small",
        routers=routers or [things(), odds()],
        settings=SmallSettings(),
        authenticator=Authenticator(issuers),
        health=Health(),
        lifespan=lifespan,
    )


@pytest.fixture
def make_app() -> Callable[..., FastAPI]:
    return small_app


@pytest.fixture
def organization_id() -> UUID:
    return uuid4()


@pytest.fixture
async def client(
    api_client: Callable[..., Awaitable[httpx2.AsyncClient]], signer: Any, organization_id: UUID
) -> httpx2.AsyncClient:
    """The small service, asked by an owner."""
    return await api_client(small_app(signer.issuer), token=signer.token(organization_id=organization_id))


@pytest.fixture(params=["/v1/things", "/v1/things/plain"])
def creating(request: pytest.FixtureRequest) -> str:
    """The ordinary endpoint and the plain one: both must answer the same."""
    return str(request.param)


@pytest.fixture
async def stranger(api_client: Callable[..., Awaitable[httpx2.AsyncClient]], signer: Any) -> httpx2.AsyncClient:
    """The small service, asked without a token."""
    return await api_client(small_app(signer.issuer))
