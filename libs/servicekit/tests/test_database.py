import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from kit_world import ORGANIZATION, OTHER_ORGANIZATION, World
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from slotstream_servicekit.database import Database, is_unavailable, kept_connections, tenant_cte
from slotstream_servicekit.errors import DatabaseUnavailableError
from slotstream_servicekit.settings import DatabaseLimits, ServiceSettings

pytestmark = pytest.mark.service

Until = Callable[..., Awaitable[Any]]

INSERT = text("INSERT INTO notes (organization_id, id, version, words) VALUES (:organization, :id, 1, 'hello')")
HOT_INSERT = f"""
WITH {tenant_cte()}
INSERT INTO notes (organization_id, id, version, words)
SELECT tenant.id::uuid, $2, 1, 'hot' FROM tenant RETURNING id
"""


async def add(database: Database, organization: UUID, identity: str = "a") -> None:
    async with database.transaction(organization) as session:
        await session.execute(INSERT, {"organization": organization, "id": identity})


async def seen_by(database: Database, organization: UUID) -> list[str]:
    async with database.transaction(organization) as session:
        return list((await session.execute(text("SELECT id FROM notes ORDER BY id"))).scalars())


def small_pool(world: World, **options: Any) -> Database:
    return Database.connect(world.fresh.app_url, pool_size=1, **options)


async def test_nothing_is_visible_without_a_tenant(world: World) -> None:
    await add(world.database, ORGANIZATION)
    async with world.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM notes") == 0


async def test_another_organizations_rows_are_invisible(world: World) -> None:
    await add(world.database, ORGANIZATION)
    assert await seen_by(world.database, ORGANIZATION) == ["a"]
    assert await seen_by(world.database, OTHER_ORGANIZATION) == []


async def test_another_organizations_rows_cannot_be_changed(world: World) -> None:
    await add(world.database, ORGANIZATION)
    async with world.database.transaction(OTHER_ORGANIZATION) as session:
        changed = await session.execute(text("UPDATE notes SET words = 'stolen'"))
        removed = await session.execute(text("DELETE FROM notes"))
    assert (changed.rowcount, removed.rowcount) == (0, 0)  # type: ignore[attr-defined]


async def test_a_row_for_another_organization_is_refused(world: World) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with world.database.transaction(ORGANIZATION) as session:
            await session.execute(INSERT, {"organization": OTHER_ORGANIZATION, "id": "a"})


async def test_a_row_cannot_be_given_to_another_organization(world: World) -> None:
    await add(world.database, ORGANIZATION)
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with world.database.transaction(ORGANIZATION) as session:
            await session.execute(text("UPDATE notes SET organization_id = :other"), {"other": OTHER_ORGANIZATION})


async def test_the_owner_of_the_tables_is_bound_as_well(world: World) -> None:
    await add(world.database, ORGANIZATION)
    owner = Database.connect(world.fresh.owner_url)
    assert await seen_by(owner, OTHER_ORGANIZATION) == []
    await owner.dispose()


async def test_a_system_transaction_sees_every_organization(world: World) -> None:
    await add(world.database, ORGANIZATION)
    await add(world.database, OTHER_ORGANIZATION)
    async with world.database.system_transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM notes"))).scalar_one() == 2


async def test_the_tenant_ends_with_its_transaction(world: World) -> None:
    database = small_pool(world)
    await add(database, ORGANIZATION)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM notes") == 0
    with pytest.raises(ZeroDivisionError):
        async with database.transaction(ORGANIZATION):
            raise ZeroDivisionError
    with pytest.raises(DBAPIError):
        async with database.transaction(ORGANIZATION) as session:
            await session.execute(text("SELECT 1/0"))
    async with database.connection() as connection:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT count(*) FROM notes") == 0
    await database.dispose()


async def test_an_error_in_the_block_undoes_the_transaction(world: World) -> None:
    with pytest.raises(ZeroDivisionError):
        async with world.database.transaction(ORGANIZATION) as session:
            await session.execute(INSERT, {"organization": ORGANIZATION, "id": "a"})
            raise ZeroDivisionError
    assert await seen_by(world.database, ORGANIZATION) == []


async def test_binding_the_tenant_costs_no_round_trip(world: World) -> None:
    database = small_pool(world)
    asked: list[str] = []
    async with database.connection() as connection:
        connection.add_query_logger(lambda query: asked.append(query.query))
    await seen_by(database, ORGANIZATION)
    await asyncio.sleep(0)
    # The query itself is a prepared statement, which the driver's log leaves out.
    assert asked == [f"BEGIN; SET LOCAL slotstream.organization = '{ORGANIZATION}'", "COMMIT;"]
    await database.dispose()


async def test_a_hot_statement_sets_its_own_tenant_in_one_round_trip(world: World) -> None:
    database = small_pool(world)
    asked: list[str] = []
    async with database.connection() as connection:
        connection.add_query_logger(lambda query: asked.append(query.query))
    async with database.connection() as connection:
        assert await connection.fetchval(HOT_INSERT, str(ORGANIZATION), "a") == "a"
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM notes") == 0
    await asyncio.sleep(0)
    assert asked == [HOT_INSERT, "SELECT count(*) FROM notes"]
    await database.dispose()
    assert await seen_by(world.database, ORGANIZATION) == ["a"]


