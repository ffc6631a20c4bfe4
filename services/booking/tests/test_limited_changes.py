"""What a limited caller books, changes and shares, and what of it is refused."""

from uuid import uuid4

import pytest
from booking_fixtures import Json, Tenant
from limited_callers import BULK, limited_client, outside_of
from series_requests import MONDAYS, series_request

from booking import worker
from booking.storage.policies import PolicyCache

pytestmark = pytest.mark.service


async def test_a_taken_slot_is_refused_to_a_limited_caller_as_to_others(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    limited = await limited_client(tenant, "calendar")
    answer = await limited.post("/v1/appointments", json=tenant.request(tenant.at(9)))
    assert (answer.status_code, answer.json()["code"]) == (409, "slot_taken")


async def test_a_staff_member_who_names_nobody_books_for_themselves(tenant: Tenant) -> None:
    """Least loaded would be Bob."""
    await tenant.add_staff("Bob")
    await tenant.book(tenant.at(12))
    limited = await limited_client(tenant, "calendar")
    for path, body in (
        ("/v1/appointments", tenant.request(tenant.at(9), resource_ids=None)),
        ("/v1/series", series_request(tenant, {**MONDAYS, "count": 2}, resource_ids=None)),
    ):
        answer = await limited.post(path, json={name: value for name, value in body.items() if value is not None})
        assert answer.status_code == 201, answer.text
    items = (await limited.get("/v1/appointments")).json()["items"]
    assert len(items) == 4
    assert {resource["id"] for item in items for resource in item["resources"]} == {tenant.staff[0]["id"]}


async def test_an_appointment_cannot_be_given_to_another_calendar(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    booked = await tenant.book(tenant.at(9))
    limited = await limited_client(tenant, "calendar")
    for answer in (
        await limited.patch(f"/v1/appointments/{booked['id']}", json={"resource_ids": [bob["id"]]}),
        await limited.post(
            f"/v1/appointments/{booked['id']}/reschedule",
            json={"starts_at": tenant.at(10), "resource_ids": [bob["id"]]},
        ),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "outside_your_calendar")
    assert (await tenant.get(f"/v1/appointments/{booked['id']}"))["version"] == booked["version"]


async def test_nobody_of_another_business_is_booked_not_even_by_override(tenant: Tenant) -> None:
    outside = await outside_of(tenant, "businesses")
    answer = await outside.limited.post(
        "/v1/appointments",
        json=tenant.request(tenant.at(9), resource_ids=[outside.staff["id"]], override={"reason": "I can"}),
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "outside_your_businesses")


async def test_a_service_of_another_business_is_not_even_named(tenant: Tenant) -> None:
    outside = await outside_of(tenant, "businesses")
    unknown = tenant.request(tenant.at(9), service_id=str(uuid4()))
    foreign = tenant.request(tenant.at(9), service_id=outside.service["id"])
    answers = [(await outside.limited.post("/v1/appointments", json=body)).json() for body in (unknown, foreign)]
    assert [(answer["code"], answer["detail"]) for answer in answers] == [
        ("outside_your_businesses", "You are limited to other businesses than this service's.")
    ] * 2


async def test_an_id_that_is_taken_elsewhere_is_refused_and_not_told_apart(tenant: Tenant) -> None:
    outside = await outside_of(tenant, "businesses")
    body = tenant.request(tenant.at(9), id=outside.appointment["id"])
    answer = await outside.limited.post("/v1/appointments", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")


async def test_a_shared_resource_is_seen_by_each_business_and_changed_by_who_has_all(tenant: Tenant) -> None:
    outside = await outside_of(tenant, "businesses")
    both = [tenant.business["id"], outside.business["id"]]
    shared = await tenant.post("/v1/resources", {"name": "Floater", "business_ids": both}, status=201)
    seen = await outside.limited.get(f"/v1/resources/{shared['id']}")
    assert seen.json()["business_ids"] == [tenant.business["id"]]
    refused = await outside.limited.patch(f"/v1/resources/{shared['id']}", json={"name": "Mine"})
    assert (refused.status_code, refused.json()["code"]) == (403, "outside_your_businesses")
    has_both = await tenant.client_as("manager", claims={"businesses": both})
    assert (await has_both.patch(f"/v1/resources/{shared['id']}", json={"name": "Ours"})).status_code == 200


async def test_a_resource_is_not_pulled_out_of_another_business_nor_lent_to_one(tenant: Tenant) -> None:
    outside = await outside_of(tenant, "businesses")
    own = tenant.staff[0]["id"]
    lent = await outside.limited.patch(
        f"/v1/resources/{own}", json={"business_ids": [tenant.business["id"], outside.business["id"]]}
    )
    assert (lent.status_code, lent.json()["code"]) == (403, "outside_your_businesses")


async def test_the_time_of_a_shared_resource_is_taken_for_all_its_businesses(tenant: Tenant) -> None:
    outside = await outside_of(tenant, "businesses")
    both = [tenant.business["id"], outside.business["id"]]
    shared = await tenant.post("/v1/resources", {"name": "Floater", "business_ids": both}, status=201)
    there = {"business_id": outside.business["id"], "service_id": outside.service["id"]}
    await tenant.book(tenant.at(9, day=5), **there, resource_ids=[shared["id"]])
    answer = await outside.limited.post(
        "/v1/appointments", json=tenant.request(tenant.at(9, day=5), resource_ids=[shared["id"]])
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "slot_taken")


async def test_a_client_page_counts_only_what_the_caller_sees(tenant: Tenant) -> None:
    outside = await outside_of(tenant, "businesses")
    own = await tenant.book(tenant.at(20, day=9), client_id=outside.client["id"])
    page = (await outside.limited.get(f"/v1/clients/{outside.client['id']}")).json()
    assert page["appointments"] == {"scheduled": 1}
    assert page["nearest_appointment"]["id"] == own["id"]


async def test_a_client_who_is_seen_whole_is_merged_and_erased(tenant: Tenant) -> None:
    limited = await limited_client(tenant, "businesses")
    await tenant.book(tenant.at(9))
    twin = (await limited.post("/v1/clients", json={"name": "Grace H.", "phone": "+49 30 901829"})).json()
    merged = await limited.post(f"/v1/clients/{twin['id']}/merge", json={"into": tenant.client["id"]})
    assert merged.status_code == 200, merged.text
    erased = await limited.post(f"/v1/clients/{tenant.client['id']}/erase", json={"open_appointments": "cancel"})
    assert erased.status_code == 204, erased.text


async def test_an_action_is_not_added_to_the_organizations_list_in_passing(tenant: Tenant) -> None:
    limited = await limited_client(tenant, "businesses")
    body = tenant.request(tenant.at(9), action_name="Juggle")
    answer = await limited.post("/v1/appointments", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "organization_wide")
    assert (await limited.post("/v1/appointments", json={**body, "action_name": "call back"})).status_code == 201


async def test_a_long_order_is_done_within_the_limits_of_who_gave_it(tenant: Tenant) -> None:
    """An appointment that is moved to another calendar between order and work is left alone."""
    bob = await tenant.add_staff("Bob")
    own, lost = await tenant.book(tenant.at(9)), await tenant.book(tenant.at(10))
    limited = await limited_client(tenant, "calendar")
    ids = [own["id"], lost["id"], *(str(uuid4()) for _ in range(200))]
    order = await limited.post(BULK, json={"verb": "complete", "ids": ids})
    assert order.status_code == 202, order.text
    answer = await tenant.api.patch(f"/v1/appointments/{lost['id']}", json={"resource_ids": [bob["id"]]})
    assert answer.status_code == 200, answer.text
    while await worker.do_one_portion(tenant.database, PolicyCache(), lambda: tenant.now[0]):
        pass
    progress = (await limited.get(f"/v1/bulk/{order.json()['id']}")).json()
    assert (progress["succeeded"], progress["refused"]) == (1, 201)
    assert (await tenant.get(f"/v1/appointments/{lost['id']}"))["status"] == "scheduled"


@pytest.mark.parametrize("change", [{"notes": "new"}, {"local_time": "15:00"}])
async def test_a_series_of_which_a_date_is_in_another_calendar_is_not_half_changed(
    tenant: Tenant, change: Json
) -> None:
    bob = await tenant.add_staff("Bob")
    series = await tenant.post("/v1/series", series_request(tenant, {**MONDAYS, "count": 3}), status=201)
    given = series["occurrences"][1]["appointment_id"]
    answer = await tenant.api.patch(f"/v1/appointments/{given}", json={"resource_ids": [bob["id"]]})
    assert answer.status_code == 200, answer.text
    limited = await limited_client(tenant, "calendar")
    refused = await limited.patch(f"/v1/series/{series['id']}", json={"scope": "all", **change})
    assert (refused.status_code, refused.json()["code"]) == (403, "outside_your_calendar")
    cancelled = await limited.post(f"/v1/series/{series['id']}/cancel", json={"scope": "all", "reason": "x"})
    assert (cancelled.status_code, cancelled.json()["code"]) == (403, "outside_your_calendar")
    assert {row["status"] for row in await tenant.rows("SELECT status FROM appointments")} == {"scheduled"}
