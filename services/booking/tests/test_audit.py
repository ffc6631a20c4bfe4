"""The auditor finds what must never be, and nothing else."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from booking_fixtures import NOW, Tenant
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking import worker
from booking.storage.audit import count_faults
from booking.storage.connections import connection_of
from booking.usecases.audit import FAULTS, FINISHED, audit_portion, tell_finished
from slotstream_servicekit.errors import DatabaseUnavailableError

pytestmark = pytest.mark.service


@pytest_asyncio.fixture(autouse=True)
async def _told_now(tenant: Tenant) -> None:
    """The auditor leaves alone what ended before the database's present: appointments of the test's are to come."""
    async with tenant.as_owner() as owner:
        await owner.execute(
            "CREATE SCHEMA told; GRANT USAGE ON SCHEMA told TO PUBLIC;"
            f"CREATE FUNCTION told.now() RETURNS timestamptz STABLE RETURN timestamptz '{NOW.isoformat()}'"
        )


async def faults_of(tenant: Tenant, *, at_once: int = 100) -> dict[str, int]:
    found: Counter[str] = Counter()
    after: UUID | None = None
    while True:
        async with tenant.database.system_transaction() as session:
            await session.execute(text("SET LOCAL search_path = told, pg_catalog, public"))
            after, faults = await audit_portion(session=session, after=after, limit=at_once)
        if after is None:
            return {kind: count for kind, count in found.items() if count}
        found.update(faults)


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


async def test_every_organization_is_asked_about_however_few_at_a_time(tenant: Tenant) -> None:
    others = [uuid4(), uuid4()]
    for organization in others:
        api = await tenant.client_as(organization=organization)
        await api.post("/v1/businesses", json={"name": "Mitte", "zone": "Europe/Berlin", "currency": "EUR"})
    await tenant.book(tenant.at(9))
    await tenant.rows("DELETE FROM occupancy RETURNING 1")
    assert [await faults_of(tenant, at_once=count) for count in (1, 2, 100)] == [{"without_time": 1}] * 3


_PAST = """
INSERT INTO occupancy (organization_id, resource_id, session_id, blocked, holder_id)
SELECT $1, $2, gen_random_uuid(), tstzrange(t, t + interval '1 hour'), gen_random_uuid()
FROM generate_series($3::timestamptz - interval '900 days', $3 - interval '400 days', '4 hours') AS t
"""
_READ = """
SELECT sum(seq_tup_read + idx_tup_fetch)::int FROM pg_stat_xact_user_tables
WHERE relname IN ('occupancy', 'appointments', 'appointment_resources')
"""


@pytest.mark.parametrize("analysed", [True, False])
async def test_a_round_reads_what_is_to_come_and_not_all_that_ever_was(tenant: Tenant, analysed: bool) -> None:
    group = await tenant.add_service(name="Yoga", capacity=3)
    for hour in (9, 9, 10, 11):
        await tenant.book(tenant.at(hour), service_id=group["id"])
    past = await tenant.book(tenant.at(15))
    async with tenant.as_owner() as owner:
        await owner.execute("SET slotstream.organization = '*'")
        await owner.execute(_PAST, tenant.organization_id, UUID(tenant.staff[0]["id"]), NOW)
        columns = await owner.fetch(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = 'appointments' AND is_generated = 'NEVER'"
        )
        others = ", ".join(row[0] for row in columns if row[0] not in {"id", "starts_at", "ends_at"})
        await owner.execute(
            f"""
            INSERT INTO appointments (id, starts_at, ends_at, {others})
            SELECT o.holder_id, o.blocked_from, o.blocked_to, {others}
            FROM (SELECT * FROM appointments WHERE id = $1) AS a
            CROSS JOIN (SELECT holder_id, blocked_from, blocked_to FROM occupancy WHERE blocked_from < $2) AS o
            """,
            UUID(past["id"]),
            NOW,
        )
    if analysed:
        await tenant.analyse()
    async with tenant.database.system_transaction() as session:
        await session.execute(text("SET LOCAL search_path = told, pg_catalog, public"))
        connection = await connection_of(session)
        before = await connection.fetchval(_READ)
        faults = await count_faults(connection, [tenant.organization_id])
        read = await connection.fetchval(_READ) - before
    assert not any(faults.values())
    assert 20 <= read <= 200, "of three thousand past ones, none"


async def test_a_round_that_fails_tells_what_it_has_found_and_that_it_was_not_finished(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_finished({}, at=NOW)
    portions = [(uuid4(), {"overlap": 2, "without_time": 0})]

    async def one_and_no_more(
        *, session: AsyncSession, after: UUID | None, kinds: Sequence[str]
    ) -> tuple[UUID | None, dict[str, int]]:
        if after is None:
            last, faults = portions[0]
            return last, {kind: faults.get(kind, 0) for kind in kinds}
        raise DatabaseUnavailableError

    monkeypatch.setattr(worker, "audit_portion", one_and_no_more)
    with pytest.raises(DatabaseUnavailableError):
        await worker.audit(tenant.database, lambda: tenant.now[0], asyncio.Event())
    assert FAULTS.labels(kind="overlap")._value.get() == 2
    assert FINISHED._value.get() == NOW.timestamp()


async def test_a_round_that_is_finished_says_when_and_that_nothing_is_left(tenant: Tenant) -> None:
    FAULTS.labels(kind="overlap").set(2)
    await worker.audit(tenant.database, lambda: tenant.now[0], asyncio.Event())
    assert FAULTS.labels(kind="overlap")._value.get() == 0
    assert FINISHED._value.get() == tenant.now[0].timestamp()


async def test_the_auditor_rests_after_each_question_and_ends_its_rest_when_it_is_stopped(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, rests = asyncio.Event(), list[float]()

    async def stopped_in_the_second(seconds: float, *ends: asyncio.Event) -> None:
        assert ends == (stop,)
        rests.append(seconds)
        if len(rests) == 2:
            stop.set()

    monkeypatch.setattr(worker, "pause_for", stopped_in_the_second)
    tell_finished({}, at=NOW)
    await worker.audit(tenant.database, lambda: tenant.now[0], stop)
    assert len(rests) == 2
    assert min(rests) > 0
    assert FINISHED._value.get() == NOW.timestamp(), "a round that is stopped is not finished"


async def test_the_auditor_rests_before_its_first_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that has just started may have much to catch up with."""
    steps: list[str] = []

    async def rest(seconds: float, *_ends: asyncio.Event) -> None:
        steps.append(f"rest {seconds:.0f}")

    async def look(_database: Any, _clock: Any, stop: asyncio.Event) -> None:
        steps.append("look")
        stop.set()

    monkeypatch.setattr(worker, "pause_for", rest)
    monkeypatch.setattr(worker, "audit", look)
    nothing: Any = None
    await worker.auditor(nothing, nothing)(asyncio.Event())
    assert steps == ["rest 60", "look"]
