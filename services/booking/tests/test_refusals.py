"""What a refusal says: the thing that is in the way, by name, and what the caller can do about it."""

from uuid import uuid4

import pytest
from booking_fixtures import Json, Tenant

pytestmark = pytest.mark.service


async def refused(tenant: Tenant, starts_at: str, *, status: int = 409, **more: object) -> Json:
    answer = await tenant.api.post("/v1/appointments", json=tenant.request(starts_at, **more))
    assert answer.status_code == status, answer.text
    problem: Json = answer.json()
    return problem


async def test_a_taken_time_names_the_resource(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    problem = await refused(tenant, tenant.at(9, 15))
    assert (problem["code"], problem["detail"]) == ("slot_taken", "The time of Ada is taken.")


async def test_a_full_group_is_told_from_a_taken_resource(tenant: Tenant) -> None:
    group = await tenant.add_service(name="Yoga", capacity=2)
    members = [await tenant.book(tenant.at(9), service_id=group["id"]) for _ in range(2)]

    full = await refused(tenant, tenant.at(9), service_id=group["id"])
    taken = await refused(tenant, tenant.at(9, 15), service_id=group["id"])

    assert (full["code"], full["detail"]) == ("class_full", "The group with Ada is full: all 2 seats are taken.")
    assert full["reasons"][0]["conflicts_with"] == sorted(member["id"] for member in members)
    assert (taken["code"], taken["detail"]) == ("slot_taken", "The time of Ada is taken.")


async def test_each_of_several_resources_is_named_with_what_speaks_against_it(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    await tenant.open_hours([], owner_id=bob["id"])
    await tenant.book(tenant.at(9))

    problem = await refused(tenant, tenant.at(9), resource_ids=None)

    assert [reason["detail"] for reason in problem["reasons"]] == [
        "At this time Bob does not work.",
        "The time of Ada is taken.",
    ]
    assert problem["detail"] == "At this time Bob does not work. The time of Ada is taken."


async def test_who_cannot_perform_the_service_is_named(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    service = await tenant.add_service(requires=[[tenant.staff[0]["id"]]])
    problem = await refused(tenant, tenant.at(9), service_id=service["id"], resource_ids=[bob["id"]])
    assert problem["detail"] == "The service is not one that Bob can perform."


async def test_a_service_of_another_business_names_the_business_it_belongs_to(tenant: Tenant) -> None:
    north = await tenant.post(
        "/v1/businesses",
        {"name": "Nord", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR"},
        status=201,
    )
    problem = await refused(tenant, tenant.at(9), status=422, business_id=north["id"])
    assert problem["code"] == "unknown_service"
    assert problem["detail"] == (
        f"The service 'Massage' belongs to the business 'Mitte' ({tenant.business['id']}), not to 'Nord'."
    )


async def test_an_archived_entry_is_told_from_one_that_never_was(tenant: Tenant) -> None:
    missing = str(uuid4())
    unknown = await refused(tenant, tenant.at(9), status=422, service_id=missing)
    assert unknown["detail"] == f"There is no service {missing} in this organization."
    await tenant.api.delete(f"/v1/services/{tenant.service['id']}")
    archived = await refused(tenant, tenant.at(9), status=422)
    assert (archived["code"], archived["detail"]) == (
        "unknown_service",
        f"The service 'Massage' ({tenant.service['id']}) is archived: nothing new is booked with it.",
    )


async def test_integrations_are_told_the_scope_that_they_lack(tenant: Tenant) -> None:
    system = await tenant.client_as("integration", scopes=("appointments:book",))
    series = {**tenant.request(tenant.at(9)), "recurrence": {"freq": "weekly", "count": 2}}
    made = (await system.post("/v1/series", json=series)).json()

    forced = await system.post("/v1/appointments", json=tenant.request(tenant.at(9), override={"reason": "now"}))
    stated = await system.post("/v1/appointments", json=tenant.request(tenant.at(9), source="portal"))
    edited = await system.patch(f"/v1/series/{made['id']}", json={"scope": "all", "notes": "x"})

    assert (forced.status_code, forced.json()["required_scopes"]) == (403, ["appointments:override"])
    assert (stated.status_code, stated.json()["required_scopes"]) == (403, ["appointments:source"])
    assert (edited.status_code, edited.json()["required_scopes"]) == (403, ["appointments:write"])
    assert "appointments:override" in forced.json()["detail"]


async def test_an_unescaped_plus_in_a_query_is_named_as_the_likely_cause(tenant: Tenant) -> None:
    answer = await tenant.api.get("/v1/appointments?from=2027-03-02T09:00:00+01:00")
    assert answer.status_code == 422
    assert "%2B" in answer.json()["errors"][0]["detail"]
