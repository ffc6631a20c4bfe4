"""What goes through a PgBouncer in transaction mode, and what goes past it: sessions that are needed whole."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
import pytest_asyncio
from kit_world import ORGANIZATION, OTHER_ORGANIZATION, Note, World, read_topic, running
from sqlalchemy import text

from slotstream_servicekit.notify import Listener, notify
from slotstream_servicekit.testing.pgbouncer import SERVERS, PgBouncer
from slotstream_servicekit.testing.plugin import until

pytestmark = pytest.mark.service


@pytest_asyncio.fixture
async def pooled(world: World, pgbouncer: PgBouncer) -> AsyncIterator[World]:
    """The world as it is reached through PgBouncer; its own fixture looks after the direct one."""
    through = replace(world, fresh=pgbouncer.pooled(world.fresh))
    yield through
    await through.database.dispose()


async def test_a_transaction_is_bound_to_its_tenant_and_leaves_nothing_behind(pooled: World) -> None:
    async def write(organization: object, number: int) -> None:
        tenant = ORGANIZATION if organization is ORGANIZATION else OTHER_ORGANIZATION
        async with pooled.database.transaction(tenant) as session:
            await session.execute(
                text("INSERT INTO notes (organization_id, id, version, words) VALUES (:o, :id, 1, '')"),
                {"o": tenant, "id": str(number)},
            )

    tenants = (ORGANIZATION, OTHER_ORGANIZATION)
    await asyncio.gather(*(write(tenant, number) for number in range(5 * SERVERS) for tenant in tenants))
    for tenant in tenants:
        async with pooled.database.transaction(tenant) as session:
            seen = await session.scalars(text("SELECT organization_id FROM notes"))
            assert list(seen) == [tenant] * (5 * SERVERS)
    async with pooled.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM notes") == 0


async def test_the_relay_holds_its_lanes_by_a_session_of_its_own(
    pooled: World, kafka: str, new_topic: Callable[..., Awaitable[str]]
) -> None:
    topic = await new_topic()
    note = Note(subject="n1", topic=topic)
    await pooled.write(note)
    async with running(pooled.relay(kafka)):

        async def empty() -> bool:
            return await pooled.outbox_size() == 0

        await until(empty, what="the outbox to empty")
        addresses = await pooled.value(
            "SELECT count(DISTINCT a.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE l.locktype = 'advisory' AND a.datname = current_database() AND a.application_name LIKE '%-relay'"
        )
        assert addresses == 1
    assert [record.key for record in await read_topic(kafka, topic)] == [b"n1"]


async def test_who_listens_hears_what_is_told_through_the_pooler(pooled: World) -> None:
    wake, stop = asyncio.Event(), asyncio.Event()
    listening = asyncio.ensure_future(Listener(pooled.database, "bells", wake=wake).run(stop))
    await asyncio.wait_for(wake.wait(), 60)
    wake.clear()
    async with pooled.database.transaction(ORGANIZATION) as session:
        await notify(session, "bells")
    await asyncio.wait_for(wake.wait(), 60)
    stop.set()
    await listening
