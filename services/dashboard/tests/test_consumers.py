"""What is kept for open streams of what happened to appointments."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from dashboard_tenant import Tenant
from sqlalchemy import text

from dashboard.consumers import Handlers
from slotstream_contracts.appointments import AppointmentAssigned, AppointmentSnapshot, AssignedResource, Change
from slotstream_contracts.base import Actor, Message
from slotstream_contracts.clients import ClientState
from slotstream_contracts.envelope import Envelope, wrap
from slotstream_contracts.holds import HoldState
from slotstream_contracts.messages import MessageEvent, MessageRead, MessageReceived
from slotstream_contracts.schedules import ScheduleState
from slotstream_contracts.waiting_list import WaitingListEntry, WaitingListEntryAdded
from slotstream_servicekit.consumer import Received

pytestmark = pytest.mark.service

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
BUSINESS, APPOINTMENT, OLD, NEW = uuid4(), uuid4(), uuid4(), uuid4()


def assigned(organization_id: UUID, *, time: datetime = NOW) -> Received[Envelope[Any]]:
    """Staff member OLD gave the appointment to NEW."""
    before = {"id": str(OLD), "kind": "staff", "name": "Ada", "seat": 0}
    after = {"id": str(NEW), "kind": "staff", "name": "Bo", "seat": 0}
    event = AppointmentAssigned(
        appointment=AppointmentSnapshot(
            id=APPOINTMENT,
            organization_id=organization_id,
            business_id=BUSINESS,
            zone="Europe/Berlin",
            client_id=uuid4(),
            starts_at=NOW,
            ends_at=NOW + timedelta(minutes=30),
            resources=(AssignedResource(id=NEW, kind="staff", name="Bo"),),
            status="scheduled",
            source="manual",
            calendar_uid="a@slotstream",
            occupies=True,
            created_at=NOW,
            updated_at=NOW,
            version=7,
        ),
        change=Change.model_validate({"verb": "assign", "fields": {"resources": {"old": [before], "new": [after]}}}),
        actor=Actor(type="user", id="u"),
    )
    envelope = wrap(
        event,
        organization=organization_id,
        subject=str(APPOINTMENT),
        sequence=7,
        time=time,
        source="/slotstream/booking",
        correlation_id="c",
    )
    return Received(envelope, str(APPOINTMENT), "slotstream.appointments.v1", 0, 0, NOW)


async def test_ids_alone_are_kept_and_whoever_lost_the_appointment_is_among_those_it_concerns(tenant: Tenant) -> None:
    handlers = Handlers(lambda: NOW, timedelta(minutes=15))
    record = assigned(tenant.organization_id)
    stale = assigned(tenant.organization_id, time=NOW - timedelta(hours=1))
    tombstone: Received[Envelope[Any]] = Received(None, "x", "slotstream.appointments.v1", 0, 1, NOW)

    for _ in range(2):
        async with tenant.database.system_transaction() as session:
            await handlers.on_changes(session, [record, stale, tombstone])

    async with tenant.database.transaction(tenant.organization_id) as session:
        (row,) = (await session.execute(text("SELECT * FROM live_events"))).all()
    assert record.event is not None
    assert (row.id, row.subject, row.version) == (record.event.id, str(APPOINTMENT), 7)
    assert (row.type, row.topic) == ("slotstream.appointment.assigned", "slotstream.appointments.v1")
    assert (row.business_id, set(row.resource_ids)) == (BUSINESS, {OLD, NEW})
    assert "Ada" not in str(row)


async def test_that_hours_have_changed_is_told_to_all_and_not_whose_they_are(tenant: Tenant) -> None:
    handlers = Handlers(lambda: NOW, timedelta(minutes=15))
    state = ScheduleState(
        owner_kind="resource",
        owner_id=NEW,
        organization_id=tenant.organization_id,
        zone="Europe/Berlin",
        updated_at=NOW,
        version=3,
    )
    envelope = wrap(
        state,
        organization=tenant.organization_id,
        subject=str(NEW),
        sequence=3,
        time=NOW,
        source="/slotstream/availability",
        correlation_id="c",
    )
    record: Received[Envelope[Any]] = Received(envelope, str(NEW), "slotstream.schedules.v1", 0, 0, NOW)
    gone: Received[Envelope[Any]] = Received(None, str(NEW), "slotstream.schedules.v1", 0, 1, NOW)

    async with tenant.database.system_transaction() as session:
        await handlers.on_changes(session, [record, gone])

    async with tenant.database.transaction(tenant.organization_id) as session:
        (row,) = (await session.execute(text("SELECT * FROM live_events"))).all()
    assert (row.id, row.topic, row.version) == (envelope.id, "slotstream.schedules.v1", 3)
    assert str(NEW) not in str(row)


@pytest.mark.parametrize("kind", [MessageReceived, MessageRead])
async def test_that_a_text_came_or_was_read_is_told_to_all_and_not_which_or_whose(
    tenant: Tenant, kind: type[MessageEvent]
) -> None:
    handlers = Handlers(lambda: NOW, timedelta(minutes=15))
    message, client = uuid4(), uuid4()
    event = kind(
        message_id=message,
        organization_id=tenant.organization_id,
        appointment_id=APPOINTMENT,
        client_id=client,
        channel="sms",
        kind="inbound",
        due_at=NOW,
        occurred_at=NOW,
    )
    topic = "slotstream.messages.v1"
    record = Received(told(tenant, event, subject=str(message)), str(APPOINTMENT), topic, 0, 0, NOW)

    async with tenant.database.system_transaction() as session:
        await handlers.on_changes(session, [record])

    async with tenant.database.transaction(tenant.organization_id) as session:
        (row,) = (await session.execute(text("SELECT * FROM live_events"))).all()
    assert (row.topic, row.type, row.subject, row.business_id) == (topic, kind.type, "", None)
    assert not any(str(identity) in str(row) for identity in (message, client, APPOINTMENT))


async def test_of_a_client_their_id_is_told_and_that_they_were_erased(tenant: Tenant) -> None:
    handlers = Handlers(lambda: NOW, timedelta(minutes=15))
    client_id = uuid4()
    state = ClientState(
        id=client_id,
        organization_id=tenant.organization_id,
        name="Ada Lovelace",
        email="ada@example.com",
        updated_at=NOW,
        version=2,
    )
    topic, organization_id = "slotstream.clients.v1", tenant.organization_id
    changed = Received(told(tenant, state, subject=str(client_id)), str(client_id), topic, 0, 0, NOW)
    erased: Received[Envelope[Any]] = Received(None, str(client_id), topic, 0, 1, NOW, organization_id, 3)
    nobodys: Received[Envelope[Any]] = Received(None, str(uuid4()), topic, 0, 2, NOW)
    odd: Received[Envelope[Any]] = Received(None, "Ada\0", topic, 0, 3, NOW, organization_id, 3)

    for _ in range(2):
        async with tenant.database.system_transaction() as session:
            await handlers.on_changes(session, [changed, erased, nobodys, odd])

    async with tenant.database.transaction(organization_id) as session:
        rows = (await session.execute(text("SELECT * FROM live_events ORDER BY seq"))).all()
    assert [(row.type, row.subject) for row in rows] == [
        ("slotstream.client.state", str(client_id)),
        ("slotstream.client.erased", str(client_id)),
    ]
    # Her first name alone stands in some ids: it is written with digits of theirs.
    assert not any(word in str(rows).lower() for word in ("lovelace", "@example"))


async def test_a_hold_is_told_to_those_whose_time_it_takes_and_its_end_to_all(tenant: Tenant) -> None:
    handlers = Handlers(lambda: NOW, timedelta(minutes=15))
    hold_id, later = uuid4(), NOW + timedelta(minutes=30)
    state = HoldState(
        id=hold_id,
        organization_id=tenant.organization_id,
        business_id=BUSINESS,
        resource_ids=(NEW,),
        starts_at=NOW,
        ends_at=later,
        blocked_from=NOW,
        blocked_to=later,
        expires_at=later,
        version=1,
    )
    topic = "slotstream.holds.v1"
    held = Received(told(tenant, state, subject=str(hold_id)), str(hold_id), topic, 0, 0, NOW)
    ended: Received[Envelope[Any]] = Received(None, str(hold_id), topic, 0, 1, NOW, tenant.organization_id, 2)

    async with tenant.database.system_transaction() as session:
        await handlers.on_changes(session, [held, ended])

    async with tenant.database.transaction(tenant.organization_id) as session:
        rows = (await session.execute(text("SELECT * FROM live_events ORDER BY seq"))).all()
    assert [(row.business_id, row.resource_ids) for row in rows] == [(BUSINESS, [NEW]), (None, [])]
    assert str(hold_id) not in str(rows)


async def test_that_the_waiting_list_changed_is_told_to_those_who_see_the_entry_and_not_who_waits(
    tenant: Tenant,
) -> None:
    handlers = Handlers(lambda: NOW, timedelta(minutes=15))
    client, later = uuid4(), NOW + timedelta(days=1)
    common: dict[str, Any] = {
        "organization_id": tenant.organization_id,
        "business_id": BUSINESS,
        "service_id": uuid4(),
        "client_id": client,
        "window_from": NOW,
        "window_to": later,
        "status": "waiting",
        "created_at": NOW,
        "updated_at": NOW,
        "version": 1,
    }
    entries = [WaitingListEntry(id=uuid4(), **common), WaitingListEntry(id=uuid4(), resource_id=NEW, **common)]
    topic = "slotstream.waiting-list.v1"
    records = [
        Received(
            told(tenant, WaitingListEntryAdded(entry=entry, actor=Actor(type="user", id="u")), subject=str(entry.id)),
            str(entry.id),
            topic,
            0,
            offset,
            NOW,
        )
        for offset, entry in enumerate(entries)
    ]

    async with tenant.database.system_transaction() as session:
        await handlers.on_changes(session, records)

    async with tenant.database.transaction(tenant.organization_id) as session:
        rows = (await session.execute(text("SELECT * FROM live_events ORDER BY seq"))).all()
    assert [(row.topic, row.business_id, row.resource_ids) for row in rows] == [
        (topic, BUSINESS, []),
        (topic, BUSINESS, [NEW]),
    ]
    assert not any(str(identity) in str(rows) for identity in (client, *(entry.id for entry in entries)))


def told(tenant: Tenant, state: Message, *, subject: str) -> Envelope[Any]:
    return wrap(
        state,
        organization=tenant.organization_id,
        subject=subject,
        sequence=2,
        time=NOW,
        source="/slotstream/booking",
        correlation_id="c",
    )
