import asyncio
from datetime import datetime
from uuid import uuid4

import pytest
from booking_fixtures import Json, Tenant

pytestmark = pytest.mark.service


async def test_a_free_slot_is_booked_and_everything_about_it_exists(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9), notes="window seat", internal_notes="VIP")

    assert booked["status"] == "scheduled"
    assert booked["version"] == 1
    assert booked["resources"] == [{"id": tenant.staff[0]["id"], "kind": "staff", "name": "Ada", "seat": 0}]
    [history] = (await tenant.get(f"/v1/appointments/{booked['id']}/history"))["items"]
    assert (history["verb"], history["actor"]["type"]) == ("create", "user")
    messages = [record for record in await tenant.outbox() if record["key"] == booked["id"]]
    assert [message["type"] for message in messages] == [
        "slotstream.appointment.created",
        "slotstream.appointment.state",
    ]
    assert "window seat" not in str(messages)


async def test_a_taken_slot_is_refused_with_who_takes_it(tenant: Tenant) -> None:
    first = await tenant.book(tenant.at(9))

    answer = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9, 15)))

    assert answer.status_code == 409
    problem = answer.json()
    assert problem["code"] == "slot_taken"
    assert problem["reasons"] == [
        {"code": "slot_taken", "detail": "The time of Ada is taken.", "conflicts_with": [first["id"]]}
    ]


async def test_a_refusal_carries_all_the_reasons(tenant: Tenant) -> None:
    strict = await tenant.add_service(minimum_notice_minutes=60 * 24 * 30)
    first = await tenant.book(tenant.at(4, 30), override={"reason": "early bird"})

    answer = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(4, 30), service_id=strict["id"]))

    codes = [reason["code"] for reason in answer.json()["reasons"]]
    assert codes == ["too_short_notice", "outside_working_hours", "slot_taken"]
    assert answer.json()["reasons"][2]["conflicts_with"] == [first["id"]]


async def test_of_32_clients_racing_for_one_slot_one_wins(tenant: Tenant) -> None:
    answers = await asyncio.gather(
        *(tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9))) for _ in range(32))
    )

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] + [409] * 31
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"slot_taken"}
    [count] = await tenant.rows("SELECT count(*) AS n FROM appointments")
    assert count["n"] == 1


async def test_parallel_duplicates_with_one_key_have_one_effect_and_one_answer(tenant: Tenant) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = await asyncio.gather(
        *(tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9)), headers=headers) for _ in range(12))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


async def test_a_key_used_for_another_request_is_refused(tenant: Tenant) -> None:
    headers = {"Idempotency-Key": "k"}
    await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9)), headers=headers)

    answer = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(11)), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    [count] = await tenant.rows("SELECT count(*) AS n FROM appointments")
    assert count["n"] == 1


async def test_a_refusal_is_the_keys_answer_too(tenant: Tenant) -> None:
    first = await tenant.book(tenant.at(9))
    headers = {"Idempotency-Key": "k"}
    refused = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9)), headers=headers)
    await tenant.post(f"/v1/appointments/{first['id']}/cancel", {"reason": "ill"})

    again = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9)), headers=headers)

    assert refused.status_code == again.status_code == 409
    assert again.headers["idempotency-replayed"] == "true"


async def test_without_a_named_resource_the_least_loaded_one_is_assigned(tenant: Tenant) -> None:
    await tenant.add_staff("Bob")
    first = await tenant.book(tenant.at(9), resource_ids=None)
    second = await tenant.book(tenant.at(9), resource_ids=None)
    third = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9), resource_ids=None))

    assert {first["resources"][0]["name"], second["resources"][0]["name"]} == {"Ada", "Bob"}
    assert third.status_code == 409
    assert third.json()["code"] == "slot_taken"