async def test_a_refused_hot_statement_leaves_its_connection_in_use(world: World) -> None:
    database = small_pool(world)
    async with database.connection() as connection:
        before = connection.get_server_pid()
        await connection.fetchval(HOT_INSERT, str(ORGANIZATION), "a")
    with pytest.raises(asyncpg.UniqueViolationError):
        async with database.connection() as connection:
            await connection.fetchval(HOT_INSERT, str(ORGANIZATION), "a")
    async with database.connection() as connection:
        assert connection.get_server_pid() == before
    await database.dispose()


async def test_a_connection_left_in_a_transaction_is_not_given_to_anybody_else(world: World) -> None:
    database = small_pool(world)
    async with database.connection() as connection:
        before = connection.get_server_pid()
        await connection.execute("BEGIN")
    async with database.connection() as connection:
        assert connection.get_server_pid() != before
    await database.dispose()


async def test_a_cancelled_hot_statement_does_not_spoil_the_pool(world: World) -> None:
    database = small_pool(world)

    async def linger() -> None:
        async with database.connection() as connection:
            await connection.fetchval("SELECT pg_sleep(30)")

    lingering = asyncio.ensure_future(linger())
    await asyncio.sleep(0.1)
    lingering.cancel()
    await asyncio.gather(lingering, return_exceptions=True)
    assert await asyncio.wait_for(seen_by(database, ORGANIZATION), 20) == []
    await database.dispose()


async def test_single_statements_and_transactions_share_the_same_connections(world: World, until: Until) -> None:
    name = "shares"
    database = Database.connect(world.fresh.app_url, pool_size=3, application_name=name)
    servers: set[int] = set()

    async def ask(number: int) -> None:
        if number % 2:
            async with database.connection() as connection:
                servers.add(await connection.fetchval("SELECT pg_backend_pid()"))
        else:
            async with database.transaction(ORGANIZATION) as session:
                servers.add((await session.execute(text("SELECT pg_backend_pid()"))).scalar_one())

    await asyncio.gather(*map(ask, range(60)))
    assert (len(servers), database.connections_in_use()) == (3, 0)

    await database.dispose()

    async def is_nobody_connected() -> bool:
        async with world.database.connection() as connection:
            count = await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", name)
        return bool(count == 0)

    await until(is_nobody_connected)


@pytest.mark.parametrize(("kept_seconds", "lent_at_most"), [(60.0, 4), (0.0, 20)])
async def test_a_connection_is_handed_on_to_who_waits_until_the_pool_is_to_look_whether_it_has_grown_old(
    world: World, monkeypatch: pytest.MonkeyPatch, kept_seconds: float, lent_at_most: int
) -> None:
    monkeypatch.setattr(kept_connections, "_KEPT_SECONDS", kept_seconds)
    database = small_pool(world)
    lent: list[object] = []
    event.listen(database.engine.sync_engine, "checkout", lambda *_: lent.append(None))
    pool: Any = database.engine.pool

    async def ask_often() -> None:
        for _ in range(10):
            async with database.connection() as connection:
                await connection.fetchval("SELECT 1")

    await asyncio.gather(ask_often(), ask_often())

    assert len(lent) <= lent_at_most
    assert (len(lent) == 20) is (kept_seconds == 0)
    assert pool.checkedout() == 0
    await database.dispose()


async def test_large_results_stream_within_a_transaction(world: World) -> None:
    async with world.database.transaction(ORGANIZATION) as session:
        result = await session.stream(text("SELECT generate_series(1, 5000)"))
        assert sum([number async for (number,) in result]) == 12_502_500


async def test_json_comes_back_as_it_went(world: World) -> None:
    async with world.database.connection() as connection:
        assert await connection.fetchval("SELECT '{\"a\": [1, null]}'::jsonb") == {"a": [1, None]}


