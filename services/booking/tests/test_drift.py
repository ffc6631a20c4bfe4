"""What booking keeps of others is compared with their topics; a row that is otherwise raises the gauge."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from booking_fixtures import NOW, Tenant
from sqlalchemy import text

from booking.consumers import (
    audited_projections,
    on_client_preferences,
    on_external_busy,
    on_organization_channels,
    on_schedules,
)
from slotstream_contracts.channels import OrganizationChannelsState
from slotstream_contracts.envelope import Envelope, parse, wrap
from slotstream_contracts.preferences import ClientPreferencesState
from slotstream_contracts.schedules import ExternalBusyState, ScheduleState
from slotstream_contracts.topics import CHANNELS, CLIENT_PREFERENCES, EXTERNAL_BUSY, SCHEDULES
from slotstream_servicekit.consumer import Received
from slotstream_servicekit.testing.drift import StoredRecord, drift_found, state_record, tombstone_record

pytestmark = pytest.mark.service

NONE = {"schedules": 0, "external_busy": 0, "client_preferences": 0, "organization_channels": 0}


@pytest.mark.parametrize(
    ("spoil", "drifting"),
    [
        ("UPDATE schedules SET schedule = '{}' WHERE owner_id = :owner", "schedules"),
        ("DELETE FROM schedules WHERE owner_id = :owner", "schedules"),
        ("UPDATE external_busy SET ends_at = ends_at - interval '1 minute' WHERE key = :busy", "external_busy"),
        ("UPDATE external_busy SET key = :gone WHERE key = :busy", "external_busy"),
        ("UPDATE client_preferences SET opted_out = '{}' WHERE client_id = :client", "client_preferences"),
        ("UPDATE client_preferences SET version = version - 1 WHERE client_id = :client", "client_preferences"),
        (
            "UPDATE organization_channels SET channels = '{}' WHERE organization_id = :organization",
            "organization_channels",
        ),
        ("DELETE FROM organization_channels WHERE organization_id = :organization", "organization_channels"),
    ],
)
async def test_a_row_that_is_otherwise_than_its_topic_says_is_found(tenant: Tenant, spoil: str, drifting: str) -> None:
    organization, owner, client = tenant.organization_id, uuid4(), uuid4()
    busy, gone = (f"{organization}:calendar:{number}" for number in (1, 2))
    at: dict[str, Any] = {"organization_id": organization, "updated_at": NOW, "version": 3}
    schedule = ScheduleState(owner_kind="resource", owner_id=owner, zone="Europe/Berlin", **at)
    event = ExternalBusyState(
        id=uuid4(),
        resource_id=uuid4(),
        connection_id=uuid4(),
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=1),
        **at,
    )
    preferences = ClientPreferencesState(client_id=client, opted_out=("sms",), **at)
    channels = OrganizationChannelsState(channels=("email", "sms"), **at)

    def received(state: Any, key: str) -> Received[Envelope[Any]]:
        said = wrap(
            state,
            organization=organization,
            subject=key,
            key=key,
            sequence=3,
            time=NOW,
            source="/t",
            correlation_id="t",
        )
        return Received(said, key, said.topic, 0, 0, NOW, organization)

    async with tenant.database.system_transaction() as session:
        for table in NONE:
            await session.execute(text(f"DELETE FROM {table}"))
        await on_schedules(session, [received(schedule, str(owner))])
        await on_external_busy(session, [received(event, busy)])
        await on_client_preferences(session, [received(preferences, str(client))])
        await on_organization_channels(session, [received(channels, str(organization))])
    records = [
        state_record(SCHEDULES.name, str(owner), received(schedule, str(owner)).event),
        state_record(EXTERNAL_BUSY.name, busy, received(event, busy).event),
        tombstone_record(EXTERNAL_BUSY.name, gone, organization_id=organization, sequence=9),
        state_record(CLIENT_PREFERENCES.name, str(client), received(preferences, str(client)).event),
        state_record(CHANNELS.name, str(organization), received(channels, str(organization)).event),
    ]
    assert await _drift(tenant, records) == NONE

    values = {"owner": owner, "busy": busy, "gone": gone, "client": client, "organization": organization}
    async with tenant.database.system_transaction() as session:
        statement = text(spoil)
        await session.execute(statement, {name: values[name] for name in statement.compile().params})

    found = await _drift(tenant, records)
    assert {name for name, count in found.items() if count} == {drifting}


async def _drift(tenant: Tenant, records: list[StoredRecord]) -> dict[str, float]:
    return await drift_found(
        service="booking-under-test",
        database=tenant.database,
        decode=parse,
        audited=audited_projections(clock=lambda: tenant.now[0]),
        records=records,
    )
