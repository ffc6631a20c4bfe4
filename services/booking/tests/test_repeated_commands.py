"""An appointment that several commands name is booked once, and each of them is told so."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from booking_commands import answers_to
from booking_fixtures import Tenant

from slotstream_contracts.base import Actor
from slotstream_contracts.commands import AppointmentRequest, BookAppointment, ClientDetails

SYSTEM = Actor(type="system", id="imports")


def booking_of(tenant: Tenant, appointment_id: UUID, *, hour: int = 10) -> BookAppointment:
    return BookAppointment(
        actor=SYSTEM,
        appointment_id=appointment_id,
        request=AppointmentRequest(
            business_id=tenant.business["id"],
            service_id=tenant.service["id"],
            client=ClientDetails(name="Ada Lovelace", email="ada@example.com"),
            starts_at=tenant.at(hour),
            resource_ids=(tenant.staff[0]["id"],),
            source="import",
        ),
    )


async def test_a_command_for_an_appointment_that_exists_changes_nothing_and_says_so(tenant: Tenant) -> None:
    identity = uuid4()
    [first] = await answers_to(tenant, booking_of(tenant, identity))
    before = (await tenant.rows("SELECT * FROM appointments"), await tenant.rows("SELECT * FROM clients ORDER BY id"))

    [again] = await answers_to(tenant, booking_of(tenant, identity))

    assert (first["outcome"], again["outcome"]) == ("done", "already_done")
    assert again["appointment"] == first["appointment"]
    after = (await tenant.rows("SELECT * FROM appointments"), await tenant.rows("SELECT * FROM clients ORDER BY id"))
    assert after == before


async def test_commands_of_one_batch_that_name_one_appointment_book_it_once(tenant: Tenant) -> None:
    identity = uuid4()

    answers = await answers_to(tenant, booking_of(tenant, identity), booking_of(tenant, identity))

    assert [answer["outcome"] for answer in answers] == ["done", "already_done"]
    assert len(await tenant.rows("SELECT * FROM appointments")) == 1


async def test_another_appointment_at_a_taken_time_is_refused_as_before(tenant: Tenant) -> None:
    await answers_to(tenant, booking_of(tenant, uuid4()))

    [answer] = await answers_to(tenant, booking_of(tenant, uuid4()))

    assert answer["code"] == "slot_taken"


async def test_of_one_batch_whoever_comes_first_has_the_time_unless_it_is_taken_already(tenant: Tenant) -> None:
    def asked(minute: int) -> BookAppointment:
        command = booking_of(tenant, uuid4())
        moved = command.request.model_copy(
            update={"starts_at": datetime.fromisoformat(tenant.at(10)) + timedelta(minutes=minute)}
        )
        return command.model_copy(update={"request": moved})

    length = tenant.service["duration_minutes"]
    await answers_to(tenant, asked(0))

    taken, free, late = await answers_to(tenant, asked(length - 5), asked(length), asked(length + 5))

    assert [taken["code"], free["outcome"], late["code"]] == ["slot_taken", "done", "slot_taken"]
    assert late["reasons"][0]["conflicts_with"] == [free["appointment"]["id"]]
