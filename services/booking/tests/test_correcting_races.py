"""Corrections beside whatever else happens to the same clients and the same time."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import pytest
from booking_fixtures import Json, Tenant, deadlocks, one_before_the_other

pytestmark = pytest.mark.service

CLIENTS, LIST = "/v1/clients", "/v1/appointments"


async def a_person(tenant: Tenant, name: str = "Zuse Konrad") -> Json:
    made: Json = await tenant.post(CLIENTS, {"name": name}, status=201)
    return made


def correcting(tenant: Tenant, booked: Json, **values: Any) -> Awaitable[Any]:
    return tenant.api.patch(f"{LIST}/{booked['id']}", json=values)


@pytest.mark.parametrize("first", ["the correction", "the merge"])
async def test_a_client_who_is_merged_meanwhile_gets_it_as_their_survivor(tenant: Tenant, first: str) -> None:
    duplicate, person = await a_person(tenant, "Zuse K."), await a_person(tenant)
    booked = await tenant.book(tenant.at(9))
    correction = correcting(tenant, booked, client_id=duplicate["id"])
    merge = tenant.api.post(f"{CLIENTS}/{duplicate['id']}/merge", json={"into": person["id"]})
    both = (correction, merge) if first == "the correction" else (merge, correction)

    answers = await one_before_the_other(tenant, *both)

    assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
    right = duplicate if first == "the correction" else person
    assert (await tenant.get(f"{LIST}/{booked['id']}"))["client_id"] == right["id"]
    assert len((await tenant.get(LIST, client_id=person["id"]))["items"]) == 1


@pytest.mark.parametrize("first", ["the correction", "the booking"])
async def test_the_longer_time_is_the_appointments_or_the_bookings_and_never_both(tenant: Tenant, first: str) -> None:
    booked = await tenant.book(tenant.at(9))
    correction = correcting(tenant, booked, duration_minutes=60)
    booking = tenant.api.post(LIST, json=tenant.request(tenant.at(9, 30)))
    both = (correction, booking) if first == "the correction" else (booking, correction)

    answers = dict(zip(both, await one_before_the_other(tenant, *both), strict=True))

    assert sorted(answer.status_code for answer in answers.values()) in ([200, 409], [201, 409])
    assert [answer.json()["code"] for answer in answers.values() if answer.status_code == 409] == ["slot_taken"]
    minutes = (await tenant.get(f"{LIST}/{booked['id']}"))["duration_minutes"]
    assert minutes == (60 if answers[correction].status_code == 200 else 30)


@pytest.mark.parametrize("erased", ["the former client", "the right client"])
@pytest.mark.parametrize("first", ["the correction", "the erase"])
async def test_an_erase_beside_a_correction_leaves_nothing_open_and_nothing_said(
    tenant: Tenant, erased: str, first: str
) -> None:
    former, right = await a_person(tenant), await a_person(tenant, "Lovelace Anne")
    booked = await tenant.book(tenant.at(9), client_id=former["id"], notes="Zuse likes tea")
    gone = former if erased == "the former client" else right
    correction = correcting(tenant, booked, client_id=right["id"], notes="Lovelace likes coffee")
    erase = tenant.api.post(f"{CLIENTS}/{gone['id']}/erase", json={"open_appointments": "cancel"})
    both = (correction, erase) if first == "the correction" else (erase, correction)

    answers = await one_before_the_other(tenant, *both)

    assert answers[0].status_code in {200, 204}, answers[0].text
    if first == "the correction":
        assert answers[1].status_code == 204, answers[1].text
    else:
        assert answers[1].json()["code"] in {"unknown_client", "invalid_transition", "client_erased"}
    name = gone["name"].split()[0]
    for table in ("appointments", "history", "clients"):
        assert await tenant.rows(f"SELECT t::text FROM {table} AS t WHERE t::text LIKE '%{name}%'") == []
    left_open = await tenant.rows(
        "SELECT a.id FROM appointments a JOIN clients c ON c.id = a.client_id WHERE c.erased AND a.status = 'scheduled'"
    )
    assert left_open == []


async def test_corrections_that_want_each_others_time_never_wait_in_a_circle(tenant: Tenant) -> None:
    """Each gives up its time first, and wants some of what the next one has."""
    buffered = await tenant.add_service(name="Buffered", buffer_before_minutes=15, buffer_after_minutes=15)
    before = await deadlocks(tenant)
    for day in range(1, 4):
        booked = [await tenant.book(tenant.at(9, 30 * half, day=day)) for half in (0, 1)]
        booked += [await tenant.book(tenant.at(10, 30 * half, day=day)) for half in (0, 1)]
        people = [await a_person(tenant, f"Person {day}{number}") for number in range(2)]
        answers = await asyncio.gather(
            *(correcting(tenant, one, service_id=buffered["id"], client_id=people[0]["id"]) for one in booked[:2]),
            *(correcting(tenant, one, duration_minutes=60, client_id=people[1]["id"]) for one in booked),
            *(
                tenant.api.post(f"{LIST}/{one['id']}/reschedule", json={"starts_at": tenant.at(9, 15, day=day)})
                for one in booked
            ),
            tenant.api.post(f"{CLIENTS}/{people[0]['id']}/merge", json={"into": people[1]["id"]}),
            tenant.api.post(f"{CLIENTS}/{people[1]['id']}/erase", json={"open_appointments": "cancel"}),
        )
        assert Counter(answer.status_code for answer in answers).keys() <= {200, 201, 204, 404, 409, 422}, [
            answer.text for answer in answers
        ]
    assert await deadlocks(tenant) == before
    overlapping = await tenant.rows(
        "SELECT 1 FROM occupancy a JOIN occupancy b ON a.resource_id = b.resource_id AND a.session_id < b.session_id"
        " AND a.blocked && b.blocked"
    )
    assert overlapping == []
