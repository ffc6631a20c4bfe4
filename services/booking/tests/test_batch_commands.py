"""A command can check or book many appointments: each by itself, answered once with what became of each."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from booking_commands import answers_to, work_through
from booking_fixtures import Tenant
from sqlalchemy import text

from booking.domain.appointments import FIELDS
from booking.storage import bookings
from slotstream_contracts.base import Actor
from slotstream_contracts.commands import (
    AppointmentItem,
    AppointmentRequest,
    BookAppointments,
    CheckAppointments,
    ClientDetails,
    CommandSucceeded,
)

pytestmark = pytest.mark.service

SYSTEM = Actor(type="system", id="imports")
IMPORT = uuid4()


def item(tenant: Tenant, hour: int, *, day: int = 1, identity: UUID | None = None, **requests: Any) -> AppointmentItem:
    wanted = {
        "business_id": tenant.business["id"],
        "service_id": tenant.service["id"],
        "client": ClientDetails(name="Ada Lovelace", email="ada@example.com"),
        "starts_at": tenant.at(hour, day=day),
        "resource_ids": (tenant.staff[0]["id"],),
        "source": "import",
        "batch_id": IMPORT,
    }
    return AppointmentItem(appointment_id=identity or uuid4(), request=AppointmentRequest(**wanted | requests))


def booking(*items: AppointmentItem) -> BookAppointments:
    return BookAppointments(actor=SYSTEM, items=items)


async def results_of(tenant: Tenant, *commands: Any, ids: tuple[UUID, ...] = ()) -> list[CommandSucceeded]:
    return [CommandSucceeded.model_validate(said) for said in await answers_to(tenant, *commands, ids=ids)]


async def booked_ids(tenant: Tenant) -> set[UUID]:
    return {row["id"] for row in await tenant.rows("SELECT id FROM appointments")}


async def test_what_is_booked_with_others_is_written_as_what_is_booked_alone(tenant: Tenant) -> None:
    details = {
        "notes": 'A "quoted" \\ line\nand ünïcødé 🙂',
        "internal_notes": "\t{}[],null",
        "quoted_price": {"amount": "12.50", "currency": "EUR"},
        "origin": {"kind": "booking", "reference_id": "case 7", "url": "https://example.com/7"},
        "location": {"kind": "client_address", "text": "12, Rue de l'Été", "url": None},
        "external_id": "legacy-1",
    }
    alone = item(tenant, 10, **details)
    with_another = item(tenant, 10, day=2, **details | {"external_id": "legacy-2"})
    await results_of(tenant, booking(alone))
    await results_of(tenant, booking(with_another, item(tenant, 11, day=2)))
    rows = {row["id"]: row for row in await tenant.rows("SELECT * FROM appointments")}
    one, other = rows[alone.appointment_id], rows[with_another.appointment_id]
    differ = {name for name in FIELDS if one[name] != other[name]}
    assert differ <= {"id", "starts_at", "ends_at", "calendar_uid", "external_id", "created_at", "updated_at"}
    assert (other["notes"], other["quoted_amount"]) == (details["notes"], Decimal("12.50"))


async def test_what_can_be_booked_is_booked_and_the_rest_refused_with_its_reasons(tenant: Tenant) -> None:
    good, taken, foreign, late = (
        item(tenant, 10),
        item(tenant, 10),
        item(tenant, 12, service_id=uuid4()),
        item(tenant, 11),
    )
    [answer] = await results_of(tenant, booking(good, taken, foreign, late))

    assert [entry.appointment_id for entry in answer.items] == [
        other.appointment_id for other in (good, taken, foreign, late)
    ]
    assert [entry.outcome for entry in answer.items] == ["done", "refused", "refused", "done"]
    assert [reason.code for reason in answer.items[1].reasons] == ["slot_taken"]
    assert answer.items[1].reasons[0].conflicts_with == (str(good.appointment_id),)
    assert (answer.items[1].code, answer.items[2].code) == ("slot_taken", "unknown_service")
    assert (answer.affected, answer.batch_id, answer.appointment_id) == (2, IMPORT, None)
    assert await booked_ids(tenant) == {good.appointment_id, late.appointment_id}


async def test_every_appointment_of_a_batch_has_its_history_and_its_events(tenant: Tenant) -> None:
    items = [item(tenant, 9), item(tenant, 10)]
    command_id = uuid4()
    await results_of(tenant, booking(*items), ids=(command_id,))

    for each_item in items:
        history = (await tenant.get(f"/v1/appointments/{each_item.appointment_id}/history"))["items"]
        assert [entry["verb"] for entry in history] == ["create"]
        assert history[0]["actor"]["id"] == "imports"
    events = [record for record in await tenant.outbox() if record["type"] == "slotstream.appointment.created"]
    assert {event["key"] for event in events} == {str(entry.appointment_id) for entry in items}
    assert {event["payload"]["causationid"] for event in events} == {str(command_id)}


async def test_a_batch_that_comes_twice_is_answered_twice_and_done_once(tenant: Tenant) -> None:
    command_id, batch = uuid4(), booking(item(tenant, 10), item(tenant, 10))
    [first] = await results_of(tenant, batch, ids=(command_id,))
    before = await tenant.rows("SELECT * FROM appointments")

    [again] = await results_of(tenant, batch, ids=(command_id,))

    assert again == first
    assert await tenant.rows("SELECT * FROM appointments") == before


async def test_an_appointment_that_another_command_booked_is_said_to_be_done_already(tenant: Tenant) -> None:
    known, new = item(tenant, 10), item(tenant, 11)
    await results_of(tenant, booking(known))

    [answer] = await results_of(tenant, booking(new, known))

    assert [(entry.appointment_id, entry.outcome) for entry in answer.items] == [
        (new.appointment_id, "done"),
        (known.appointment_id, "already_done"),
    ]
    assert answer.affected == 1


async def test_items_that_name_one_appointment_book_it_once_and_each_is_told(tenant: Tenant) -> None:
    identity = uuid4()

    first, second = await results_of(
        tenant,
        booking(item(tenant, 10, identity=identity), item(tenant, 10, identity=identity)),
        booking(item(tenant, 10, identity=identity)),
    )

    assert [entry.outcome for entry in first.items] == ["done", "already_done"]
    assert [entry.outcome for entry in second.items] == ["already_done"]
    assert await booked_ids(tenant) == {identity}


async def test_what_many_have_in_common_and_what_only_some_have_is_kept_of_each(tenant: Tenant) -> None:
    """What all of a batch have is given to the statement once, what some have for each."""
    items = [
        item(tenant, 9, notes="all", internal_notes="some", quoted_price={"amount": "10.0", "currency": "EUR"}),
        item(tenant, 10, notes="all", quoted_price={"amount": "10.00", "currency": "EUR"}),
        item(tenant, 11, notes="all", internal_notes="some", quoted_price={"amount": "10.0", "currency": "EUR"}),
    ]
    await results_of(tenant, booking(*items))
    rows = await tenant.rows("SELECT * FROM appointments ORDER BY starts_at")
    assert [row["id"] for row in rows] == [entry.appointment_id for entry in items]
    assert [row["notes"] for row in rows] == ["all", "all", "all"]
    assert [row["internal_notes"] for row in rows] == ["some", None, "some"]
    assert [str(row["quoted_amount"]) for row in rows] == ["10.0", "10.00", "10.0"]
    assert {row["batch_id"] for row in rows} == {IMPORT}


async def test_a_check_of_many_changes_nothing_and_tells_of_each_by_itself(tenant: Tenant) -> None:
    await results_of(tenant, booking(item(tenant, 10)))
    before = (await booked_ids(tenant), len(await tenant.rows("SELECT * FROM clients")))

    free, twin, taken = item(tenant, 12), item(tenant, 12), item(tenant, 10)
    [answer] = await results_of(tenant, CheckAppointments(actor=SYSTEM, items=(free, twin, taken)))

    # Checked each by itself: what the others of the file would take is the asker's to see.
    assert [entry.outcome for entry in answer.items] == ["bookable", "bookable", "refused"]
    assert [reason.code for reason in answer.items[2].reasons] == ["slot_taken"]
    assert answer.affected == 0
    assert (await booked_ids(tenant), len(await tenant.rows("SELECT * FROM clients"))) == before


async def test_a_batch_reads_no_more_of_a_book_that_statistics_take_for_a_small_one(tenant: Tenant) -> None:
    await answers_to(tenant, booking(item(tenant, 9, day=1)))
    await tenant.analyse()

    async with tenant.database.system_transaction() as session:
        for week in range(1, 13):
            items = [item(tenant, hour, day=7 * week + day) for day in range(1, 8) for hour in range(9, 17)]
            await work_through(session, tenant, [booking(*items)])
        read = await session.scalar(
            text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'appointments'")
        )
        booked = await session.scalar(text("SELECT count(*) FROM appointments"))
    assert booked > 600
    assert read < booked


async def test_two_batches_that_want_the_same_slots_in_opposite_orders_never_block_each_other(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bookings, "ROWS_PER_STATEMENT", 5)
    known = {"client": None, "client_id": tenant.client["id"]}
    slots = [(hour, known | {"resource_ids": (staff["id"],)}) for hour in range(9, 17) for staff in tenant.staff[:2]]

    async def book(wanted: list[tuple[int, dict[str, Any]]], day: int) -> None:
        async with tenant.database.system_transaction() as session:
            await work_through(
                session, tenant, [booking(*(item(tenant, hour, day=day, **who) for hour, who in wanted))]
            )

    for day in range(1, 6):
        await asyncio.gather(book(slots, day), book(slots[::-1], day))

    assert len(await booked_ids(tenant)) == 5 * len(slots)


async def test_a_check_that_leaves_a_choice_tells_who_is_free(tenant: Tenant) -> None:
    grace = await tenant.add_staff("Grace")
    anybody = UUID((await tenant.add_service(name="Anybody", duration_minutes=30))["id"])
    choice = {"service_id": anybody, "resource_ids": None}
    [before] = await results_of(tenant, CheckAppointments(actor=SYSTEM, items=(item(tenant, 10, **choice),)))
    assert len(before.items[0].free_resource_ids) > 1
    assert UUID(grace["id"]) in before.items[0].free_resource_ids

    taken = before.items[0].free_resource_ids[0]
    await results_of(tenant, booking(item(tenant, 10, service_id=anybody, resource_ids=(taken,))))
    [after] = await results_of(tenant, CheckAppointments(actor=SYSTEM, items=(item(tenant, 10, **choice),)))
    assert set(after.items[0].free_resource_ids) == set(before.items[0].free_resource_ids) - {taken}
