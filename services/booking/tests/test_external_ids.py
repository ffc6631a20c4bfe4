"""An id of another system belongs to one appointment of a business and source."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from booking_commands import answers_to
from booking_fixtures import Json, Tenant

from slotstream_contracts.base import Actor
from slotstream_contracts.commands import (
    AppointmentItem,
    AppointmentRequest,
    BookAppointment,
    BookAppointments,
    CheckAppointment,
)

pytestmark = pytest.mark.service

PERSON = Actor(type="user", id="somebody")


def imported(tenant: Tenant, hour: int, external_id: str, **more: Any) -> AppointmentRequest:
    return AppointmentRequest(
        business_id=tenant.business["id"],
        service_id=tenant.service["id"],
        client_id=tenant.client["id"],
        starts_at=tenant.at(hour),
        source="import",
        external_id=external_id,
        **more,
    )


async def again(tenant: Tenant, hour: int, *, status: int = 409, **more: Any) -> Json:
    answer = await tenant.api.post(
        "/v1/appointments", json=tenant.request(tenant.at(hour), external_id="crm-7", **more)
    )
    assert answer.status_code == status, answer.text
    problem: Json = answer.json()
    return problem


async def test_a_second_appointment_of_one_external_id_is_refused_with_the_first(tenant: Tenant) -> None:
    first = await tenant.book(tenant.at(9), external_id="crm-7")

    problem = await again(tenant, 11)

    assert (problem["code"], problem["existing_id"]) == ("external_id_taken", first["id"])
    assert problem["reasons"][0]["conflicts_with"] == [first["id"]]
    assert "crm-7" in problem["detail"]
    assert first["id"] in problem["detail"]
    await tenant.book(tenant.at(11))


async def test_an_external_id_is_of_one_business_and_source(tenant: Tenant) -> None:
    north = await tenant.post(
        "/v1/businesses",
        {"name": "Nord", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR"},
        status=201,
    )
    await tenant.book(tenant.at(9), external_id="crm-7")
    system = await tenant.client_as("integration", scopes=("appointments:book",))

    elsewhere = tenant.request(
        tenant.at(9),
        external_id="crm-7",
        business_id=north["id"],
        service_id=None,
        service_name="Talk",
        duration_minutes=30,
        resource_ids=None,
        override={"reason": "no hours yet"},
    )
    assert (await tenant.api.post("/v1/appointments", json=elsewhere)).status_code == 201
    by_api = await system.post("/v1/appointments", json=tenant.request(tenant.at(11), external_id="crm-7"))
    assert by_api.status_code == 201, by_api.text
    assert by_api.json()["source"] == "api"


async def test_an_external_id_of_another_organization_is_free(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9), external_id="crm-7")
    stranger = await tenant.client_as(organization=uuid4())
    business = {"name": "Mitte", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR"}
    answer = await stranger.post(
        "/v1/appointments",
        json={
            "business_id": (await stranger.post("/v1/businesses", json=business)).json()["id"],
            "client": {"name": "Alan"},
            "service_name": "Talk",
            "duration_minutes": 30,
            "starts_at": tenant.at(9),
            "external_id": "crm-7",
            "override": {"reason": "no hours yet"},
        },
    )
    assert answer.status_code == 201, answer.text


async def test_of_ten_at_once_one_gets_the_external_id(tenant: Tenant) -> None:
    answers = await asyncio.gather(
        *(
            tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(8 + number), external_id="crm-7"))
            for number in range(10)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    [booked] = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert {answer.json()["existing_id"] for answer in answers if answer.status_code == 409} == {booked}


async def test_a_moved_appointment_takes_its_external_id_along(tenant: Tenant) -> None:
    first = await tenant.book(tenant.at(9), external_id="crm-7")
    moved = await tenant.post(f"/v1/appointments/{first['id']}/reschedule", {"starts_at": tenant.at(11)}, status=201)

    assert moved["appointment"]["external_id"] == "crm-7"
    assert (await again(tenant, 14))["existing_id"] == moved["appointment"]["id"]


async def test_cancelling_sets_the_external_id_free_and_reopening_wants_it_back(tenant: Tenant) -> None:
    first = await tenant.book(tenant.at(9), external_id="crm-7")
    await tenant.post(f"/v1/appointments/{first['id']}/cancel", {"reason": "ill"})
    second = await again(tenant, 11, status=201)

    answer = await tenant.api.post(f"/v1/appointments/{first['id']}/reopen")
    assert (answer.status_code, answer.json()["code"]) == (409, "external_id_taken")
    assert answer.json()["existing_id"] == second["id"]

    await tenant.post(f"/v1/appointments/{second['id']}/cancel", {"reason": "ill"})
    assert (await tenant.post(f"/v1/appointments/{first['id']}/reopen"))["status"] == "scheduled"


async def test_an_import_that_comes_again_books_nothing_twice(tenant: Tenant) -> None:
    identity = uuid4()
    command = BookAppointment(actor=PERSON, appointment_id=identity, request=imported(tenant, 9, "row-1"))
    [first] = await answers_to(tenant, command)
    [second] = await answers_to(tenant, command)
    [other] = await answers_to(
        tenant, BookAppointment(actor=PERSON, appointment_id=uuid4(), request=imported(tenant, 11, "row-1"))
    )
    [checked] = await answers_to(tenant, CheckAppointment(actor=PERSON, request=imported(tenant, 11, "row-1")))

    assert (first["outcome"], second["outcome"]) == ("done", "already_done")
    assert (other["code"], other["reasons"][0]["conflicts_with"]) == ("external_id_taken", [str(identity)])
    assert checked["code"] == "external_id_taken"


async def test_of_two_rows_of_one_batch_with_one_external_id_the_first_that_can_be_booked_has_it(
    tenant: Tenant,
) -> None:
    await tenant.book(tenant.at(9))
    ids = [uuid4() for _ in range(4)]
    staff = (tenant.staff[0]["id"],)
    [answer] = await answers_to(
        tenant,
        BookAppointments(
            actor=PERSON,
            batch_id=uuid4(),
            items=tuple(
                AppointmentItem(appointment_id=identity, request=imported(tenant, hour, "row-1", resource_ids=staff))
                for identity, hour in zip(ids, (9, 11, 13, 15), strict=True)
            ),
        ),
    )
    outcomes = [(item["outcome"], item.get("code")) for item in answer["items"]]
    assert outcomes == [
        ("refused", "slot_taken"),
        ("done", None),
        ("refused", "external_id_taken"),
        ("refused", "external_id_taken"),
    ]
    assert answer["items"][2]["reasons"][0]["conflicts_with"] == [str(ids[1])]
