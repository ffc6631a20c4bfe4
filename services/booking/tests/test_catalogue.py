"""The catalogue: its entries over HTTP, and what is said of them on Kafka."""

import asyncio
from uuid import uuid4

import pytest
from booking_fixtures import Tenant

from slotstream_contracts.testing import assert_valid_message

ENTRIES = ("businesses", "resources", "services", "actions")


async def test_every_catalogue_and_client_message_is_valid_by_its_closed_schema(tenant: Tenant) -> None:
    await tenant.add_service(
        requires=[[tenant.staff[0]["id"]]],
        price={"amount": "45.00", "currency": "EUR"},
        buffer_after_minutes=10,
        booking_window_days=30,
    )
    client = await tenant.post(
        "/v1/clients", {"name": "Alan", "email": "alan@example.com", "consent": ["email"]}, status=201
    )
    await tenant.post(f"/v1/clients/{client['id']}/merge", {"into": tenant.client["id"]})
    await tenant.post(f"/v1/clients/{client['id']}/erase", status=204)
    await tenant.api.patch(f"/v1/businesses/{tenant.business['id']}", json={"country": "DE", "address": "Unter 1"})
    await tenant.api.delete(f"/v1/services/{tenant.service['id']}")
    published = [
        record
        for record in await tenant.published()
        if record.topic in {"slotstream.catalogue.v1", "slotstream.clients.v1"}
    ]
    assert {record.type for record in published} == {
        "slotstream.business.state",
        "slotstream.resource.state",
        "slotstream.service.state",
        "slotstream.action.state",
        "slotstream.client.state",
    }
    assert any(record.payload is None for record in published)
    for record in published:
        assert_valid_message(record)


async def test_a_service_is_told_as_it_was_given(tenant: Tenant) -> None:
    price = {"amount": "45.00", "currency": "EUR"}
    given = {"price": price, "requires": [[tenant.staff[0]["id"]]], "buffer_before_minutes": 5, "capacity": 3}
    service = await tenant.add_service(name="Yoga", **given)
    assert {name: service[name] for name in given} == given
    assert await tenant.get(f"/v1/services/{service['id']}") == service
    [state] = [record for record in await tenant.outbox() if record["key"] == f"service:{service['id']}"]
    data = state["payload"]["data"]
    assert (data["price"], data["buffer_before_minutes"], data["duration_minutes"]) == (price, 5, 30)


async def test_a_change_names_its_fields_and_leaves_the_others(tenant: Tenant) -> None:
    price = {"amount": "45.00", "currency": "EUR"}
    service = await tenant.add_service(price=price, minimum_notice_minutes=60)
    path = f"/v1/services/{service['id']}"
    changed = (await tenant.api.patch(path, json={"duration_minutes": 45}, headers={"If-Match": '"1"'})).json()
    assert changed == {**service, "duration_minutes": 45, "updated_at": changed["updated_at"], "version": 2}
    cleared = (await tenant.api.patch(path, json={"price": None})).json()
    assert (cleared["price"], cleared["minimum_notice_minutes"]) == (None, 60)
    unchanged = (await tenant.api.patch(path, json={"duration_minutes": 45})).json()
    assert unchanged["version"] == 3, "nothing was changed by it"
    stale = await tenant.api.patch(path, json={"name": "X"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")


async def test_resources_and_services_are_listed_by_business_and_archived_ones_apart(tenant: Tenant) -> None:
    other = await tenant.post(
        "/v1/businesses",
        {"name": "Nord", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR"},
        status=201,
    )
    here = {"business_id": tenant.business["id"]}
    assert {entry["name"] for entry in (await tenant.get("/v1/resources", **here))["items"]} == {"Mitte", "Ada"}
    assert [entry["name"] for entry in (await tenant.get("/v1/resources", business_id=other["id"]))["items"]] == [
        "Nord"
    ]
    assert [entry["id"] for entry in (await tenant.get("/v1/services", **here))["items"]] == [tenant.service["id"]]
    await tenant.api.delete(f"/v1/services/{tenant.service['id']}")
    assert (await tenant.get("/v1/services"))["items"] == []
    archived = (await tenant.get("/v1/services", archived="true"))["items"]
    assert [(entry["id"], entry["archived"]) for entry in archived] == [(tenant.service["id"], True)]


@pytest.mark.parametrize("name", ["call back", "CALL  BACK", "Cáll back"])
async def test_an_action_of_the_same_name_is_refused_whatever_its_case(tenant: Tenant, name: str) -> None:
    known = next(entry for entry in (await tenant.get("/v1/actions"))["items"] if entry["name"] == "Call back")
    answer = await tenant.api.post("/v1/actions", json={"name": name})
    assert (answer.status_code, answer.json()["code"]) == (409, "action_exists")
    assert answer.json()["reasons"][0]["conflicts_with"] == [known["id"]]
    other = await tenant.post("/v1/actions", {"name": "Measure"}, status=201)
    renamed = await tenant.api.patch(f"/v1/actions/{other['id']}", json={"name": name})
    assert (renamed.status_code, renamed.json()["code"]) == (409, "action_exists")
    await tenant.api.delete(f"/v1/actions/{known['id']}")
    await tenant.post("/v1/actions", {"name": name}, status=201)
    back = await tenant.api.patch(f"/v1/actions/{known['id']}", json={"archived": False})
    assert (back.status_code, back.json()["code"]) == (409, "action_exists")


async def test_two_who_add_one_action_at_once_make_one(tenant: Tenant) -> None:
    answers = await asyncio.gather(
        *(tenant.api.post("/v1/actions", json={"name": name}) for name in ("Measure", "measure", "MEASURE"))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_entries_of_another_organization_are_not_found(tenant: Tenant) -> None:
    stranger = await tenant.client_as(organization=uuid4())
    for path in ENTRIES:
        entry = (await tenant.get(f"/v1/{path}"))["items"][0]
        assert (await stranger.get(f"/v1/{path}/{entry['id']}")).status_code == 404
        assert (await stranger.get(f"/v1/{path}")).json()["items"] == []
