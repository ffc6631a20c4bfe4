"""A command that comes late, sent back from a dead letter perhaps, brings back nobody who was erased since."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from booking_commands import answers_to
from booking_fixtures import NOW, Json, Tenant

from booking.domain.erasure import COMMAND_LIFETIME, MARKS_LIFETIME
from booking.worker import SWEEPS
from slotstream_contracts.base import Actor
from slotstream_contracts.commands import (
    AppointmentItem,
    AppointmentRequest,
    BookAppointment,
    BookAppointments,
    CancelAppointment,
    ClientDetails,
)
from slotstream_contracts.topics import BOOKING_COMMANDS, dead_letter_topic
from slotstream_servicekit.housekeeping import delete_swept
from slotstream_servicekit.topics import topic_configuration

pytestmark = pytest.mark.service

SYSTEM = Actor(type="system", id="imports")
BEFORE = NOW - timedelta(hours=1)


def wanted(tenant: Tenant, hour: int, **client: Any) -> AppointmentRequest:
    return AppointmentRequest(
        business_id=tenant.business["id"],
        service_id=tenant.service["id"],
        client=ClientDetails(**client),
        starts_at=tenant.at(hour),
        source="import",
    )


def a_booking(tenant: Tenant, **client: Any) -> BookAppointment:
    return BookAppointment(actor=SYSTEM, appointment_id=uuid4(), request=wanted(tenant, 9, **client))


async def erased(tenant: Tenant, **client: Any) -> Json:
    made: Json = await tenant.post("/v1/clients", client, status=201)
    await tenant.post(f"/v1/clients/{made['id']}/erase", status=204)
    return made


async def names(tenant: Tenant) -> set[str]:
    return {row["name"] for row in await tenant.rows("SELECT name FROM clients WHERE NOT erased")} - {
        tenant.client["name"]
    }


@pytest.mark.parametrize(
    "client",
    [
        {"name": "Z.", "phone": "030 901821"},
        {"name": "Z.", "phone": "+49 30 901821", "email": "other@example.com"},
        {"name": "Z.", "email": " ZUSE@example.com"},
        {"name": "konrad zuse"},
    ],
    ids=["national phone", "phone", "email", "name"],
)
async def test_an_erased_person_is_known_by_phone_and_email_and_where_there_is_neither_by_name(
    tenant: Tenant, client: Json
) -> None:
    await erased(tenant, name="Konrad Zuse", phone="+49 30 901821", email="zuse@example.com")
    [answer] = await answers_to(tenant, a_booking(tenant, **client), sent_at=BEFORE)
    assert answer["code"] == "client_erased"
    assert await names(tenant) == set()


async def test_whoever_comes_again_after_the_erase_is_booked(tenant: Tenant) -> None:
    person = {"name": "Konrad Zuse", "phone": "+4930901821"}
    await erased(tenant, **person)
    tenant.now[0] += timedelta(minutes=2)
    [answer] = await answers_to(tenant, a_booking(tenant, **person))
    assert (answer.get("code"), answer["outcome"]) == (None, "done")


@pytest.mark.parametrize("client", [{"name": "Konrad Zuse", "phone": "+4930901822"}, {"name": "Ada Lovelace"}])
async def test_a_late_command_for_somebody_else_is_done(tenant: Tenant, client: Json) -> None:
    await erased(tenant, name="Konrad Zuse", phone="+4930901821")
    [answer] = await answers_to(tenant, a_booking(tenant, **client), sent_at=BEFORE)
    assert answer["outcome"] == "done"


async def test_another_organization_s_erase_refuses_nothing_here(tenant: Tenant) -> None:
    stranger = await tenant.client_as(organization=uuid4())
    made = (await stranger.post("/v1/clients", json={"name": "Konrad Zuse", "phone": "+4930901821"})).json()
    assert (await stranger.post(f"/v1/clients/{made['id']}/erase")).status_code == 204
    [answer] = await answers_to(tenant, a_booking(tenant, name="Z", phone="+4930901821"), sent_at=BEFORE)
    assert answer["outcome"] == "done"


async def test_of_a_late_batch_only_the_erased_person_s_items_are_refused(tenant: Tenant) -> None:
    await erased(tenant, name="Konrad Zuse", phone="+4930901821")
    clients = ({"name": "Z.", "phone": "+4930901821"}, {"name": "Ada Lovelace", "phone": "+4930901822"})
    items = tuple(
        AppointmentItem(appointment_id=uuid4(), request=wanted(tenant, 9 + number, **client))
        for number, client in enumerate(clients)
    )
    [answer] = await answers_to(tenant, BookAppointments(actor=SYSTEM, items=items), sent_at=BEFORE)
    assert [(item["outcome"], item.get("code")) for item in answer["items"]] == [
        ("refused", "client_erased"),
        ("done", None),
    ]


async def test_a_late_command_writes_no_text_about_an_erased_person_s_appointment(tenant: Tenant) -> None:
    person = await tenant.post("/v1/clients", {"name": "Konrad Zuse"}, status=201)
    booked = await tenant.book(tenant.at(9), client_id=person["id"])
    tenant.now[0] += timedelta(days=3)
    await tenant.post(f"/v1/clients/{person['id']}/erase", status=204)
    cancel = CancelAppointment(actor=SYSTEM, appointment_id=UUID(booked["id"]), reason="Zuse is ill")
    [answer] = await answers_to(tenant, cancel, sent_at=BEFORE)
    assert answer["code"] == "client_erased"
    assert await tenant.rows("SELECT 1 FROM history WHERE reason LIKE '%Zuse%'") == []


async def test_a_command_is_not_done_after_digests_of_the_erased_may_be_gone(tenant: Tenant) -> None:
    [answer] = await answers_to(tenant, a_booking(tenant, name="Ada"), sent_at=NOW - COMMAND_LIFETIME - timedelta(1))
    assert answer["code"] == "command_expired"
    assert await names(tenant) == set()


def test_commands_live_longer_than_topics_keep_them_and_digests_longer_than_commands() -> None:
    kept = [topic_configuration(topic) for topic in (BOOKING_COMMANDS, dead_letter_topic("booking"))]
    longest = sum(int(each["retention.ms"]) + int(each["segment.ms"]) for each in kept)
    assert timedelta(milliseconds=longest) <= COMMAND_LIFETIME < MARKS_LIFETIME


async def test_digests_of_the_erased_are_swept_away(tenant: Tenant) -> None:
    await erased(tenant, name="Konrad Zuse", phone="+4930901821")
    [sweep] = [sweep for sweep in SWEEPS if sweep.table == "erased_people"]
    await tenant.rows("UPDATE erased_people SET erased_at = now() - interval '10 days' RETURNING 1")
    assert await delete_swept(tenant.database, sweep) == 0
    await tenant.rows("UPDATE erased_people SET erased_at = now() - interval '12 days' RETURNING 1")
    assert await delete_swept(tenant.database, sweep) == 2