async def test_a_business_without_staff_is_its_own_resource(tenant: Tenant) -> None:
    other = await tenant.post(
        "/v1/businesses",
        {"name": "Solo", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR"},
        status=201,
    )
    service = await tenant.add_service(business_id=other["id"])
    tenant.business = other
    await tenant.open_hours()

    booked = await tenant.book(tenant.at(9), business_id=other["id"], service_id=service["id"], resource_ids=None)

    assert [resource["kind"] for resource in booked["resources"]] == ["business"]


@pytest.mark.parametrize("email", ["new@example.com", None])
async def test_a_client_given_by_details_is_booked_for_a_business_that_is_newer_than_what_the_process_has_read(
    tenant: Tenant, email: str | None
) -> None:
    await tenant.book(tenant.at(9))
    tenant.business = await tenant.post(
        "/v1/businesses",
        {"name": "Paris", "zone": "Europe/Paris", "phone_region": "FR", "currency": "EUR"},
        status=201,
    )
    service = await tenant.add_service()
    await tenant.open_hours()

    booked = await tenant.book(
        tenant.at(9),
        client_id=None,
        client={"name": "Marie Curie", "phone": "01 42 68 53 00", "email": email},
        service_id=service["id"],
        resource_ids=None,
    )
    unknown = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9), business_id=str(uuid4())))

    client = await tenant.get(f"/v1/clients/{booked['client_id']}")
    assert client["phone"] == "+33142685300"
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_business")


@pytest.mark.parametrize("more", [{}, {"action_name": "Call back"}])
async def test_a_phone_number_is_read_by_the_region_that_the_business_has_now(tenant: Tenant, more: Json) -> None:
    await tenant.book(tenant.at(9))
    path = f"/v1/businesses/{tenant.business['id']}"
    assert (await tenant.api.patch(path, json={"phone_region": "FR"})).status_code == 200

    request = tenant.request(
        tenant.at(11), client_id=None, client={"name": "Marie Curie", "phone": "01 42 68 53 00"}, **more
    )
    answer = await tenant.api.post("/v1/appointments", json=request)

    assert answer.status_code == 201, answer.text
    client = await tenant.get(f"/v1/clients/{answer.json()['client_id']}")
    assert client["phone"] == "+33142685300"


async def test_a_room_and_staff_are_taken_together_or_not_at_all(tenant: Tenant) -> None:
    room = await tenant.post(
        "/v1/resources",
        {"name": "Room 1", "kind": "room", "business_ids": [tenant.business["id"]], "zone": "Europe/Berlin"},
        status=201,
    )
    bob = await tenant.add_staff("Bob")
    both = await tenant.add_service(requires=[[tenant.staff[0]["id"], bob["id"]], [room["id"]]])
    booked = await tenant.book(tenant.at(9), service_id=both["id"], resource_ids=None)
    assert [resource["kind"] for resource in booked["resources"]] == ["staff", "room"]

    answers = await asyncio.gather(
        *(
            tenant.api.post(
                "/v1/appointments", json=tenant.request(tenant.at(10), service_id=both["id"], resource_ids=ids)
            )
            for ids in ([tenant.staff[0]["id"], room["id"]], [bob["id"], room["id"]]) * 8
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 15
    [count] = await tenant.rows(
        "SELECT count(*) AS n FROM occupancy WHERE lower(blocked) = :at", at=_instant(tenant.at(10))
    )
    assert count["n"] == 2


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_group_service_seats_as_many_clients_as_it_has_places(tenant: Tenant) -> None:
    group = await tenant.add_service(name="Yoga", capacity=5)
    answers = await asyncio.gather(
        *(
            tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9), service_id=group["id"]))
            for _ in range(12)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 7
    seats = {answer.json()["resources"][0]["seat"] for answer in answers if answer.status_code == 201}
    assert seats == {0, 1, 2, 3, 4}
    other = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9)))
    assert other.json()["code"] == "slot_taken"


