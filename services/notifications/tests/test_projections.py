"""What is remembered of others: by version, and rebuilt without telling anybody again."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from notifications.main import projections, service

pytestmark = pytest.mark.service


async def rows(world: Any, table: str, columns: str) -> list[tuple[Any, ...]]:
    async with world.database.system_transaction() as session:
        found = await session.execute(text(f"SELECT {columns} FROM {table} ORDER BY 1"))
        return [tuple(each) for each in found]


async def test_an_older_state_never_replaces_a_newer_one(world: Any) -> None:
    await world.know(world.client(name="New", version=3), world.client(name="Old", version=2))
    await world.know(world.business(name="New", version=3), world.business(name="Old", version=2))
    first = world.snapshot()
    await world.hear(world.confirmed(first), world.created(first))

    assert await rows(world, "clients", "name, version") == [("New", 3)]
    assert ("New", 3) in await rows(world, "catalogue", "name, version")
    assert await rows(world, "appointments", "status, version") == [("confirmed", 2)]


async def test_a_rebuild_tells_nobody_again(world: Any) -> None:
    first = world.snapshot()
    events = [world.created(first), world.confirmed(first)]
    await world.hear(*events)
    await world.send()
    before, mails = await world.ledger(), len(world.mailbox.mails)
    [appointments] = [each for each in projections() if each.name == "appointments"]
    await world.execute("UPDATE appointments SET applied_at = now() - interval '1 day'")
    async with world.database.system_transaction() as session:
        received = [type("R", (), {"event": each, "key": "k"})() for each in events]
        await appointments.handler(session, received)

    assert await rows(world, "appointments", "applied_at > now() - interval '1 minute'") == [(True,)]
    world.now += timedelta(minutes=1)
    assert await world.send() == []
    assert (await world.ledger(), len(world.mailbox.mails)) == (before, mails)


def test_every_projection_is_declared_with_the_service() -> None:
    assert {table for each in service.projections() for table in each.tables} == {
        "appointments",
        "catalogue",
        "clients",
    }
