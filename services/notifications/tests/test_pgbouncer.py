"""Notifications through a PgBouncer in transaction mode, where many clients share two servers."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from notifications_salon import Salon

from slotstream_servicekit.testing.pgbouncer import PgBouncer
from slotstream_servicekit.testing.plugin import FreshDatabaseFactory

pytestmark = pytest.mark.service


@pytest_asyncio.fixture
async def fresh_database(
    fresh_database: FreshDatabaseFactory, pgbouncer: PgBouncer
) -> AsyncIterator[FreshDatabaseFactory]:
    async with pgbouncer.pooled_ones(fresh_database) as pooled:
        yield pooled


async def test_what_is_due_is_claimed_once_by_senders_that_look_at_the_same_time(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    before = len(salon.mailbox.mails)
    await asyncio.gather(*(salon.sender.send_due() for _ in range(6)))
    assert len(salon.mailbox.mails) - before == 1
    assert [status for _, status, _ in await salon.outcomes()].count("sent") == 1


async def test_a_message_that_is_received_twice_is_planned_once(salon: Salon) -> None:
    created = salon.created(salon.snapshot())
    await salon.receive(created)
    planned = await salon.outcomes()
    await salon.receive(created)
    assert await salon.outcomes() == planned