async def test_a_freed_first_seat_of_a_group_does_not_let_another_service_in(tenant: Tenant) -> None:
    group = await tenant.add_service(name="Yoga", capacity=5)
    first = await tenant.book(tenant.at(9), service_id=group["id"])
    await tenant.book(tenant.at(9), service_id=group["id"])
    await tenant.post(f"/v1/appointments/{first['id']}/cancel", {"reason": "ill"})

    answer = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9)))
    again = await tenant.book(tenant.at(9), service_id=group["id"])

    assert answer.json()["code"] == "slot_taken"
    assert again["resources"][0]["seat"] == 0


async def test_buffers_keep_neighbours_apart(tenant: Tenant) -> None:
    buffered = await tenant.add_service(buffer_before_minutes=10, buffer_after_minutes=10)
    await tenant.book(tenant.at(9), service_id=buffered["id"])

    near = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9, 30)))
    far = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9, 40)))

    assert (near.status_code, far.status_code) == (409, 201)


async def test_external_busy_time_blocks_and_is_named(tenant: Tenant) -> None:
    busy = uuid4()
    await tenant.rows(
        """
        INSERT INTO external_busy (key, organization_id, id, resource_id, starts_at, ends_at, version, applied_at)
        VALUES ('c:e', :org, :id, :resource, :a, :b, 1, now()) RETURNING 1
        """,
        org=tenant.organization_id,
        id=busy,
        resource=tenant.staff[0]["id"],
        a=_instant(tenant.at(9)),
        b=_instant(tenant.at(10)),
    )

    answer = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9, 30)))

    assert (answer.status_code, answer.json()["code"]) == (409, "external_busy")
    assert answer.json()["reasons"][0]["conflicts_with"] == [str(busy)]


async def test_a_change_of_hours_is_noticed_by_the_very_next_booking(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    await tenant.open_hours([])

    answer = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(10)))

    assert answer.json()["code"] == "outside_working_hours"


async def test_hours_that_open_are_noticed_even_where_the_old_ones_refused(tenant: Tenant) -> None:
    await tenant.open_hours([])
    refused = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(10)))
    await tenant.open_hours()

    assert refused.status_code == 409
    await tenant.book(tenant.at(10))


async def test_an_inline_client_is_matched_by_phone_however_it_is_typed(tenant: Tenant) -> None:
    request = tenant.request(tenant.at(9), client={"name": "G. Hopper", "phone": "030 901820"})
    del request["client_id"]
    booked = await tenant.post("/v1/appointments", request, status=201)
    assert booked["client_id"] == tenant.client["id"]

    request = {**request, "starts_at": tenant.at(11), "client": {"name": "New", "email": "New@Example.com"}}
    one = await tenant.post("/v1/appointments", request, status=201)
    two = await tenant.post("/v1/appointments", {**request, "starts_at": tenant.at(12)}, status=201)
    assert one["client_id"] == two["client_id"] != tenant.client["id"]


async def test_a_refused_booking_leaves_no_client_behind(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    request = tenant.request(tenant.at(9), client={"name": "New", "email": "new@example.com"})
    del request["client_id"]

    await tenant.post("/v1/appointments", request, status=409)

    assert (await tenant.get("/v1/clients", q="new@"))["items"] == []


async def test_an_unknown_client_is_refused_by_name(tenant: Tenant) -> None:
    answer = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9), client_id=str(uuid4())))

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_client")


async def test_an_id_of_ones_own_can_be_used_once(tenant: Tenant) -> None:
    mine = str(uuid4())
    booked = await tenant.book(tenant.at(9), id=mine)
    again = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(11), id=mine))

    assert booked["id"] == mine
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")


async def test_a_new_action_can_be_added_while_booking(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9), action_name="Take measurements")

    actions = (await tenant.get("/v1/actions"))["items"]
    assert booked["action_name"] == "Take measurements"
    assert "Take measurements" in {item["name"] for item in actions}
    assert "Call back" in {item["name"] for item in actions}
