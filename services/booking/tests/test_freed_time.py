"""Freed time is kept while somebody on the list may take it, and no longer."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from booking_fixtures import Json, Tenant
from waiting_clients import cancel, decline, now_is, offers, portal, run_out, waits, work

from booking.usecases.waiting_list import offering

pytestmark = pytest.mark.service


async def kept(tenant: Tenant) -> int:
    return len(await tenant.rows("SELECT id FROM freed_times"))


async def some_minutes_later(tenant: Tenant) -> None:
    tenant.now[0] += timedelta(minutes=6)
    await work(tenant)


async def start_offered(tenant: Tenant, entry: Json) -> str | None:
    offer = (await now_is(tenant, entry))["offer"]
    return None if offer is None else str(offer["starts_at"])


async def two_freed_one_after_the_other(tenant: Tenant) -> tuple[Json, Json, Json]:
    """Ada has an offer of the first when the second is cancelled."""
    first, second = await tenant.book(tenant.at(10)), await tenant.book(tenant.at(14))
    ada = await waits(tenant)
    await cancel(tenant, first)
    await work(tenant)
    assert await start_offered(tenant, ada) == first["starts_at"]
    await cancel(tenant, second)
    await work(tenant)
    return ada, first, second


@pytest.mark.parametrize("give_back", [decline, run_out])
async def test_what_is_freed_while_the_only_client_has_an_offer_is_offered_once_they_give_that_back(
    tenant: Tenant, give_back: Callable[[Tenant, Json], Awaitable[None]]
) -> None:
    ada, _, second = await two_freed_one_after_the_other(tenant)
    await give_back(tenant, ada)
    await work(tenant)
    assert await start_offered(tenant, ada) == second["starts_at"]


async def test_what_is_freed_meanwhile_is_kept_although_those_who_wait_cannot_take_it(tenant: Tenant) -> None:
    other = await tenant.add_staff("Berta")
    await tenant.book(tenant.at(14), resource_ids=[other["id"]])
    await waits(tenant, "Alan Turing", resource_id=other["id"])
    ada, _, second = await two_freed_one_after_the_other(tenant)
    await decline(tenant, ada)
    await work(tenant)
    assert await start_offered(tenant, ada) == second["starts_at"]


async def test_nobody_is_offered_again_what_they_declined_and_nothing_is_kept_for_it(tenant: Tenant) -> None:
    ada, _, _ = await two_freed_one_after_the_other(tenant)
    for _ in range(2):
        await decline(tenant, ada)
        await work(tenant)
    assert await offers(tenant) == [ada["id"]] * 2
    assert ((await now_is(tenant, ada))["status"], await kept(tenant)) == ("waiting", 0)


async def test_freed_time_is_let_go_of_once_whoever_it_was_kept_for_has_booked(tenant: Tenant) -> None:
    ada, _, _ = await two_freed_one_after_the_other(tenant)
    assert await kept(tenant) == 1
    offer = (await now_is(tenant, ada))["offer"]["id"]
    assert (await (await portal(tenant, ada)).post(f"/v1/portal/offers/{offer}/accept")).status_code == 201
    await some_minutes_later(tenant)
    assert await kept(tenant) == 0


async def test_freed_time_is_let_go_of_once_somebody_else_has_taken_it(tenant: Tenant) -> None:
    ada, _, second = await two_freed_one_after_the_other(tenant)
    await tenant.book(second["starts_at"])
    await decline(tenant, ada)
    await work(tenant)
    assert (await start_offered(tenant, ada), await kept(tenant)) == (None, 0)


async def test_freed_time_that_is_past_is_let_go_of(tenant: Tenant) -> None:
    await two_freed_one_after_the_other(tenant)
    tenant.now[0] = tenant.now[0].replace(day=2, hour=15)
    await work(tenant)
    assert await kept(tenant) == 0


async def test_freed_time_that_a_visitor_holds_is_offered_once_they_leave_it(tenant: Tenant) -> None:
    booked, ada = await tenant.book(tenant.at(9)), await waits(tenant)
    await cancel(tenant, booked)
    wanted = {key: booked[key] for key in ("business_id", "service_id", "starts_at")}
    hold = await tenant.post("/v1/holds", {**wanted, "resource_ids": [tenant.staff[0]["id"]]}, status=201)
    await work(tenant)
    assert (await start_offered(tenant, ada), await kept(tenant)) == (None, 1)
    assert (await tenant.api.delete(f"/v1/holds/{hold['id']}")).status_code == 204
    await some_minutes_later(tenant)
    assert await start_offered(tenant, ada) == booked["starts_at"]


async def test_all_of_the_freed_time_is_offered_once_the_offer_of_a_part_is_given_back(tenant: Tenant) -> None:
    long = await tenant.add_service(name="Dye", duration_minutes=60)
    booked = await tenant.book(tenant.at(9), service_id=long["id"])
    ada = await waits(tenant, window_from=tenant.at(9, 30))
    alan = await waits(tenant, "Alan Turing", service_id=long["id"], window_to=tenant.at(10))
    await cancel(tenant, booked)
    await work(tenant)
    assert (await start_offered(tenant, ada), await start_offered(tenant, alan)) == (tenant.at(9, 30), None)
    await decline(tenant, ada)
    await work(tenant)
    assert await start_offered(tenant, alan) == booked["starts_at"]


async def test_one_freed_slot_that_many_decline_is_kept_once(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    entries = [await waits(tenant, name) for name in ("Ada Lovelace", "Alan Turing", "Grace Murray", "Mary Somer")]
    await cancel(tenant, booked)
    for entry in entries:
        await work(tenant)
        assert await kept(tenant) <= 1
        await decline(tenant, entry)
    await work(tenant)
    assert await offers(tenant) == [entry["id"] for entry in entries]
    assert await kept(tenant) == 0


async def test_those_who_wait_are_tried_in_portions_and_in_their_order(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offering, "_AT_ONCE", 2)
    monkeypatch.setattr(offering, "_MOST_REFUSED", 1)
    tried: list[int] = []
    look = offering._Trial.offer_to_one_of

    async def counted(trial: offering._Trial, entries: offering._Entries) -> object:
        reached = await look(trial, entries)
        tried.append(len(entries))
        assert len(trial.refused) <= 1
        return reached

    monkeypatch.setattr(offering._Trial, "offer_to_one_of", counted)
    other = await tenant.add_staff("Berta")
    booked = [await tenant.book(tenant.at(hour)) for hour in (9, 11)]
    for hour in (9, 11):
        await tenant.book(tenant.at(hour), resource_ids=[other["id"]])
    for name in ("Alan Turing", "Grace Murray", "Mary Somer"):
        await waits(tenant, name, resource_id=other["id"])
    first, second = await waits(tenant), await waits(tenant, "Kurt Godel")
    for one in booked:
        await cancel(tenant, one)
    await work(tenant)
    assert await offers(tenant) == [first["id"], second["id"]]
    assert max(tried) == 2


async def dismiss(tenant: Tenant, booked: Json) -> str:
    await tenant.post(f"/v1/appointments/{booked['id']}/dismiss")
    return str(booked["starts_at"])


async def assign_to_another(tenant: Tenant, booked: Json) -> str:
    other = await tenant.add_staff("Berta")
    await edit(tenant, booked, resource_ids=[other["id"]])
    return str(booked["starts_at"])


async def shorten(tenant: Tenant, booked: Json) -> str:
    await edit(tenant, booked, duration_minutes=30)
    return tenant.at(9, 30)


async def edit(tenant: Tenant, booked: Json, **values: object) -> None:
    answer = await tenant.api.patch(f"/v1/appointments/{booked['id']}", json=values)
    assert answer.status_code == 200, answer.text


async def dismiss_in_bulk(tenant: Tenant, booked: Json) -> str:
    await tenant.post("/v1/appointments/bulk", {"verb": "dismiss", "ids": [booked["id"]]})
    return str(booked["starts_at"])


@pytest.mark.parametrize("free", [dismiss, dismiss_in_bulk, assign_to_another, shorten])
async def test_whatever_gives_time_back_has_it_offered(
    tenant: Tenant, free: Callable[[Tenant, Json], Awaitable[str]]
) -> None:
    booked = await tenant.book(tenant.at(9), duration_minutes=60)
    ada = await waits(tenant, resource_id=tenant.staff[0]["id"])
    start = await free(tenant, booked)
    await work(tenant)
    assert await start_offered(tenant, ada) == start


async def test_a_request_that_is_declined_has_its_time_offered(tenant: Tenant) -> None:
    service = await tenant.add_service(name="Dye", needs_approval=True)
    booked, ada = await tenant.book(tenant.at(9), service_id=service["id"]), await waits(tenant)
    await tenant.post(f"/v1/appointments/{booked['id']}/decline", {"reason": "full"})
    await work(tenant)
    assert await start_offered(tenant, ada) == booked["starts_at"]


async def test_of_an_appointment_that_is_dismissed_while_it_lasts_the_rest_is_offered(tenant: Tenant) -> None:
    booked, ada = await tenant.book(tenant.at(9), duration_minutes=120), await waits(tenant)
    tenant.now[0] = tenant.now[0].replace(day=2, hour=9, minute=5)
    await dismiss(tenant, booked)
    await work(tenant)
    assert await start_offered(tenant, ada) == tenant.at(9, 30)


async def test_what_gives_no_time_back_is_offered_to_nobody(tenant: Tenant) -> None:
    service = await tenant.add_service(name="Dye", needs_approval=True, pending_occupies=False)
    await waits(tenant)
    booked = await tenant.book(tenant.at(9))
    await edit(tenant, booked, duration_minutes=45)
    await tenant.post(f"/v1/appointments/{booked['id']}/confirm")
    await tenant.post(f"/v1/appointments/{booked['id']}/complete")
    asked = await tenant.book(tenant.at(12), service_id=service["id"])
    await tenant.post(f"/v1/appointments/{asked['id']}/decline", {"reason": "full"})
    assert await kept(tenant) == 0
