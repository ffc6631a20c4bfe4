import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from booking_fixtures import Tenant

pytestmark = pytest.mark.service


async def test_staff_may_force_an_overlap_and_it_is_a_record(tenant: Tenant) -> None:
    first = await tenant.book(tenant.at(9))
    forced = await tenant.book(tenant.at(9, 15), override={"reason": "emergency"})

    [record] = (await tenant.get("/v1/overrides"))["items"]
    assert record["appointment_id"] == forced["id"]
    assert (record["reason"], record["rules"], record["conflicts_with"]) == (
        "emergency",
        ["slot_taken"],
        [first["id"]],
    )
    events = [message for message in await tenant.outbox() if message["type"] == "slotstream.appointment.created"]
    assert "reason" not in events[1]["payload"]["data"]["change"]["override"]


@pytest.mark.parametrize("role", ["agent", "viewer"])
async def test_agents_and_viewers_never_override(tenant: Tenant, role: str) -> None:
    await tenant.book(tenant.at(9))
    api = await tenant.client_as(role)

    answer = await api.post("/v1/appointments", json=tenant.request(tenant.at(9), override={"reason": "please"}))

    assert answer.status_code == 403
    assert len(await tenant.rows("SELECT 1 FROM appointments")) == 1


async def test_an_ordinary_booking_never_slips_in_beside_a_forced_one(tenant: Tenant) -> None:
    first = await tenant.book(tenant.at(9))
    second = await tenant.book(tenant.at(9, 30))
    forced = await tenant.book(tenant.at(9, 15), override={"reason": "emergency"})
    for item in (first, second):
        await tenant.post(f"/v1/appointments/{item['id']}/cancel", {"reason": "ill"})

    answers = [
        await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9, minute))) for minute in (0, 15, 30)
    ]

    assert [answer.status_code for answer in answers] == [409, 409, 409]
    assert {reason for answer in answers for reason in answer.json()["reasons"][0]["conflicts_with"]} == {forced["id"]}
    await tenant.book(tenant.at(9, 45))


async def test_overrides_and_ordinary_bookings_in_a_race_leave_no_hole(tenant: Tenant) -> None:
    for hour in range(7, 20, 2):
        await tenant.book(tenant.at(hour))
        requests = [
            tenant.request(tenant.at(hour, 10), override={"reason": "emergency"}),
            *(tenant.request(tenant.at(hour, minute)) for minute in (30, 35, 40)),
        ]
        answers = await asyncio.gather(*(tenant.api.post("/v1/appointments", json=request) for request in requests))
        assert answers[0].status_code == 201, answers[0].text
        assert {answer.status_code for answer in answers} <= {201, 409}
    unrecorded = await tenant.rows(
        """
        SELECT f.holder_id, o.holder_id FROM occupancy f JOIN occupancy o ON f.resource_id = o.resource_id
          AND f.blocked && o.blocked AND f.holder_id <> o.holder_id
        JOIN overrides r ON r.appointment_id = f.holder_id
        WHERE f.forced AND NOT o.holder_id::text = ANY (r.conflicts_with)
        """
    )
    assert unrecorded == [], "beside a forced booking stands only what its record names"


async def test_a_group_goes_on_filling_up_beside_an_override(tenant: Tenant) -> None:
    group = await tenant.add_service(name="Yoga", capacity=3)
    await tenant.book(tenant.at(9), service_id=group["id"])
    await tenant.book(tenant.at(9, 10), override={"reason": "emergency"})

    seats = [await tenant.book(tenant.at(9), service_id=group["id"], override={"reason": "x"}) for _ in range(1)]

    assert seats[0]["resources"][0]["seat"] in {0, 1}


async def test_a_held_slot_is_taken_until_it_is_booked_with_the_hold(tenant: Tenant) -> None:
    hold = await tenant.post(
        "/v1/holds",
        {
            "business_id": tenant.business["id"],
            "service_id": tenant.service["id"],
            "starts_at": tenant.at(9),
            "minutes": 5,
        },
        status=201,
    )
    refused = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9)))
    assert refused.json()["reasons"][0]["conflicts_with"] == [hold["id"]]

    booked = await tenant.book(tenant.at(9), hold_id=hold["id"], resource_ids=None)

    assert [resource["id"] for resource in booked["resources"]] == hold["resource_ids"]
    again = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9), hold_id=hold["id"]))
    assert again.json()["code"] == "hold_expired"


async def test_a_hold_expires_by_itself_at_its_instant(tenant: Tenant) -> None:
    hold = await tenant.post(
        "/v1/holds",
        {
            "business_id": tenant.business["id"],
            "service_id": tenant.service["id"],
            "starts_at": tenant.at(9),
            "minutes": 1,
        },
        status=201,
    )
    await tenant.rows(
        "UPDATE occupancy SET expires_at = :past RETURNING 1", past=datetime.now(UTC) - timedelta(seconds=1)
    )

    booked = await tenant.book(tenant.at(9))

    assert booked["id"] != hold["id"]
    assert len(await tenant.rows("SELECT 1 FROM occupancy")) == 1


async def test_a_released_hold_frees_its_slot(tenant: Tenant) -> None:
    hold = await tenant.post(
        "/v1/holds",
        {"business_id": tenant.business["id"], "service_id": tenant.service["id"], "starts_at": tenant.at(9)},
        status=201,
    )
    answer = await tenant.api.delete(f"/v1/holds/{hold['id']}")

    assert answer.status_code == 204
    await tenant.book(tenant.at(9))


async def test_a_hold_cannot_take_the_id_of_an_appointment_nor_free_its_time(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    request = {"business_id": tenant.business["id"], "service_id": tenant.service["id"], "starts_at": tenant.at(11)}

    refused = await tenant.api.post("/v1/holds", json={**request, "id": booked["id"]})

    assert (refused.status_code, refused.json()["code"]) == (409, "already_exists")
    hold = await tenant.post("/v1/holds", request, status=201)
    named_like_it = tenant.request(tenant.at(14), id=hold["id"])
    assert (await tenant.api.post("/v1/appointments", json=named_like_it)).json()["code"] == "already_exists"
    used = await tenant.book(tenant.at(11), hold_id=hold["id"], id=hold["id"])
    assert (await tenant.api.delete(f"/v1/holds/{used['id']}")).status_code == 404
    assert len(await tenant.rows("SELECT 1 FROM occupancy")) == 2
