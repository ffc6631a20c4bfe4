"""Clients who wait are offered what is freed: in order, one slot to one at a time, and nothing else."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from booking_fixtures import Json, Tenant
from waiting_clients import PATH, cancel, now_is, offers, person, portal, run_out, waits, wish, work

from booking.usecases.waiting_list import offering

pytestmark = pytest.mark.service


async def test_a_cancellation_offers_the_slot_to_who_has_waited_longest_and_holds_it(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    first, second = await waits(tenant), await waits(tenant, "Alan Turing")
    await work(tenant)
    assert await offers(tenant) == []

    await cancel(tenant, booked)
    await work(tenant)

    told = await now_is(tenant, first)
    assert (told["status"], told["offer"]["starts_at"]) == ("offered", booked["starts_at"])
    assert (await now_is(tenant, second))["status"] == "waiting"
    assert await offers(tenant) == [first["id"]]
    taken = await tenant.api.post("/v1/appointments", json=tenant.request(booked["starts_at"]))
    assert (taken.status_code, taken.json()["code"]) == (409, "slot_taken")


async def test_a_reschedule_offers_the_time_that_was_left(tenant: Tenant) -> None:
    booked, entry = await tenant.book(tenant.at(9)), await waits(tenant)
    await tenant.post(f"/v1/appointments/{booked['id']}/reschedule", {"starts_at": tenant.at(15)}, status=201)
    await work(tenant)
    assert (await now_is(tenant, entry))["offer"]["starts_at"] == booked["starts_at"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"window_from": "2027-03-03T08:00:00Z", "window_to": "2027-03-03T18:00:00Z"}, "another day"),
        ({"window_to": "2027-03-02T09:15:00Z"}, "it would not be over in time"),
    ],
)
async def test_nobody_is_offered_what_does_not_lie_in_their_window(tenant: Tenant, more: Json, reason: str) -> None:
    booked, entry = await tenant.book(tenant.at(9)), await waits(tenant, **more)
    await cancel(tenant, booked)
    await work(tenant)
    assert (await now_is(tenant, entry))["status"] == "waiting", reason


async def test_who_waits_for_one_member_of_staff_is_offered_their_time_alone(tenant: Tenant) -> None:
    other = await tenant.add_staff("Berta")
    booked = await tenant.book(tenant.at(9))
    await tenant.book(tenant.at(9), resource_ids=[other["id"]])
    entry = await waits(tenant, resource_id=other["id"])
    await cancel(tenant, booked)
    await work(tenant)
    assert (await now_is(tenant, entry))["status"] == "waiting"


async def test_the_client_takes_the_slot_by_the_link_once(tenant: Tenant) -> None:
    booked, entry = await tenant.book(tenant.at(9)), await waits(tenant)
    await cancel(tenant, booked)
    await work(tenant)
    offer = (await now_is(tenant, entry))["offer"]
    api = await portal(tenant, entry)
    shown = await api.get(f"/v1/portal/offers/{offer['id']}")
    assert (shown.json()["status"], shown.json()["service_name"]) == ("open", "Massage")

    answers = await asyncio.gather(*(api.post(f"/v1/portal/offers/{offer['id']}/accept") for _ in range(4)))

    assert {answer.status_code for answer in answers} == {201}
    assert {answer.json()["appointment"]["id"] for answer in answers} == {offer["id"]}
    done = await now_is(tenant, entry)
    assert (done["status"], done["appointment_id"]) == ("booked", offer["id"])
    made = await tenant.get(f"/v1/appointments/{offer['id']}")
    assert (made["client_id"], made["starts_at"], made["source"]) == (entry["client_id"], booked["starts_at"], "portal")
    assert await tenant.rows("SELECT id FROM holds") == []
    assert (await api.get(f"/v1/portal/offers/{offer['id']}")).json()["status"] == "booked"


async def test_what_is_declined_goes_to_the_next_and_never_back(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    first, second = await waits(tenant), await waits(tenant, "Alan Turing")
    await cancel(tenant, booked)
    await work(tenant)
    for entry in (first, second):
        offer = (await now_is(tenant, entry))["offer"]["id"]
        api = await portal(tenant, entry)
        assert (await api.post(f"/v1/portal/offers/{offer}/decline", json={})).status_code == 204
        again = await api.post(f"/v1/portal/offers/{offer}/accept")
        assert again.status_code == 404
        await work(tenant)

    assert await offers(tenant) == [first["id"], second["id"]]
    assert [(await now_is(tenant, entry))["status"] for entry in (first, second)] == ["waiting", "waiting"]
    assert await tenant.rows("SELECT id FROM holds") == []


async def test_an_offer_that_nobody_answers_goes_to_the_next(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    first, second = await waits(tenant), await waits(tenant, "Alan Turing")
    await cancel(tenant, booked)
    await work(tenant)
    late = (await now_is(tenant, first))["offer"]["id"]
    await run_out(tenant, first)
    refused = await (await portal(tenant, first)).post(f"/v1/portal/offers/{late}/accept")
    assert (refused.status_code, refused.json()["code"]) == (409, "offer_over")
    await work(tenant)

    assert [(await now_is(tenant, entry))["status"] for entry in (first, second)] == ["waiting", "offered"]
    assert await offers(tenant) == [first["id"], second["id"]]


async def test_while_the_offer_runs_out_a_click_either_books_or_is_refused(tenant: Tenant) -> None:
    booked, entry = await tenant.book(tenant.at(9)), await waits(tenant)
    second = await waits(tenant, "Alan Turing")
    await cancel(tenant, booked)
    await work(tenant)
    offer, api = (await now_is(tenant, entry))["offer"]["id"], await portal(tenant, entry)
    click = asyncio.create_task(api.post(f"/v1/portal/offers/{offer}/accept"))
    await run_out(tenant, entry)
    await work(tenant)
    answer = await click
    await work(tenant)

    states = [(await now_is(tenant, one))["status"] for one in (entry, second)]
    assert (answer.status_code, states) in [
        (201, ["booked", "waiting"]),
        (409, ["waiting", "offered"]),
        (404, ["waiting", "offered"]),
    ]
    assert len(await tenant.rows("SELECT 1 FROM occupancy WHERE expires_at IS NULL OR expires_at > now()")) == 1


async def test_when_the_slot_is_gone_otherwise_nobody_is_told(tenant: Tenant) -> None:
    booked, entry = await tenant.book(tenant.at(9)), await waits(tenant)
    await cancel(tenant, booked)
    await tenant.book(booked["starts_at"])
    await work(tenant)
    assert (await now_is(tenant, entry))["status"] == "waiting"
    assert await offers(tenant) == []


async def test_one_cancellation_told_to_many_workers_is_offered_once(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    entries = [await waits(tenant, name) for name in ("Ada Lovelace", "Alan Turing")]
    answers = await asyncio.gather(
        *(tenant.api.post(f"/v1/appointments/{booked['id']}/cancel", json={"reason": "ill"}) for _ in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    await asyncio.gather(*(work(tenant) for _ in range(4)))

    assert [(await now_is(tenant, entry))["status"] for entry in entries] == ["offered", "waiting"]
    assert await offers(tenant) == [entries[0]["id"]]


async def test_two_freed_slots_go_to_the_two_who_wait_in_their_order(tenant: Tenant) -> None:
    booked = [await tenant.book(tenant.at(hour)) for hour in (9, 11)]
    entries = [await waits(tenant, name) for name in ("Ada Lovelace", "Alan Turing", "Grace Murray")]
    await asyncio.gather(*(cancel(tenant, one) for one in booked))
    await asyncio.gather(*(work(tenant) for _ in range(4)))

    assert [(await now_is(tenant, entry))["status"] for entry in entries] == ["offered", "offered", "waiting"]
    starts = {(await now_is(tenant, entry))["offer"]["starts_at"] for entry in entries[:2]}
    assert starts == {one["starts_at"] for one in booked}


async def test_an_erase_takes_the_client_off_the_list_and_the_slot_goes_to_the_next(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    first, second = await waits(tenant), await waits(tenant, "Alan Turing")
    await cancel(tenant, booked)
    await work(tenant)
    offer, api = (await now_is(tenant, first))["offer"]["id"], await portal(tenant, first)

    erased, clicked = await asyncio.gather(
        tenant.api.post(f"/v1/clients/{first['client_id']}/erase", json={}),
        api.post(f"/v1/portal/offers/{offer}/accept"),
    )
    if clicked.status_code == 201 and erased.status_code == 409:
        erased = await tenant.api.post(f"/v1/clients/{first['client_id']}/erase", json={"open_appointments": "cancel"})
    await work(tenant)

    assert erased.status_code in (200, 204), erased.text
    assert (await now_is(tenant, second))["status"] == "offered"
    left = await tenant.rows(
        "SELECT status FROM waiting_list_entries WHERE id = :id AND status IN ('waiting', 'offered')", id=first["id"]
    )
    assert left == []


async def test_merged_clients_keep_their_place_and_their_offer(tenant: Tenant) -> None:
    booked, entry = await tenant.book(tenant.at(9)), await waits(tenant)
    kept = await person(tenant, "Ada King")
    await tenant.post(f"/v1/clients/{entry['client_id']}/merge", {"into": kept["id"]})
    await cancel(tenant, booked)
    await work(tenant)
    offer = (await now_is(tenant, entry))["offer"]["id"]

    api = await tenant.client_as("client", claims={"client": kept["id"]})
    answer = await api.post(f"/v1/portal/offers/{offer}/accept")
    assert answer.status_code == 201, answer.text
    assert (await tenant.get(f"/v1/appointments/{offer}"))["client_id"] == kept["id"]


async def test_one_entry_that_fails_keeps_nobody_from_their_turn(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked = await tenant.book(tenant.at(9))
    bad, good = await waits(tenant), await waits(tenant, "Alan Turing")
    tell = offering._tell

    async def failing(connection: Any, context: Any, entry: Any, hold: Any) -> None:
        if str(entry.id) == bad["id"]:
            raise RuntimeError("Grace Hopper, 45")
        await tell(connection, context, entry, hold)

    monkeypatch.setattr(offering, "_tell", failing)
    await cancel(tenant, booked)
    await work(tenant)

    left = await now_is(tenant, bad)
    assert (left["status"], left["last_failure"]["code"]) == ("waiting", "internal_error")
    assert (await now_is(tenant, good))["status"] == "offered"


async def test_a_window_that_is_over_ends_the_wait(tenant: Tenant) -> None:
    entry = await waits(tenant)
    tenant.now[0] += timedelta(days=2)
    await work(tenant)
    assert (await now_is(tenant, entry))["status"] == "expired"
    types = [row["type"] for row in await tenant.outbox() if row["key"] == entry["id"]]
    assert types == ["slotstream.waiting_list_entry.added", "slotstream.waiting_list_entry.expired"]


async def test_leaving_gives_the_offer_to_the_next_and_keeps_to_the_version(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    first, second = await waits(tenant), await waits(tenant, "Alan Turing")
    await cancel(tenant, booked)
    await work(tenant)
    path = f"{PATH}/{first['id']}"
    assert (await tenant.api.delete(path, headers={"If-Match": '"1"'})).status_code == 412
    for _ in range(2):
        assert (await tenant.api.delete(path)).status_code == 204
    await work(tenant)
    assert [(await now_is(tenant, entry))["status"] for entry in (first, second)] == ["withdrawn", "offered"]


async def test_no_offer_is_made_that_the_services_notice_would_refuse_before_it_runs_out(tenant: Tenant) -> None:
    service = await tenant.add_service(name="Dye", minimum_notice_minutes=60)
    booked = await tenant.book(tenant.at(9), service_id=service["id"])
    entry = await waits(tenant, service_id=service["id"])
    tenant.now[0] = tenant.now[0].replace(day=2, hour=7, minute=50)
    await cancel(tenant, booked)
    await work(tenant)
    assert (await now_is(tenant, entry))["status"] == "waiting"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"window_to": "2027-03-02T08:10:00Z"}, 422, "window_too_short"),
        ({"window_from": "2027-02-01T08:00:00Z", "window_to": "2027-02-02T08:00:00Z"}, 422, "window_over"),
        ({"window_to": "2029-03-02T08:00:00Z"}, 422, "window_too_long"),
        ({"client_id": str(uuid4())}, 422, "unknown_client"),
        ({"service_id": str(uuid4())}, 422, "unknown_service"),
        ({"business_id": str(uuid4())}, 422, "unknown_business"),
        ({"resource_id": str(uuid4())}, 422, "unknown_resource"),
        ({"window_from": "2027-03-02T08:00:00"}, 422, None),
        ({"note": "\0"}, 422, None),
    ],
)
async def test_what_cannot_be_waited_for_is_refused_with_a_code_and_changes_nothing(
    tenant: Tenant, change: Json, status: int, code: str | None
) -> None:
    answer = await tenant.api.post(PATH, json=wish(tenant, tenant.client, **change))
    assert answer.status_code == status, answer.text
    assert code in (None, answer.json()["code"])
    assert (await tenant.get(PATH))["items"] == []


async def test_nobody_waits_twice_for_one_thing_and_no_client_for_more_than_their_share(tenant: Tenant) -> None:
    await tenant.post(PATH, wish(tenant, tenant.client), status=201)
    again = await tenant.api.post(PATH, json=wish(tenant, tenant.client, window_to=tenant.at(20)))
    assert (again.status_code, again.json()["code"]) == (409, "already_waiting")
    for day in range(2, 11):
        later = {"window_from": tenant.at(8, day=day), "window_to": tenant.at(18, day=day)}
        await tenant.post(PATH, wish(tenant, tenant.client, **later), status=201)
    full = await tenant.api.post(
        PATH, json=wish(tenant, tenant.client, window_from=tenant.at(8, day=20), window_to=tenant.at(9, day=20))
    )
    assert (full.status_code, full.json()["code"]) == (409, "too_many_waiting")


async def test_the_list_is_the_organizations_own_and_repeated_by_key(tenant: Tenant) -> None:
    body = wish(tenant, tenant.client)
    made = [await tenant.api.post(PATH, json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    entry = made[0].json()
    assert entry == made[1].json()
    assert (entry["client_name"], entry["status"]) == ("Grace Hopper", "waiting")

    stranger = await tenant.client_as(organization=uuid4())
    assert (await stranger.get(f"{PATH}/{entry['id']}")).status_code == 404
    assert (await stranger.delete(f"{PATH}/{entry['id']}")).status_code == 404
    assert (await stranger.get(PATH)).json()["items"] == []
    taken = await tenant.api.post(PATH, json={**wish(tenant, await person(tenant, "B")), "id": entry["id"]})
    assert (taken.status_code, taken.json()["code"]) == (409, "already_exists")
    viewer = await tenant.client_as("viewer")
    assert (await viewer.get(PATH)).status_code == 200
    assert (await viewer.post(PATH, json=body)).status_code == 403


async def test_an_offer_is_its_clients_own(tenant: Tenant) -> None:
    booked, entry = await tenant.book(tenant.at(9)), await waits(tenant)
    await cancel(tenant, booked)
    await work(tenant)
    offer = (await now_is(tenant, entry))["offer"]["id"]
    other = await portal(tenant, {"client_id": tenant.client["id"]})
    for answer in (
        await other.get(f"/v1/portal/offers/{offer}"),
        await other.post(f"/v1/portal/offers/{offer}/accept"),
        await other.post(f"/v1/portal/offers/{offer}/decline", json={"leave": True}),
        await other.get(f"/v1/portal/offers/{UUID(int=1)}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await now_is(tenant, entry))["status"] == "offered"
