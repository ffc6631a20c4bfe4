"""The auditor finds what must never be, and nothing else."""

from typing import Any

import pytest
import pytest_asyncio
from booking_fixtures import NOW, Tenant
from sqlalchemy import text

from booking.usecases.audit import FAULTS, audit_occupancy

pytestmark = pytest.mark.service


@pytest_asyncio.fixture(autouse=True)
async def _told_now(tenant: Tenant) -> None:
    """The auditor leaves alone what ended before the database's present: appointments of the test's are to come."""
    async with tenant.as_owner() as owner:
        await owner.execute(
            "CREATE SCHEMA told; GRANT USAGE ON SCHEMA told TO PUBLIC;"
            f"CREATE FUNCTION told.now() RETURNS timestamptz STABLE RETURN timestamptz '{NOW.isoformat()}'"
        )


async def faults_of(tenant: Tenant) -> dict[str, int]:
    async with tenant.database.system_transaction() as session:
        await session.execute(text("SET LOCAL search_path = told, pg_catalog, public"))
        faults = await audit_occupancy(session=session)
    for kind, count in faults.items():
        assert FAULTS.labels(kind=kind)._value.get() == count
    return {kind: count for kind, count in faults.items() if count}


async def test_nothing_is_found_in_what_booking_does(tenant: Tenant) -> None:
    group = await tenant.add_service(name="Yoga", capacity=3, buffer_after_minutes=10)
    for _ in range(2):
        await tenant.book(tenant.at(9), service_id=group["id"])
    await tenant.book(tenant.at(9, 15), override={"reason": "urgent"})
    moved = await tenant.book(tenant.at(12))
    await tenant.post(f"/v1/appointments/{moved['id']}/reschedule", {"starts_at": tenant.at(12, 15)}, status=201)
    cancelled = await tenant.book(tenant.at(15))
    await tenant.post(f"/v1/appointments/{cancelled['id']}/cancel", {"reason": "ill"})
    assert await faults_of(tenant) == {}


@pytest.mark.parametrize(
    ("fault", "statement"),
    [
        ("without_time", "DELETE FROM occupancy RETURNING 1"),
        ("without_holder", "UPDATE appointments SET occupies = false RETURNING 1"),
        ("open_and_archived", "UPDATE appointments SET archived = true RETURNING 1"),
    ],
)
async def test_a_planted_fault_is_found(tenant: Tenant, fault: str, statement: str) -> None:
    await tenant.book(tenant.at(9))
    await tenant.rows(statement)
    assert await faults_of(tenant) == {fault: 1}


async def test_time_that_is_not_the_appointments_own_is_found(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    await tenant.rows(
        "UPDATE occupancy SET blocked = tstzrange(lower(blocked), upper(blocked) - '1 min'::interval) RETURNING 1"
    )
    assert await faults_of(tenant) == {"without_time": 1}


async def test_a_double_booking_is_found_though_the_constraint_is_gone(tenant: Tenant) -> None:
    first, second = [await tenant.book(tenant.at(hour)) for hour in (9, 10)]
    async with tenant.as_owner() as owner:
        await owner.execute("ALTER TABLE occupancy DROP CONSTRAINT occupancy_one_session_at_a_time")
    values: dict[str, Any] = {"first": first["id"], "second": second["id"]}
    await tenant.rows(
        """
        UPDATE occupancy SET blocked = (SELECT blocked FROM occupancy WHERE holder_id = :first)
        WHERE holder_id = :second RETURNING 1
        """,
        **values,
    )
    assert (await faults_of(tenant))["overlap"] == 1


async def test_two_appointments_in_one_session_that_are_not_of_one_group_are_found(tenant: Tenant) -> None:
    first, second = [await tenant.book(tenant.at(hour)) for hour in (9, 10)]
    values: dict[str, Any] = {"first": first["id"], "second": second["id"]}
    await tenant.rows(
        """
        UPDATE occupancy SET seat = 1, session_id = (SELECT session_id FROM occupancy WHERE holder_id = :first)
        WHERE holder_id = :second RETURNING 1
        """,
        **values,
    )
    await tenant.rows(
        "UPDATE appointments SET starts_at = starts_at - '15 min'::interval WHERE id = :second RETURNING 1", **values
    )
    assert "foreign_session" not in await faults_of(tenant), "they do not overlap"
    await tenant.rows(
        "UPDATE appointments SET starts_at = starts_at - '30 min'::interval WHERE id = :second RETURNING 1", **values
    )
    assert (await faults_of(tenant))["foreign_session"] == 1
