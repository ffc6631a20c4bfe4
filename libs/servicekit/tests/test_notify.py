"""NOTIFY: who waits is woken by a commit of another process, and after the database was away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from kit_world import World
from sqlalchemy import text

from slotstream_servicekit.database import Database
from slotstream_servicekit.notify import Listener, notify

pytestmark = pytest.mark.service

Until = Callable[..., Awaitable[Any]]

_END_LISTENERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'listener-work' "
    "AND datname = current_database()"
)


async def test_a_commit_wakes_those_that_listen_and_a_rollback_does_not(world: World, until: Until) -> None:
    wake, elsewhere, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()
    listeners = [
        Listener(world.database, channel, wake=event) for channel, event in (("work", wake), ("leisure", elsewhere))
    ]
    running = [asyncio.create_task(listener.run(stop)) for listener in listeners]
    await until(lambda: wake.is_set() and elsewhere.is_set(), what="both listen")
    wake.clear()
    elsewhere.clear()

    with pytest.raises(ZeroDivisionError):
        async with world.database.system_transaction() as session:
            await notify(session, "work")
            raise ZeroDivisionError
    async with world.database.system_transaction() as session:
        await notify(session, "leisure")
    await until(elsewhere.is_set)
    assert not wake.is_set()

    async with world.database.system_transaction() as session:
        await notify(session, "work")
        assert not wake.is_set()
    await until(wake.is_set)
    stop.set()
    await asyncio.gather(*running)


async def test_whoever_missed_something_while_the_database_was_away_is_woken(world: World, until: Until) -> None:
    wake, stop = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(Listener(world.database, "work", wake=wake).run(stop))
    await until(wake.is_set)
    wake.clear()

    async with world.database.system_transaction() as session:
        await session.execute(_END_LISTENERS)

    await until(wake.is_set, what="a new connection listens, and says so")
    stop.set()
    await running


async def test_a_listener_outlives_a_server_that_hangs_up_within_a_statement(
    world: World, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver then complains of itself, by an error that is none of the database's."""
    dial, hung_up = Database.dial, asyncio.Event()

    async def hang_up_once(database: Database, **named: str) -> asyncpg.Connection:
        if not hung_up.is_set():
            hung_up.set()
            raise asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress")
        return await dial(database, **named)

    monkeypatch.setattr(Database, "dial", hang_up_once)
    wake, stop = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(Listener(world.database, "work", wake=wake).run(stop))
    await until(lambda: wake.is_set() or running.done())
    stop.set()
    await running
    assert hung_up.is_set()
