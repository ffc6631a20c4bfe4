"""What imports keeps of others is compared with their topics; a row that is otherwise raises the gauge."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from imports_service import NOW, ImportsService, received
from sqlalchemy import text

from imports.audited import audited_projections
from slotstream_contracts.catalogue import BusinessState, ResourceState, ServiceState
from slotstream_contracts.clients import ClientState
from slotstream_contracts.envelope import parse
from slotstream_contracts.topics import CATALOGUE, CLIENTS
from slotstream_servicekit.testing.drift import StoredRecord, drift_found, state_record, tombstone_record

pytestmark = pytest.mark.service

NONE = {"businesses": 0, "services": 0, "resources": 0, "client_contacts": 0}


async def _drift(service: ImportsService, records: list[StoredRecord]) -> dict[str, float]:
    return await drift_found(
        service="imports-under-test",
        database=service.database,
        decode=parse,
        audited=audited_projections(),
        records=records,
    )


async def _said(service: ImportsService, erased_id: UUID, client_id: UUID) -> list[StoredRecord]:
    """A catalogue of one each and two clients, one of whom is erased: kept by the handlers, and as records."""
    async with service.database.system_transaction() as session:
        for table in NONE:
            await session.execute(text(f"DELETE FROM {table}"))
    common: dict[str, Any] = {"organization_id": service.organization_id, "updated_at": NOW, "version": 1}
    business_id = uuid4()
    catalogue = {
        "business": BusinessState(
            id=business_id, name="Mitte", zone="Europe/Berlin", phone_region="DE", currency="EUR", **common
        ),
        "service": ServiceState(id=uuid4(), name="Visit", business_id=business_id, duration_minutes=30, **common),
        "resource": ResourceState(
            id=uuid4(), name="Anna", business_ids=(business_id,), kind="staff", zone="Europe/Berlin", **common
        ),
    }
    clients = [
        ClientState(id=identity, name="Zuse", phone="+4930901821", **common) for identity in (erased_id, client_id)
    ]
    await service.receive(*catalogue.values())
    await service.receive_clients([*((client.id, client) for client in clients), (erased_id, None)])
    told = [
        *((CATALOGUE.name, f"{kind}:{state.id}", state) for kind, state in catalogue.items()),
        *((CLIENTS.name, str(client.id), client) for client in clients),
    ]
    records = []
    for topic, key, state in told:
        event = received(state, organization_id=service.organization_id).event
        assert event is not None
        records.append(state_record(topic, key, event))
    gone = tombstone_record(CLIENTS.name, str(erased_id), organization_id=service.organization_id, sequence=9)
    return [*records, gone]


@pytest.mark.parametrize(
    ("spoil", "drifting"),
    [
        ("UPDATE businesses SET zone = 'Asia/Tokyo'", "businesses"),
        ("DELETE FROM services", "services"),
        ("UPDATE resources SET id = gen_random_uuid()", "resources"),
        ("UPDATE client_contacts SET contacts = '{}' WHERE id = :client", "client_contacts"),
        ("DELETE FROM client_contacts WHERE id = :client", "client_contacts"),
        ("UPDATE client_contacts SET contacts = '{back}' WHERE id = :erased", "client_contacts"),
        ("DELETE FROM client_contacts WHERE id = :erased", "client_contacts"),
    ],
)
async def test_a_row_that_is_otherwise_than_its_topic_says_is_found(
    service: ImportsService, spoil: str, drifting: str
) -> None:
    ids = {"erased": uuid4(), "client": uuid4()}
    records = await _said(service, ids["erased"], ids["client"])
    assert await _drift(service, records) == NONE

    async with service.database.system_transaction() as session:
        await session.execute(text(spoil), {name: value for name, value in ids.items() if f":{name}" in spoil})

    found = await _drift(service, records)
    assert {name for name, count in found.items() if count} == {drifting}


async def test_a_mark_of_an_erased_client_outlives_the_tombstone(service: ImportsService) -> None:
    erased_id = uuid4()
    records = await _said(service, erased_id, uuid4())
    assert await _drift(service, [record for record in records if record.key != str(erased_id).encode()]) == NONE
