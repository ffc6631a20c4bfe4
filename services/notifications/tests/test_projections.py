"""What is remembered of others: by version, and rebuilt without telling anybody again."""

from datetime import timedelta
from typing import Any

import pytest
from notifications_salon import Salon
from sqlalchemy import text

from notifications.main import projections, service

pytestmark = pytest.mark.service


async def rows(salon: Salon, table: str, columns: str) -> list[tuple[Any, ...]]:
    async with salon.database.system_transaction() as session:
        found = await session.execute(text(f"SELECT {columns} FROM {table} ORDER BY 1"))
        return [tuple(item) for item in found]


async def test_an_older_state_never_replaces_a_newer_one(salon: Salon) -> None:
    await salon.receive_states(salon.client(name="New", version=3), salon.client(name="Old", version=2))
    await salon.receive_states(salon.business(name="New", version=3), salon.business(name="Old", version=2))
    first = salon.snapshot()
    await salon.receive(salon.confirmed(first), salon.created(first))

    assert await rows(salon, "clients", "name, version") == [("New", 3)]
    assert ("New", 3) in await rows(salon, "catalogue", "name, version")
    assert await rows(salon, "appointments", "status, version") == [("confirmed", 2)]


async def test_a_rebuild_tells_nobody_again(salon: Salon) -> None:
    first = salon.snapshot()
    events = [salon.created(first), salon.confirmed(first)]
    await salon.receive(*events)
    await salon.send()
    before, mails = await salon.ledger(), len(salon.mailbox.mails)
    [appointments] = [item for item in projections() if item.name == "appointments"]
    await salon.execute("UPDATE appointments SET applied_at = now() - interval '1 day'")
    async with salon.database.system_transaction() as session:
        received = [type("R", (), {"event": item, "key": "k"})() for item in events]
        await appointments.handler(session, received)

    assert await rows(salon, "appointments", "applied_at > now() - interval '1 minute'") == [(True,)]
    salon.now += timedelta(minutes=1)
    assert await salon.send() == []
    assert (await salon.ledger(), len(salon.mailbox.mails)) == (before, mails)


def test_every_projection_is_declared_with_the_service() -> None:
    assert {table for item in service.projections() for table in item.tables} == {
        "appointments",
        "catalogue",
        "clients",
    }
