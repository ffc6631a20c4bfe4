"""Ids are the keys of topics, so one organization's can never be another's."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from booking_fixtures import Tenant
from sqlalchemy import text

from booking.storage.policies import PolicyCache
from booking.usecases.commands import ReceivedCommand, answer_commands
from slotstream_contracts.base import Actor
from slotstream_contracts.commands import AppointmentRequest, BookAppointment
from slotstream_servicekit.context import Cause

pytestmark = pytest.mark.service

BUSINESS = {"name": "Mitte", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR"}


async def other_organization(tenant: Tenant) -> tuple[UUID, Any]:
    identity = uuid4()
    return identity, await tenant.client_as(organization=identity)


async def request_of_another(tenant: Tenant, api: Any, identity: str) -> dict[str, Any]:
    business = (await api.post("/v1/businesses", json=BUSINESS)).json()
    client = (await api.post("/v1/clients", json={"name": "Alan Turing"})).json()
    return {
        "id": identity,
        "business_id": business["id"],
        "client_id": client["id"],
        "service_name": "Talk",
        "duration_minutes": 30,
        "starts_at": tenant.at(9),
        "override": {"reason": "hours are not set"},
    }


async def test_an_id_of_another_organization_is_refused_and_tells_nothing_of_it(tenant: Tenant) -> None:
    mine = await tenant.book(tenant.at(9))
    _, api = await other_organization(tenant)
    request = await request_of_another(tenant, api, mine["id"])

    refused = await api.post("/v1/appointments", json=request)

    assert (refused.status_code, refused.json()["code"]) == (409, "id_taken")
    assert not refused.json().get("reasons")
    assert str(tenant.organization_id) not in refused.text
    assert len(await tenant.rows("SELECT 1 FROM occupancy")) == 1
    assert (await api.post("/v1/appointments", json={**request, "id": str(uuid4())})).status_code == 201


async def test_the_single_statement_refuses_a_foreign_id_too(tenant: Tenant) -> None:
    mine = await tenant.book(tenant.at(9))
    organization_id, api = await other_organization(tenant)
    request = await request_of_another(tenant, api, mine["id"])
    await tenant.open_hours(organization_id=organization_id, owner_id=request["business_id"])
    request.pop("override")

    refused = await api.post("/v1/appointments", json=request)

    assert (refused.status_code, refused.json()["code"]) == (409, "id_taken")
    assert len(await tenant.rows("SELECT 1 FROM occupancy")) == 1
    assert len(await tenant.rows("SELECT 1 FROM history")) == 1
    booked = await api.post("/v1/appointments", json={**request, "id": str(uuid4())})
    assert booked.status_code == 201, "the slot it tried was given back"


async def test_an_own_id_used_twice_is_refused_and_the_first_keeps_its_time(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    first = await tenant.book(tenant.at(9))

    refused = await tenant.api.post(
        "/v1/appointments", json=tenant.request(tenant.at(11), id=first["id"], resource_ids=[bob["id"]])
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "already_exists")
    [held] = await tenant.rows("SELECT holder_id, resource_id FROM occupancy")
    assert (str(held["holder_id"]), str(held["resource_id"])) == (first["id"], tenant.staff[0]["id"])


@pytest.mark.parametrize("noun", ["businesses", "resources", "services", "actions", "clients"])
async def test_catalogue_and_client_ids_are_taken_once_for_all_organizations(tenant: Tenant, noun: str) -> None:
    _, api = await other_organization(tenant)
    theirs = (await api.post("/v1/businesses", json=BUSINESS)).json()
    bodies: dict[str, tuple[dict[str, Any], str]] = {
        "businesses": (BUSINESS, tenant.business["id"]),
        "resources": ({"name": "Eve", "business_ids": [theirs["id"]]}, tenant.staff[0]["id"]),
        "services": ({"business_id": theirs["id"], "name": "Cut", "duration_minutes": 15}, tenant.service["id"]),
        "actions": ({"name": "Wave"}, (await tenant.get("/v1/actions"))["items"][0]["id"]),
        "clients": ({"name": "Eve"}, tenant.client["id"]),
    }
    body, taken = bodies[noun]

    refused = await api.post(f"/v1/{noun}", json={**body, "id": taken})

    assert (refused.status_code, refused.json()["code"]) == (409, "id_taken")
    assert (await api.post(f"/v1/{noun}", json=body)).status_code == 201


async def hold_of_another(tenant: Tenant) -> tuple[Any, dict[str, Any]]:
    """Another organization's client, and the hold it asks for at the time of the tenant's own."""
    organization_id, api = await other_organization(tenant)
    request = await request_of_another(tenant, api, str(uuid4()))
    await tenant.open_hours(organization_id=organization_id, owner_id=request["business_id"])
    return api, {"business_id": request["business_id"], "starts_at": tenant.at(9), "duration_minutes": 30}


@pytest.mark.parametrize("noun", ["holds", "appointments"])
async def test_a_holds_id_is_taken_once_for_all_organizations(tenant: Tenant, noun: str) -> None:
    hold = {"business_id": tenant.business["id"], "service_id": tenant.service["id"], "starts_at": tenant.at(9)}
    mine = await tenant.post("/v1/holds", hold, status=201) if noun == "holds" else await tenant.book(tenant.at(9))
    api, theirs = await hold_of_another(tenant)

    refused = await api.post("/v1/holds", json={**theirs, "id": mine["id"]})

    assert (refused.status_code, refused.json()["code"]) == (409, "id_taken")
    assert mine["id"] not in refused.text
    assert str(tenant.organization_id) not in refused.text
    assert len(await tenant.rows("SELECT 1 FROM occupancy")) == 1, "the time it tried was given back"
    assert (await api.post("/v1/holds", json=theirs)).status_code == 201


async def test_two_organizations_that_take_one_holds_id_at_once_have_one_hold(tenant: Tenant) -> None:
    hold = {"business_id": tenant.business["id"], "service_id": tenant.service["id"], "starts_at": tenant.at(9)}
    api, theirs = await hold_of_another(tenant)
    ids = [str(uuid4()) for _ in range(10)]

    answers = await asyncio.gather(
        *(
            caller.post("/v1/holds", json={**body, "id": identity, "starts_at": tenant.at(7 + number)})
            for number, identity in enumerate(ids)
            for caller, body in ((tenant.api, hold), (api, theirs))
        )
    )

    assert sorted(answer.status_code for answer in answers) == [*[201] * len(ids), *[409] * len(ids)]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"id_taken"}
    assert len(await tenant.rows("SELECT 1 FROM occupancy")) == len(ids)


async def test_a_command_that_names_a_foreign_id_is_refused_and_its_batch_goes_on(tenant: Tenant) -> None:
    mine = await tenant.book(tenant.at(9))
    organization_id, api = await other_organization(tenant)
    request = await request_of_another(tenant, api, mine["id"])
    await tenant.open_hours(organization_id=organization_id, owner_id=request["business_id"])
    fine = uuid4()
    asked = [
        ReceivedCommand(
            id=uuid4(),
            type=BookAppointment.type,
            organization_id=organization_id,
            key=str(identity),
            sent_at=tenant.now[0],
            command=BookAppointment(
                actor=Actor(type="user", id="u"),
                appointment_id=identity,
                request=AppointmentRequest(
                    business_id=request["business_id"],
                    client_id=request["client_id"],
                    service_name="Talk",
                    duration_minutes=30,
                    starts_at=tenant.at(hour),
                    source="import",
                ),
            ),
            cause=Cause(correlation_id="c"),
        )
        for identity, hour in ((UUID(mine["id"]), 9), (fine, 11))
    ]

    async with tenant.database.system_transaction() as session:
        await answer_commands(session=session, policies=PolicyCache(), commands=asked, now=tenant.now[0])

    results = await tenant.rows("SELECT command_id, type, data FROM command_results")
    said = {row["command_id"]: row for row in results}
    assert said[asked[0].id]["data"]["code"] == "id_taken"
    assert said[asked[1].id]["type"] == "slotstream.command.succeeded"
    async with tenant.database.transaction(organization_id) as session:
        assert (await session.execute(text("SELECT id FROM appointments"))).scalars().all() == [fine]
