"""The booking statement itself: its parameters, and the gate for those who want the same slot at once."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from booking_fixtures import Tenant

from booking.domain.appointments import FIELDS
from booking.storage.booking_statement import Shape, booking_text, booking_values, gate_of
from booking.storage.booking_statement.columns import CLIENTS, EVENTS, RESOURCES
from booking.storage.connections import connection_of
from booking.storage.occupancy import OccupancyStore, Window
from booking.storage.tables import appointments
from slotstream_servicekit.locks import LockClass

pytestmark = pytest.mark.service

_GATE = int(LockClass.SLOT_GATE)
_PASS = f"SELECT pg_advisory_xact_lock({_GATE}, $1)"
_WAITING = (
    f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = {_GATE} AND NOT granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_TAKE = (
    "INSERT INTO occupancy (organization_id, resource_id, session_id, blocked, holder_id)"
    " VALUES ($1, $2, gen_random_uuid(), tstzrange($3::timestamptz, $3 + interval '30 minutes'), gen_random_uuid())"
)

_OCCUPANCY_READ = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'occupancy'"


@asynccontextmanager
async def ahead(tenant: Tenant, starts_at: str) -> AsyncIterator[asyncpg.Connection]:
    """A transaction that came first through the gate of the slot, and has not ended yet."""
    async with tenant.as_owner() as connection, connection.transaction():
        await connection.execute("SELECT set_config('slotstream.organization', '*', true)")
        gate = gate_of(UUID(tenant.staff[0]["id"]), datetime.fromisoformat(starts_at))
        await connection.execute(_PASS, gate)
        yield connection


def ask(tenant: Tenant, starts_at: str) -> asyncio.Future[Any]:
    return asyncio.ensure_future(tenant.api.post("/v1/appointments", json=tenant.request(starts_at)))


async def test_who_comes_second_waits_and_is_refused_once_the_first_has_booked(tenant: Tenant, until: Any) -> None:
    async with ahead(tenant, tenant.at(9)) as first:
        second = ask(tenant, tenant.at(9))
        await until(lambda: first.fetchval(_WAITING))
        taken = (tenant.organization_id, UUID(tenant.staff[0]["id"]), datetime.fromisoformat(tenant.at(9)))
        await first.execute(_TAKE, *taken)
    answer = await second
    assert answer.status_code == 409, answer.text
    assert [reason["code"] for reason in answer.json()["reasons"]] == ["slot_taken"]


async def test_who_comes_second_gets_the_slot_if_the_first_gives_up(tenant: Tenant, until: Any) -> None:
    async with ahead(tenant, tenant.at(9)) as first:
        second = ask(tenant, tenant.at(9))
        await until(lambda: first.fetchval(_WAITING))
    assert (await second).status_code == 201


@pytest.mark.parametrize(("hour", "admitted"), [(9, 0), (10, 1)])
async def test_who_comes_once_the_slot_is_taken_is_sent_away_before_any_work(
    tenant: Tenant, hour: int, admitted: int
) -> None:
    await tenant.book(tenant.at(9))
    resource, begins = UUID(tenant.staff[0]["id"]), datetime.fromisoformat(tenant.at(hour))
    async with tenant.database.transaction(tenant.organization_id) as session:
        connection = await connection_of(session)
        version = await connection.fetchval("SELECT policy_version FROM organizations")
        rows = await connection.fetch(
            "SELECT admit_bookings($1, $2, $3, $4, $5, $4, $6, $7, $8, '{false}')",
            tenant.organization_id,
            version,
            gate_of(resource, begins),
            [uuid4()],
            [UUID(tenant.client["id"])],
            [resource],
            [begins],
            [begins + timedelta(minutes=30)],
        )
        locked = await connection.fetchval(
            "SELECT count(*) FROM clients WHERE xmax = pg_current_xact_id_if_assigned()::xid"
        )
    assert (len(rows), locked) == (admitted, admitted)


async def test_another_slot_does_not_wait(tenant: Tenant) -> None:
    async with ahead(tenant, tenant.at(9)):
        await tenant.book(tenant.at(10))


def test_every_field_of_an_appointment_has_a_column() -> None:
    assert list(FIELDS) == [column.name for column in appointments.columns if column.computed is None]


@pytest.mark.parametrize("with_clients", [True, False])
def test_the_statement_names_the_parameters_of_many_in_their_order(with_clients: bool) -> None:
    text = booking_text(None, with_clients=with_clients)
    assert _numbers(text) == set(range(1, 4 + len(booking_values([], with_clients=with_clients))))


@pytest.mark.parametrize("clients", [0, 1])
@pytest.mark.parametrize("takes", [0, 1, 3])
def test_the_statement_of_one_has_a_parameter_for_each_value(takes: int, clients: int) -> None:
    nothing = Shape(takes=takes, resources=0, events=0, clients=0, guards_client=False)
    few = _numbers(booking_text(nothing, with_clients=False))
    shape = Shape(takes=takes, resources=2, events=3, clients=clients, guards_client=bool(clients))
    numbers = _numbers(booking_text(shape, with_clients=bool(clients)))
    assert numbers == set(range(1, len(numbers) + 1))
    assert len(numbers) - len(few) == 2 * len(RESOURCES) + 3 * len(EVENTS) + clients * (len(CLIENTS) + 1)


def _numbers(text: str) -> set[int]:
    return {int(number) for number in re.findall(r"\$(\d+)", text)}


_HUNDRED_DAYS_AND_MORE = """
INSERT INTO occupancy (organization_id, resource_id, session_id, blocked, holder_id)
SELECT $1, $2, gen_random_uuid(), tstzrange(t, t + interval '1 hour'), gen_random_uuid()
FROM generate_series($3::timestamptz - interval '100 days', $3 + interval '100 days', '1 hour') AS t
"""


@pytest.mark.parametrize("planned_when_empty", [True, False])
async def test_who_looks_at_a_day_reads_that_day_and_not_all_that_was_ever_booked(
    tenant: Tenant, planned_when_empty: bool
) -> None:
    resource = UUID(tenant.staff[0]["id"])
    begins = datetime.fromisoformat(tenant.at(9))
    day = [Window(resource, begins, begins + timedelta(hours=8))]
    book = (_HUNDRED_DAYS_AND_MORE, tenant.organization_id, resource, begins)
    if not planned_when_empty:
        async with tenant.database.transaction(tenant.organization_id) as session:
            await (await connection_of(session)).execute(*book)
        await tenant.analyse()
    async with tenant.database.transaction(tenant.organization_id) as session:
        connection = await connection_of(session)
        store = OccupancyStore(connection, tenant.organization_id)
        if planned_when_empty:
            await store.calendars(day)
            await connection.execute(*book)
        before = await connection.fetchval(_OCCUPANCY_READ)
        await store.calendars(day)
        read = await connection.fetchval(_OCCUPANCY_READ) - before
    assert 8 <= read <= 40


async def test_what_began_a_whole_day_before_is_seen_whatever_zone_the_session_has(tenant: Tenant) -> None:
    resource = UUID(tenant.staff[0]["id"])
    begins = datetime.fromisoformat("2027-03-27T12:30:00+00:00")
    async with tenant.database.transaction(tenant.organization_id) as session:
        connection = await connection_of(session)
        await connection.execute("SET LOCAL TimeZone = 'Europe/Berlin'")
        await connection.execute(
            "INSERT INTO occupancy (organization_id, resource_id, session_id, blocked, holder_id)"
            " VALUES ($1, $2, $3, tstzrange($4, $5), $3)",
            tenant.organization_id,
            resource,
            uuid4(),
            begins,
            begins + timedelta(hours=24),
        )
        # The clocks go forward meanwhile: a day of Berlin before this has 23 hours.
        late = begins + timedelta(hours=23, minutes=30)
        calendars = await OccupancyStore(connection, tenant.organization_id).calendars(
            [Window(resource, late, late + timedelta(minutes=15))]
        )
    assert calendars.near(resource, None, (late, late + timedelta(minutes=15)), name="Ada").taken
