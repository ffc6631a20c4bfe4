"""What other services say is kept, whatever the order and however often."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from calendar_tenant import Tenant
from sqlalchemy import text

from calendar_sync.consumers import Handlers, projections
from calendar_sync.storage import metadata
from calendar_sync.worker import PAST_APPOINTMENTS
from slotstream_contracts.appointments import AppointmentSnapshot, AppointmentState, AssignedResource
from slotstream_contracts.base import Message
from slotstream_contracts.catalogue import BusinessState, ResourceState
from slotstream_contracts.envelope import Envelope, wrap
from slotstream_servicekit.consumer import Received
from slotstream_servicekit.housekeeping import delete_swept

pytestmark = pytest.mark.service

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ORGANIZATION = UUID(int=1)


def received(data: Message, *, key: str = "x") -> Received[Envelope[Any]]:
    envelope = wrap(
        data,
        organization=ORGANIZATION,
        subject="x",
        sequence=1,
        time=NOW,
        source="/slotstream/booking",
        correlation_id="c",
    )
    return Received(envelope, key, "t", 0, 0, NOW)


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


async def test_a_tombstone_takes_back_its_own_organizations_appointment_only(tenant: Tenant) -> None:
    handlers = Handlers(lambda: NOW)
    appointment_id = uuid4()
    state = received(an_appointment(appointment_id, 1), key=str(appointment_id))
    foreign, own = (
        replace(state, event=None, organization_id=organization_id) for organization_id in (UUID(int=2), ORGANIZATION)
    )

    counts = []
    for record in (state, foreign, own):
        async with tenant.database.system_transaction() as session:
            await handlers.on_appointment_states(session, [record])
            counts.append((await session.execute(text("SELECT count(*) FROM appointments"))).scalar_one())

    assert counts == [1, 1, 0]


async def test_appointments_long_past_are_swept_and_those_that_feeds_show_are_not(tenant: Tenant) -> None:
    today = datetime.now(UTC)
    for days in (10, 89, 91, 400):
        ends_at = today - timedelta(days=days)
        await tenant.know_appointments(tenant.an_appointment(starts_at=ends_at - timedelta(hours=1), ends_at=ends_at))

    assert await delete_swept(tenant.database, PAST_APPOINTMENTS) == 2
