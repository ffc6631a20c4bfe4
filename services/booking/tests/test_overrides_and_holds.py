import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.service


async def test_staff_may_force_an_overlap_and_it_is_a_record(world: Any) -> None:
    first = await world.book(world.at(9))
    forced = await world.book(world.at(9, 15), override={"reason": "emergency"})

    [record] = (await world.get("/v1/overrides"))["items"]
    assert record["appointment_id"] == forced["id"]
    assert (record["reason"], record["rules"], record["conflicts_with"]) == (
        "emergency",
        ["slot_taken"],
        [first["id"]],
    )
    events = [one for one in await world.outbox() if one["type"] == "slotstream.appointment.created"]
    assert events[1]["payload"]["data"]["change"]["override"]["reason"] == "emergency"


@pytest.mark.parametrize("role", ["agent", "viewer"])
async def test_agents_and_viewers_never_override(world: Any, role: str) -> None:
    await world.book(world.at(9))
    api = await world.client_as(role)

    answer = await api.post("/v1/appointments", json=world.wish(world.at(9), override={"reason": "please"}))

    assert answer.status_code == 403
    assert len(await world.rows("SELECT 1 FROM appointments")) == 1


async def test_an_ordinary_booking_never_slips_in_beside_a_forced_one(world: Any) -> None:
    first = await world.book(world.at(9))
    second = await world.book(world.at(9, 30))
    forced = await world.book(world.at(9, 15), override={"reason": "emergency"})
    for one in (first, second):
        await world.post(f"/v1/appointments/{one['id']}/cancel", {"reason": "ill"})

    answers = [await world.api.post("/v1/appointments", json=world.wish(world.at(9, minute))) for minute in (0, 15, 30)]

    assert [answer.status_code for answer in answers] == [409, 409, 409]
    assert {one for answer in answers for one in answer.json()["reasons"][0]["conflicts_with"]} == {forced["id"]}
    await world.book(world.at(9, 45))


async def test_overrides_and_ordinary_bookings_in_a_race_leave_no_hole(world: Any) -> None:
    for hour in range(7, 20, 2):
        await world.book(world.at(hour))
        wishes = [
            world.wish(world.at(hour, 10), override={"reason": "emergency"}),
            *(world.wish(world.at(hour, minute)) for minute in (30, 35, 40)),
        ]
        answers = await asyncio.gather(*(world.api.post("/v1/appointments", json=wish) for wish in wishes))
        assert answers[0].status_code == 201, answers[0].text
        assert {answer.status_code for answer in answers} <= {201, 409}
    unrecorded = await world.rows(
        """
        SELECT f.holder_id, o.holder_id FROM occupancy f JOIN occupancy o ON f.resource_id = o.resource_id
          AND f.blocked && o.blocked AND f.holder_id <> o.holder_id
        JOIN overrides r ON r.appointment_id = f.holder_id
        WHERE f.forced AND NOT o.holder_id::text = ANY (r.conflicts_with)
        """
    )
    assert unrecorded == [], "beside a forced booking stands only what its record names"


async def test_a_group_goes_on_filling_up_beside_an_override(world: Any) -> None:
    group = await world.add_service(name="Yoga", capacity=3)
    await world.book(world.at(9), service_id=group["id"])
    await world.book(world.at(9, 10), override={"reason": "emergency"})

    seats = [await world.book(world.at(9), service_id=group["id"], override={"reason": "x"}) for _ in range(1)]

    assert seats[0]["resources"][0]["seat"] in {0, 1}


async def test_a_held_slot_is_taken_until_it_is_booked_with_the_hold(world: Any) -> None:
    hold = await world.post(
        "/v1/holds",
        {
            "business_id": world.business["id"],
            "service_id": world.service["id"],
            "starts_at": world.at(9),
            "minutes": 5,
        },
        status=201,
    )
    refused = await world.api.post("/v1/appointments", json=world.wish(world.at(9)))
    assert refused.json()["reasons"][0]["conflicts_with"] == [hold["id"]]

    booked = await world.book(world.at(9), hold_id=hold["id"], resource_ids=None)

    assert [one["id"] for one in booked["resources"]] == hold["resource_ids"]
    again = await world.api.post("/v1/appointments", json=world.wish(world.at(9), hold_id=hold["id"]))
    assert again.json()["code"] == "hold_expired"


async def test_a_hold_expires_by_itself_at_its_instant(world: Any) -> None:
    hold = await world.post(
        "/v1/holds",
        {
            "business_id": world.business["id"],
            "service_id": world.service["id"],
            "starts_at": world.at(9),
            "minutes": 1,
        },
        status=201,
    )
    await world.rows(
        "UPDATE occupancy SET expires_at = :past RETURNING 1", past=datetime.now(UTC) - timedelta(seconds=1)
    )

    booked = await world.book(world.at(9))

    assert booked["id"] != hold["id"]
    assert len(await world.rows("SELECT 1 FROM occupancy")) == 1


async def test_a_released_hold_frees_its_slot(world: Any) -> None:
    hold = await world.post(
        "/v1/holds",
        {"business_id": world.business["id"], "service_id": world.service["id"], "starts_at": world.at(9)},
        status=201,
    )
    answer = await world.api.delete(f"/v1/holds/{hold['id']}")

    assert answer.status_code == 204
    await world.book(world.at(9))


async def test_a_hold_cannot_take_the_id_of_an_appointment_nor_free_its_time(world: Any) -> None:
    booked = await world.book(world.at(9))
    wish = {"business_id": world.business["id"], "service_id": world.service["id"], "starts_at": world.at(11)}

    refused = await world.api.post("/v1/holds", json={**wish, "id": booked["id"]})

    assert (refused.status_code, refused.json()["code"]) == (409, "already_exists")
    hold = await world.post("/v1/holds", wish, status=201)
    named_like_it = world.wish(world.at(14), id=hold["id"])
    assert (await world.api.post("/v1/appointments", json=named_like_it)).json()["code"] == "already_exists"
    used = await world.book(world.at(11), hold_id=hold["id"], id=hold["id"])
    assert (await world.api.delete(f"/v1/holds/{used['id']}")).status_code == 404
    assert len(await world.rows("SELECT 1 FROM occupancy")) == 2
