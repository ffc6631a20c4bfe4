"""What calendar-sync keeps of others is compared with their topics; a row that is otherwise raises the gauge."""

from datetime import timedelta
from uuid import uuid4

import pytest
from calendar_tenant import Tenant
from sqlalchemy import text
from test_consumers import NOW, ORGANIZATION, a_resource, an_appointment, received

from calendar_sync.audited import audited_projections
from calendar_sync.consumers import Handlers
from slotstream_contracts.catalogue import BusinessState
from slotstream_contracts.envelope import parse
from slotstream_contracts.topics import APPOINTMENT_STATES, CATALOGUE
from slotstream_servicekit.testing.drift import StoredRecord, drift_found, state_record, tombstone_record

pytestmark = pytest.mark.service

NONE = {"businesses": 0, "resources": 0, "appointments": 0}


async def _drift(tenant: Tenant, records: list[StoredRecord]) -> dict[str, float]:
    return await drift_found(
        service="calendar-sync-under-test",
        database=tenant.database,
        decode=parse,
        audited=audited_projections(clock=lambda: NOW),
        records=records,
    )


@pytest.mark.parametrize(
    ("spoil", "drifting"),
    [
        ("UPDATE businesses SET address = 'elsewhere' WHERE id = :business", "businesses"),
        ("UPDATE resources SET name = 'Eve' WHERE id = :resource", "resources"),
        ("DELETE FROM resources WHERE id = :resource", "resources"),
        ("UPDATE appointments SET starts_at = starts_at + interval '1 hour' WHERE id = :appointment", "appointments"),
        ("UPDATE appointments SET version = version - 1 WHERE id = :appointment", "appointments"),
        ("UPDATE appointments SET id = :gone WHERE id = :appointment", "appointments"),
    ],
)
async def test_a_row_that_is_otherwise_than_its_topic_says_is_found(tenant: Tenant, spoil: str, drifting: str) -> None:
    business_id, resource_id, appointment_id, gone_id = uuid4(), uuid4(), uuid4(), uuid4()
    business = BusinessState(
        id=business_id,
        organization_id=ORGANIZATION,
        name="Mitte",
        zone="Europe/Berlin",
        phone_region="DE",
        currency="EUR",
        updated_at=NOW,
        version=1,
    )
    resource, appointment = a_resource(resource_id, 1), an_appointment(appointment_id, 2)
    appointment = appointment.model_copy(
        update={
            "appointment": appointment.appointment.model_copy(
                update={"starts_at": NOW, "ends_at": NOW + timedelta(hours=1)}
            )
        }
    )
    async with tenant.database.system_transaction() as session:
        for table in NONE:
            await session.execute(text(f"DELETE FROM {table}"))
        handlers = Handlers(lambda: NOW)
        await handlers.on_catalogue(session, [received(business), received(resource)])
        await handlers.on_appointment_states(session, [received(appointment, key=str(appointment_id))])
    records = []
    for topic, key, data in (
        (CATALOGUE.name, f"business:{business_id}", business),
        (CATALOGUE.name, f"resource:{resource_id}", resource),
        (APPOINTMENT_STATES.name, str(appointment_id), appointment),
    ):
        event = received(data).event
        assert event is not None
        records.append(state_record(topic, key, event))
    records.append(tombstone_record(APPOINTMENT_STATES.name, str(gone_id), organization_id=ORGANIZATION, sequence=5))
    assert await _drift(tenant, records) == NONE

    ids = {"business": business_id, "resource": resource_id, "appointment": appointment_id, "gone": gone_id}
    async with tenant.database.system_transaction() as session:
        await session.execute(text(spoil), {name: value for name, value in ids.items() if f":{name}" in spoil})

    found = await _drift(tenant, records)
    assert {name for name, count in found.items() if count} == {drifting}
