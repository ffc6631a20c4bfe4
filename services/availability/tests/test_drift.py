"""What availability keeps of others is compared with their topics, and what it makes of it with what it keeps."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from availability_town import START, Town
from sqlalchemy import text

from availability.audited import audited_projections
from availability.storage import count_wrong_occupancy
from slotstream_contracts.envelope import parse
from slotstream_contracts.topics import APPOINTMENT_STATES, CATALOGUE, EXTERNAL_BUSY, HOLDS
from slotstream_servicekit.consumer import Received
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.testing.drift import StoredRecord, drift_found, state_record, tombstone_record

pytestmark = pytest.mark.service

NONE = dict.fromkeys(("businesses", "resources", "services", "appointments", "holds", "external_busy"), 0)
TEN = "2026-06-01T10:00+02:00"


async def _drift(town: Town, records: Sequence[StoredRecord]) -> dict[str, float]:
    return await drift_found(
        service="availability-under-test",
        database=town.fresh.database,
        decode=parse,
        audited=audited_projections(clock=town.clock, past_days=30),
        records=records,
    )


def _stored(topic: str, key: str, record: Received[Any]) -> StoredRecord:
    assert record.event is not None
    return state_record(topic, key, record.event)


@pytest.mark.parametrize(
    ("spoil", "drifting"),
    [
        ("UPDATE businesses SET zone = 'Europe/Paris' WHERE id = :business", "businesses"),
        ("UPDATE resources SET business_ids = '{}' WHERE id = :anna", "resources"),
        ("DELETE FROM resources WHERE id = :anna", "resources"),
        ("UPDATE services SET capacity = 2 WHERE id = :service", "services"),
        ("UPDATE appointments SET blocked_to = blocked_to - interval '1 minute' WHERE id = :booked", "appointments"),
        ("UPDATE appointments SET version = version - 1 WHERE id = :booked", "appointments"),
        ("DELETE FROM appointments WHERE id = :booked", "appointments"),
        ("DELETE FROM holds WHERE id = :hold", "holds"),
        ("UPDATE holds SET id = :gone WHERE id = :hold", "holds"),
        ("UPDATE external_busy SET starts_at = starts_at + interval '5 minutes' WHERE key = :busy", "external_busy"),
        ("UPDATE external_busy SET key = :gone_busy WHERE key = :busy", "external_busy"),
    ],
)
async def test_a_row_that_is_otherwise_than_its_topic_says_is_found(town: Town, spoil: str, drifting: str) -> None:
    gone, busy, gone_busy = new_id(), f"{town.organization}:c:1", f"{town.organization}:c:2"
    booked = town.an_appointment(TEN, town.anna, version=2)
    hold = town.a_hold(TEN, town.ben, expires_at=(START + timedelta(minutes=5)).isoformat())
    event = town.an_external_event(TEN, town.ben, busy)
    await town.appointments(booked)
    await town.holds(hold)
    await town.busy(event)
    records = [
        _stored(CATALOGUE.name, f"business:{town.business}", town.record(town.a_business())),
        _stored(CATALOGUE.name, f"service:{town.service}", town.record(town.a_service())),
        _stored(CATALOGUE.name, f"resource:{town.anna}", town.record(town.a_resource(town.anna, user_id="anna"))),
        _stored(CATALOGUE.name, f"resource:{town.ben}", town.record(town.a_resource(town.ben))),
        _stored(APPOINTMENT_STATES.name, str(booked.appointment.id), town.record(booked)),
        _stored(HOLDS.name, hold.key, hold),
        tombstone_record(HOLDS.name, str(gone), organization_id=town.organization, sequence=2),
        _stored(EXTERNAL_BUSY.name, busy, event),
        tombstone_record(EXTERNAL_BUSY.name, gone_busy, organization_id=town.organization, sequence=2),
    ]
    assert await _drift(town, records) == NONE

    values = {
        "business": town.business,
        "anna": town.anna,
        "service": town.service,
        "booked": booked.appointment.id,
        "hold": hold.event.data.id if hold.event else None,
        "gone": gone,
        "busy": busy,
        "gone_busy": gone_busy,
    }
    async with town.fresh.database.system_transaction() as session:
        statement = text(spoil)
        await session.execute(statement, {name: values[name] for name in statement.compile().params})

    found = await _drift(town, records)
    assert {name for name, count in found.items() if count} == {drifting}


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        ("DELETE FROM occupancy", 1),
        ("UPDATE occupancy SET blocked_to = blocked_to - 60", 2),
        ("UPDATE appointments SET occupies = false", 1),
    ],
)
async def test_time_that_is_taken_otherwise_than_the_appointments_say_is_counted(
    town: Town, spoil: str, wrong: int
) -> None:
    await town.appointments(town.an_appointment(TEN, town.anna))

    async def counted() -> int:
        """By the town's clock: to the database's own, the appointment is history."""
        async with town.fresh.database.system_transaction() as session:
            await session.execute(text("SET LOCAL search_path = told, pg_catalog, public"))
            return await count_wrong_occupancy(session)

    connection = await asyncpg.connect(town.fresh.owner_url.replace("postgresql+asyncpg", "postgresql"))
    try:
        await connection.execute(
            "CREATE SCHEMA told; GRANT USAGE ON SCHEMA told TO PUBLIC;"
            f"CREATE FUNCTION told.now() RETURNS timestamptz STABLE RETURN timestamptz '{START.isoformat()}'"
        )
        assert await counted() == 0
        await connection.execute("SET slotstream.organization = '*'")
        await connection.execute(spoil)
    finally:
        await connection.close()
    assert await counted() == wrong
