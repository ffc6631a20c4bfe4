"""What other services say is kept, whatever the order and however often."""

import random
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from calendar_tenant import Tenant
from sqlalchemy import text

from calendar_sync.consumers import Handlers, projections
from calendar_sync.storage import metadata
from slotstream_contracts.appointments import AppointmentSnapshot, AppointmentState, AssignedResource
from slotstream_contracts.base import Message
from slotstream_contracts.catalogue import BusinessState, ResourceState
from slotstream_contracts.envelope import Envelope, wrap
from slotstream_servicekit.consumer import Received

pytestmark = pytest.mark.service

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ORGANIZATION = UUID(int=1)


def received(data: Message) -> Received[Envelope[Any]]:
    envelope = wrap(
        data,
        organization=ORGANIZATION,
        subject="x",
        sequence=1,
        time=NOW,
        source="/slotstream/booking",
        correlation_id="c",
    )
    return Received(envelope, "x", "t", 0, 0, NOW)


def a_resource(resource_id: UUID, version: int) -> ResourceState:
    return ResourceState(
        id=resource_id,
        organization_id=ORGANIZATION,
        name=f"Ada {version}",
        updated_at=NOW,
        version=version,
        business_ids=(uuid4(),),
        kind="staff",
        zone="Europe/Berlin",
    )


def an_appointment(appointment_id: UUID, version: int) -> AppointmentState:
    return AppointmentState(
        appointment=AppointmentSnapshot(
            id=appointment_id,
            organization_id=ORGANIZATION,
            business_id=uuid4(),
            zone="Europe/Berlin",
            client_id=uuid4(),
            service_name=f"Haircut {version}",
            starts_at=NOW,
            ends_at=NOW,
            resources=(AssignedResource(id=uuid4(), kind="staff", name="Ada"),),
            status="scheduled",
            source="api",
            calendar_uid="u",
            occupies=True,
            created_at=NOW,
            updated_at=NOW,
            version=version,
        )
    )


async def test_shuffled_and_repeated_states_leave_the_newest(tenant: Tenant) -> None:
    handlers = Handlers(lambda: NOW)
    resource_id, appointment_id = uuid4(), uuid4()
    order = [*range(1, 9), *range(1, 9)]
    random.Random(3).shuffle(order)

    for start in range(0, len(order), 4):
        async with tenant.database.system_transaction() as session:
            batch = order[start : start + 4]
            await handlers.on_catalogue(session, [received(a_resource(resource_id, each)) for each in batch])
            await handlers.on_appointment_states(
                session, [received(an_appointment(appointment_id, each)) for each in batch]
            )

    async with tenant.database.system_transaction() as session:
        name = await session.execute(text("SELECT name FROM resources WHERE id = :id"), {"id": resource_id})
        service = await session.execute(
            text("SELECT service_name FROM appointments WHERE id = :id"), {"id": appointment_id}
        )
        assert (name.scalar_one(), service.scalar_one()) == ("Ada 8", "Haircut 8")


async def test_tombstones_and_other_kinds_pass_by(tenant: Tenant) -> None:
    handlers = Handlers(lambda: NOW)
    business = BusinessState(
        id=uuid4(), organization_id=ORGANIZATION, name="Salon", updated_at=NOW, version=1,
        zone="Europe/Berlin", phone_region="DE", currency="EUR",
    )  # fmt: skip
    nothing: Received[Any] = Received(None, "x", "t", 0, 0, NOW)
    async with tenant.database.system_transaction() as session:
        await handlers.on_catalogue(session, [nothing, received(business)])
        await handlers.on_appointment_states(session, [nothing])


def test_every_projection_can_be_rebuilt() -> None:
    for projection in projections():
        for table in projection.tables:
            assert "applied_at" in metadata.tables[table].c
