"""What is remembered of others: by version, and rebuilt without telling anybody again."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from notifications_salon import Salon, _received, _state_event
from sqlalchemy import text

from notifications.consumers import PASSED_OVER
from notifications.main import projections, service
from notifications.storage.tables import metadata
from notifications.worker import sweeps
from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage
from slotstream_contracts.topics import APPOINTMENTS
from slotstream_servicekit.housekeeping import delete_swept

pytestmark = pytest.mark.service


async def rows(salon: Salon, table: str, columns: str) -> list[tuple[Any, ...]]:
    async with salon.database.system_transaction() as session:
        found = await session.execute(text(f"SELECT {columns} FROM {table} ORDER BY 1"))
        return [tuple(item) for item in found]


async def test_an_older_state_never_replaces_a_newer_one(salon: Salon) -> None:
    await salon.receive_states(salon.client(name="New", version=3), salon.client(name="Old", version=2))
    await salon.receive_states(salon.business(name="New", version=3), salon.business(name="Old", version=2))
    first = salon.snapshot()
    await salon.receive(salon.confirmed(first), salon.created(first))

    assert await rows(salon, "clients", "name, version") == [("New", 3)]
    assert ("New", 3) in await rows(salon, "catalogue", "name, version")
    assert await rows(salon, "appointments", "status, version") == [("confirmed", 2)]


async def test_a_rebuild_tells_nobody_again(salon: Salon) -> None:
    first = salon.snapshot()
    events = [salon.created(first), salon.confirmed(first)]
    await salon.receive(*events)
    await salon.send()
    before, mails = await salon.ledger(), len(salon.mailbox.mails)
    [appointments] = [item for item in projections() if item.name == "appointments"]
    await salon.execute("UPDATE appointments SET applied_at = now() - interval '1 day'")
    async with salon.database.system_transaction() as session:
        received = [type("R", (), {"event": item, "key": "k"})() for item in events]
        await appointments.handler(session, received)

    assert await rows(salon, "appointments", "applied_at > now() - interval '1 minute'") == [(True,)]
    salon.now += timedelta(minutes=1)
    assert await salon.send() == []
    assert (await salon.ledger(), len(salon.mailbox.mails)) == (before, mails)


def test_every_projection_is_declared_with_the_service() -> None:
    assert {table for projection in service.projections() for table in projection.tables} == {
        "appointment_texts",
        "appointments",
        "catalogue",
        "clients",
        "series",
        "users",
        "waiting_list_entries",
    }


async def test_events_of_long_ago_are_passed_over_and_counted_and_their_states_are_kept(salon: Salon) -> None:
    await salon.http.post("/v1/reminder-rules", json={"minutes_before": 60})
    before = passed_over()
    old = salon.now - timedelta(days=20)
    appointments = [salon.snapshot(created_at=old) for _ in range(100)]
    await salon.receive(*[salon.created(appointment, time=old) for appointment in appointments])

    assert passed_over() - before == 100
    assert await salon.send() == []
    assert {(kind, status) for kind, status, _ in await salon.outcomes()} == {("reminder", "planned")}
    assert len(await rows(salon, "appointments", "id")) == 100


def passed_over() -> float:
    return PASSED_OVER.labels(APPOINTMENTS.name)._value.get()


async def test_nothing_of_an_erased_client_is_left_and_no_old_record_brings_them_back(salon: Salon) -> None:
    merged = uuid4()
    await salon.receive_states(
        salon.client(name="Grace Hopper", phone="+4930123456", version=2),
        salon.client(id=merged, name="Amazing Grace", email="amazing@example.com", merged_into=salon.client_id),
    )
    custom = salon.snapshot(service_id=None, service_name="", client_id=merged)
    await salon.receive(salon.created(custom), salon.created(salon.snapshot()))
    await salon.receive_appointment_states(custom.model_copy(update={"service_name": "Grace Hopper's wedding"}))
    await salon.request(
        SendMessage(
            actor=Actor(type="user", id="u-1"),
            message_id=uuid4(),
            appointment_id=custom.id,
            client_id=merged,
            channel="email",
            text="Dear Grace Hopper",
        )
    )
    await salon.http.put(f"/v1/clients/{salon.client_id}/preferences", json={"opted_out": ["sms"]})
    await salon.send()
    assert await tables_that_hold(salon, "Grace") >= {"clients", "messages", "appointment_texts"}

    await salon.erase(salon.client_id)
    await salon.receive_states(
        salon.client(name="Grace Hopper", version=2), salon.client(name="Grace Hopper", version=9)
    )
    await salon.receive_states(salon.client(id=merged, name="Amazing Grace", version=9))
    assert await tables_that_hold(salon, "Grace") == set()
    assert await tables_that_hold(salon, "grace@example.com") == set()
    assert await rows(salon, "preferences", "client_id") == []


@pytest.mark.parametrize("recipient", ["client", "staff"])
async def test_a_message_that_is_asked_for_late_keeps_no_text_about_an_erased_client(
    salon: Salon, recipient: str
) -> None:
    booked = salon.snapshot()
    await salon.receive(salon.created(booked))
    await salon.erase(salon.client_id)
    to = {"client_id": salon.client_id} if recipient == "client" else {"resource_id": salon.staff_id}
    await salon.request(
        SendMessage(
            actor=Actor(type="user", id="u-1"),
            message_id=uuid4(),
            appointment_id=booked.id,
            channel="email",
            text="Dear Grace Hopper",
            **to,
        )
    )
    assert await tables_that_hold(salon, "Dear Grace") == set()
    assert ("ad_hoc", "suppressed", "client_erased") in await salon.outcomes()


async def test_a_text_that_staff_were_sent_before_the_appointment_was_known_goes_with_the_client(salon: Salon) -> None:
    booked = salon.snapshot()
    await salon.request(
        SendMessage(
            actor=Actor(type="user", id="u-1"),
            message_id=uuid4(),
            appointment_id=booked.id,
            resource_id=salon.staff_id,
            channel="email",
            text="Grace Hopper comes late",
        )
    )
    await salon.receive(salon.created(booked))
    await salon.erase(salon.client_id)
    assert await tables_that_hold(salon, "comes late") == set()


async def tables_that_hold(salon: Salon, text_: str) -> set[str]:
    """Every table of the database that has `text_` in any column."""
    async with salon.database.system_transaction() as session:
        return {
            name
            for name in metadata.tables
            if (
                await session.execute(
                    text(f"SELECT count(*) FROM {name} t WHERE t::text ILIKE :wanted"), {"wanted": f"%{text_}%"}
                )
            ).scalar_one()
        }


async def test_a_tombstone_and_a_replay_in_one_batch_leave_nothing(salon: Salon) -> None:
    state = _state_event(salon.client(version=5))
    async with salon.database.system_transaction() as session:
        await salon.handlers.on_clients(
            session, [_received(None, str(salon.client_id)), _received(state, str(salon.client_id))]
        )
    assert await rows(salon, "clients", "id") == []


async def test_what_is_settled_is_kept_for_the_retention_time_and_then_deleted(salon: Salon) -> None:
    await salon.http.post("/v1/reminder-rules", json={"minutes_before": 60})
    old, new = salon.snapshot(service_id=None, service_name=""), salon.snapshot()
    await salon.receive(salon.created(old), salon.created(new))
    await salon.receive_appointment_states(old.model_copy(update={"service_name": "Perm"}))
    await salon.send()
    keep_one = f"WHERE appointment_id = '{old.id}'"
    await salon.execute(f"UPDATE messages SET updated_at = now() - interval '800 days' {keep_one}")
    await salon.execute("UPDATE messages SET updated_at = now() WHERE updated_at > now() - interval '700 days'")
    await salon.execute(f"UPDATE appointments SET ends_at = now() - interval '800 days' WHERE id = '{old.id}'")
    await salon.execute(f"UPDATE appointments SET ends_at = now() WHERE id = '{new.id}'")
    await salon.execute("UPDATE reminders SET created_at = now() - interval '800 days'")
    for sweep in sweeps(salon.settings):
        await delete_swept(salon.database, sweep)

    assert await rows(salon, "appointments", "id") == [(new.id,)]
    assert await rows(salon, "appointment_texts", "id") == []
    assert await rows(salon, "reminders", "calendar_uid") == [(new.calendar_uid,)]
    left = {(row["appointment_id"], row["status"]) for row in await salon.ledger()}
    assert left == {(str(old.id), "planned"), (str(new.id), "planned"), (str(new.id), "sent")}
