"""Booking through a PgBouncer in transaction mode, where many clients share two servers."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from booking_fixtures import Tenant

from slotstream_servicekit.testing.pgbouncer import SERVERS, PgBouncer
from slotstream_servicekit.testing.plugin import FreshDatabaseFactory

pytestmark = pytest.mark.service


@pytest_asyncio.fixture
async def fresh_database(
    fresh_database: FreshDatabaseFactory, pgbouncer: PgBouncer
) -> AsyncIterator[FreshDatabaseFactory]:
    async with pgbouncer.pooled_ones(fresh_database) as pooled:
        yield pooled


async def test_a_first_booking_and_its_repeat(tenant: Tenant) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    request = tenant.request(tenant.at(10))
    first = await tenant.api.post("/v1/appointments", json=request, headers=key)
    again = await tenant.api.post("/v1/appointments", json=request, headers=key)
    assert (first.status_code, again.status_code) == (201, 201), first.text
    assert again.json() == first.json()
    told = [record.type for record in await tenant.published()]
    assert told.count("slotstream.appointment.created") == 1, told


async def test_of_many_who_want_a_slot_at_once_one_gets_it(tenant: Tenant) -> None:
    answers = await asyncio.gather(
        *(tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(10))) for _ in range(10 * SERVERS))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (10 * SERVERS - 1)


async def test_organizations_that_share_a_server_see_nothing_of_each_other(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(10))
    stranger = await tenant.client_as(organization=uuid4())
    answers = await asyncio.gather(
        *(
            client.get(f"/v1/appointments/{booked['id']}")
            for _ in range(5 * SERVERS)
            for client in (tenant.api, stranger)
        )
    )
    assert [answer.status_code for answer in answers] == [200, 404] * (5 * SERVERS)
    async with tenant.database.connection() as connection:
        left_behind = [
            await connection.fetchval("SELECT current_setting('slotstream.organization', true)")
            for _ in range(3 * SERVERS)
        ]
        assert set(left_behind) <= {None, ""}
        assert await connection.fetchval("SELECT count(*) FROM appointments") == 0


async def test_lists_reports_and_exports_are_read(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(10))
    page = await tenant.get("/v1/appointments")
    assert [item["id"] for item in page["items"]] == [booked["id"]]
    exported = await tenant.api.get("/v1/appointments/export", params={"format": "csv"})
    assert exported.status_code == 200, exported.text
    assert booked["id"] in exported.text
