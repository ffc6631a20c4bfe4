"""One key, one effect, one answer: on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx2
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from fastapi import FastAPI, Request, Response
from sqlalchemy import Column, MetaData, Table, Text, Uuid, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import DatabaseUnavailableError, Reason, RefusedError
from slotstream_servicekit.http import (
    CurrentPrincipal,
    IdempotencyKey,
    Principal,
    RequestModel,
    Right,
    Router,
    idempotency_table,
    idempotent,
    requires,
)
from slotstream_servicekit.http.idempotency import fingerprint
from slotstream_servicekit.limits import UNLIMITED, Limits
from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app
from slotstream_servicekit.testing.databases import DatabaseForge

pytestmark = pytest.mark.service

METADATA = MetaData()
idempotency_table(METADATA)
Table("effects", METADATA, Column("organization_id", Uuid), Column("words", Text))

Client = httpx2.AsyncClient


class Deed(RequestModel):
    words: str


class World:
    """An app whose one endpoint leaves a row per effect, and does as its words say."""

    def __init__(self, database: Database, make_app: Callable[..., FastAPI], signer: Any) -> None:
        self.database = database
        self.fail_once: list[Exception] = []
        self.app = make_app(signer.issuer, routers=[self.router()])

    def router(self) -> Router:
        router = Router(prefix="/v1")

        @router.post("/deeds", status_code=201)
        async def do_deed(
            request: Request,
            deed: Deed,
            principal: Annotated[Principal, requires(Right.BOOK)],
            idempotency_key: IdempotencyKey = None,
        ) -> Response:
            async def action(session: AsyncSession) -> Response:
                await session.execute(
                    text("INSERT INTO effects VALUES (:organization, :words)"),
                    {"organization": principal.organization_id, "words": deed.words},
                )
                await session.execute(text("SELECT pg_sleep(0.02)"))
                if self.fail_once:
                    raise self.fail_once.pop()
                if deed.words == "refuse":
                    raise RefusedError((Reason("slot_taken", "The slot is taken", ("x",)),))
                return Response(
                    f'{{"number":"{uuid4()}"}}',
                    status_code=201,
                    headers={"ETag": '"1"', "X-Other": "not kept"},
                    media_type="application/json",
                )

            return await idempotent(request, database=self.database, principal=principal, action=action)

        @router.post("/verbs")
        async def do_verb(request: Request, principal: CurrentPrincipal) -> Response:
            async def action(session: AsyncSession) -> Response:
                return Response(status_code=204)

            return await idempotent(request, database=self.database, principal=principal, action=action)

        return router

    async def effects(self) -> int:
        async with self.database.system_transaction() as session:
            return int((await session.execute(text("SELECT count(*) FROM effects"))).scalar_one())


@pytest.fixture
async def world(database_forge: DatabaseForge, make_app: Callable[..., FastAPI], signer: Any) -> AsyncIterator[World]:
    database_forge.make_roles("kit")
    fresh = database_forge.make("kit", migrated=False)
    engine = create_async_engine(fresh.owner_url)
    async with engine.begin() as connection:
        await connection.run_sync(_create)
    await engine.dispose()
    yield World(fresh.database, make_app, signer)
    await fresh.database.dispose()
    database_forge.drop(fresh.name)


def _create(connection: Any) -> None:
    METADATA.create_all(connection)
    op = Operations(MigrationContext.configure(connection))
    enable_tenant_isolation(op, "idempotency_keys", "effects")
    grant_app(op, service="kit", tables=["idempotency_keys", "effects"])


@pytest.fixture
def ask(
    world: World, api_client: Callable[..., Awaitable[Client]], signer: Any, organization_id: UUID
) -> Callable[..., Awaitable[httpx2.Response]]:
    async def send(
        words: str = "hello", key: str | None = "key-1", *, organization: UUID | None = None, subject: str = "anna"
    ) -> httpx2.Response:
        token = signer.token(organization_id=organization or organization_id, subject=subject)
        client = await api_client(world.app, token=token)
        headers = {"Idempotency-Key": key} if key is not None else {}
        return await client.post("/v1/deeds", json={"words": words}, headers=headers)

    return send


Ask = Callable[..., Awaitable[httpx2.Response]]


async def test_the_same_key_and_body_give_the_same_answer_once_done(world: World, ask: Ask) -> None:
    first, second = await ask(), await ask()
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["etag"] == '"1"'
    assert second.headers["content-type"] == "application/json"
    assert "x-other" not in second.headers
    assert await world.effects() == 1


async def test_without_a_key_each_request_has_its_effect(world: World, ask: Ask) -> None:
    await ask(key=None)
    await ask(key=None)
    assert await world.effects() == 2


async def test_another_body_under_the_same_key_is_refused(world: World, ask: Ask) -> None:
    await ask()
    answer = await ask("other words")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await world.effects() == 1


async def test_parallel_duplicates_have_one_effect_and_one_answer(world: World, ask: Ask) -> None:
    answers = await asyncio.gather(*(ask() for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 19
    assert await world.effects() == 1


async def test_a_crash_before_the_commit_leaves_no_trace_and_the_retry_has_the_effect(world: World, ask: Ask) -> None:
    world.fail_once = [RuntimeError("killed")]
    assert (await ask()).status_code == 500
    assert await world.effects() == 0
    retried = await ask()
    assert retried.status_code == 201
    assert "idempotency-replayed" not in retried.headers
    assert await world.effects() == 1


async def test_a_passing_trouble_is_not_remembered(world: World, ask: Ask) -> None:
    world.fail_once = [DatabaseUnavailableError()]
    answer = await ask()
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert (await ask()).status_code == 201
    assert await world.effects() == 1


async def test_a_crash_while_duplicates_wait_lets_exactly_one_of_them_through(world: World, ask: Ask) -> None:
    world.fail_once = [RuntimeError("killed")]
    answers = await asyncio.gather(*(ask() for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] * 9 + [500]
    assert await world.effects() == 1


async def test_a_refusal_is_the_answer_and_its_half_done_work_is_undone(world: World, ask: Ask) -> None:
    first, second = await ask("refuse"), await ask("refuse")
    assert first.status_code == second.status_code == 409
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["content-type"] == "application/problem+json"
    assert await world.effects() == 0


async def test_keys_of_other_organizations_and_callers_are_others(world: World, ask: Ask) -> None:
    mine = await ask()
    theirs = await ask(organization=uuid4())
    colleague = await ask(subject="bert")
    assert len({mine.text, theirs.text, colleague.text}) == 3
    assert await world.effects() == 3


async def test_keys_differ_by_case_and_may_hold_blanks_inside(world: World, ask: Ask) -> None:
    await ask(key="a b")
    await ask(key="A B")
    assert await world.effects() == 2


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb", "ключ"])
async def test_a_malformed_key_is_refused(world: World, ask: Ask, key: str) -> None:
    answer = await ask(key=key.encode() if not key.isascii() else key)
    assert answer.status_code in {400, 422}
    assert answer.json()["code"] in {"invalid_idempotency_key", "too_long"}
    assert await world.effects() == 0


async def test_a_verb_without_a_body_is_repeatable_too(
    world: World, api_client: Callable[..., Awaitable[Client]], signer: Any, organization_id: UUID
) -> None:
    client = await api_client(world.app, token=signer.token(organization_id=organization_id))
    for _ in range(2):
        assert (await client.post("/v1/verbs", headers={"Idempotency-Key": "k"})).status_code == 204
    too_long = await client.post("/v1/verbs", headers={"Idempotency-Key": "k2"}, content=b"x" * 10_000)
    assert (too_long.status_code, too_long.json()["code"]) == (413, "body_too_large")


def test_spacing_and_order_of_fields_do_not_make_another_request() -> None:
    first = fingerprint("POST", "/v1/x", b"", b'{"a": 1, "b": 2}')
    assert first == fingerprint("POST", "/v1/x", b"", b'{"b":2,"a":1}')
    assert first != fingerprint("POST", "/v1/y", b"", b'{"b":2,"a":1}')
    assert first != fingerprint("PUT", "/v1/x", b"", b'{"b":2,"a":1}')
    assert first != fingerprint("POST", "/v1/x", b"q=1", b'{"b":2,"a":1}')
    assert first != fingerprint("POST", "/v1/x", b"", b'{"b":2,"a":"1"}')
    limits = [UNLIMITED, Limits(business_ids=frozenset()), Limits(business_ids=frozenset([uuid4()]))]
    limits.append(Limits(resource_id=uuid4()))
    assert len({fingerprint("POST", "/v1/x", b"", b"", limits=limit) for limit in limits}) == len(limits)
    assert fingerprint("POST", "/v1/x", b"", b"raw") != fingerprint("POST", "/v1/x", b"", b"Raw")