async def test_a_server_that_is_not_there_is_a_transient_error() -> None:
    database = Database.connect("postgresql+asyncpg://nobody:x@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailableError) as caught:
        await database.ping()
    assert caught.value.code == "database_unavailable"
    with pytest.raises(DatabaseUnavailableError):
        await seen_by(database, ORGANIZATION)
    await database.dispose()


async def test_a_connection_that_ended_while_idle_is_replaced_unnoticed(world: World, until: Until) -> None:
    database = small_pool(world)
    for _ in range(2):
        async with database.connection() as connection:
            pid = connection.get_server_pid()
        await world.run("SELECT pg_terminate_backend(:pid)", pid=pid)
        await until(connection.is_closed, what="the end of the connection to be heard of")
        assert await seen_by(database, ORGANIZATION) == []
    await database.dispose()


async def test_a_hot_statement_cut_short_is_a_transient_error_and_the_next_one_works(world: World) -> None:
    database = small_pool(world)
    with pytest.raises(DatabaseUnavailableError):
        async with database.connection() as connection:
            await world.run("SELECT pg_terminate_backend(:pid)", pid=connection.get_server_pid())
            await connection.fetchval("SELECT pg_sleep(30)")
    await database.ping()
    await database.dispose()


async def test_a_connection_terminated_inside_a_transaction_is_a_transient_error(world: World) -> None:
    database = small_pool(world)
    with pytest.raises(DatabaseUnavailableError):
        async with database.transaction(ORGANIZATION) as session:
            pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await world.run("SELECT pg_terminate_backend(:pid)", pid=pid)
            await session.execute(INSERT, {"organization": ORGANIZATION, "id": "a"})
    assert await seen_by(database, ORGANIZATION) == []
    await database.dispose()


async def test_an_exhausted_pool_is_a_transient_error(world: World) -> None:
    database = small_pool(world, pool_timeout=0.1)
    async with database.connection():
        with pytest.raises(DatabaseUnavailableError):
            await seen_by(database, ORGANIZATION)
    await database.dispose()


async def test_a_deadlock_is_a_transient_error(world: World) -> None:
    await add(world.database, ORGANIZATION, "a")
    await add(world.database, ORGANIZATION, "b")
    update = text("UPDATE notes SET words = 'x' WHERE id = :id")
    both = asyncio.Barrier(2)

    async def touch(first: str, second: str) -> None:
        async with world.database.transaction(ORGANIZATION) as session:
            await session.execute(update, {"id": first})
            await both.wait()
            await session.execute(update, {"id": second})

    outcomes = await asyncio.gather(touch("a", "b"), touch("b", "a"), return_exceptions=True)
    assert [type(each) for each in outcomes if each is not None] == [DatabaseUnavailableError]


async def test_a_wrong_argument_is_not_taken_for_an_outage(world: World) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with world.database.transaction(ORGANIZATION) as session:
            await session.execute(text("SELECT CAST(:number AS int)"), {"number": "seven"})
    assert not is_unavailable(caught.value)
    with pytest.raises(asyncpg.DataError) as raw:
        async with world.database.connection() as connection:
            await connection.fetchval("SELECT $1::int", "seven")
    assert not is_unavailable(raw.value)


async def test_errors_do_not_quote_parameters(world: World) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with world.database.transaction(ORGANIZATION) as session:
            await session.execute(text("SELECT 1/0, CAST(:name AS text)"), {"name": "Ada Lovelace"})
    assert "Ada" not in str(caught.value)


LIMITS = DatabaseLimits(statement_seconds=0.3, lock_seconds=0.2, idle_in_transaction_seconds=0.3)
NO_LIMITS = DatabaseLimits(statement_seconds=0, lock_seconds=0, idle_in_transaction_seconds=0)


def only(**limit: float) -> DatabaseLimits:
    """So that a slow machine meets no other limit."""
    return NO_LIMITS.model_copy(update=limit)


async def test_a_statement_without_end_is_ended_and_may_be_tried_again(world: World) -> None:
    database = small_pool(world, limits=only(statement_seconds=2))
    with pytest.raises(DatabaseUnavailableError):
        async with database.transaction(ORGANIZATION) as session:
            await session.execute(text("SELECT pg_sleep(30)"))
    assert await seen_by(database, ORGANIZATION) == []
    await database.dispose()


async def test_nobody_waits_for_a_lock_for_long(world: World) -> None:
    await add(world.database, ORGANIZATION)
    database = small_pool(world, limits=only(lock_seconds=0.2))
    async with world.database.transaction(ORGANIZATION) as holder:
        await holder.execute(text("UPDATE notes SET words = 'held'"))
        with pytest.raises(DatabaseUnavailableError):
            async with database.transaction(ORGANIZATION) as session:
                await session.execute(text("UPDATE notes SET words = 'wanted'"))
    await database.dispose()


async def test_a_transaction_that_does_nothing_gives_back_what_it_holds(world: World, until: Until) -> None:
    await add(world.database, ORGANIZATION)
    database = small_pool(world, limits=only(idle_in_transaction_seconds=2))
    with pytest.raises(DatabaseUnavailableError):
        async with database.transaction(ORGANIZATION) as idle:
            await idle.execute(text("UPDATE notes SET words = 'held'"))
            async with world.database.transaction(ORGANIZATION) as other:
                await other.execute(text("UPDATE notes SET words = 'got'"))
            await idle.execute(text("SELECT 1"))
    assert await seen_by(database, ORGANIZATION) == ["a"]
    await database.dispose()


async def test_each_role_of_a_service_has_its_own_limits(world: World) -> None:
    settings = ServiceSettings(
        database_url=world.fresh.app_url, http_port=0, public_url="http://x", api_database_limits=LIMITS
    )
    for role, statement_timeout in (("api", "300ms"), ("worker", "2min")):
        database = Database.of_service(settings, service="kit", role=role)
        async with database.connection() as connection:
            assert await connection.fetchval("SHOW statement_timeout") == statement_timeout
            assert await connection.fetchval("SHOW application_name") == f"kit-{role}"
        await database.dispose()
