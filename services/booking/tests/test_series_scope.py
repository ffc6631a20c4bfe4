"""A change of a series, or of what is to come of it, changes what was named and nothing else."""

from datetime import timedelta
from uuid import UUID

import pytest
from booking_fixtures import Json, Tenant
from series_requests import MONDAYS, add, cancel, patch, results, series_request, starts, statuses

from booking.storage.policies import PolicyCache
from booking.worker import extend_one

pytestmark = pytest.mark.service

BEYOND_COMPARE = {"id", "version", "updated_at", "created_at", "client", "verbs"}
MOVED = {
    "starts_at",
    "ends_at",
    "rescheduled_from",
    "previous_starts_at",
    "reschedule_count",
    "calendar_sequence",
}


async def of_series(tenant: Tenant, series: Json) -> list[Json]:
    """Its appointments as they are now, in their order; none that was moved away."""
    items: list[Json] = (await tenant.get("/v1/appointments", series_id=series["id"], sort="starts_at", limit=200))[
        "items"
    ]
    return [item for item in items if item["status"] != "rescheduled"]


def differing(before: Json, after: Json) -> set[str]:
    return {name for name in before if before[name] != after[name]} - BEYOND_COMPARE


async def occupied(tenant: Tenant) -> set[tuple[UUID, UUID, str]]:
    rows = await tenant.rows("SELECT holder_id, resource_id, blocked::text AS blocked FROM occupancy")
    return {(row["holder_id"], row["resource_id"], row["blocked"]) for row in rows}


async def test_editing_all_leaves_everything_that_was_not_named(tenant: Tenant) -> None:
    """An open-ended series with a date that was skipped, one that was cancelled and one with notes of its own."""
    await tenant.book("2027-03-22T09:00:00Z")
    made = await add(tenant, MONDAYS, notes="old", on_conflict="skip", quoted_price={"amount": "40", "currency": "EUR"})
    await cancel(tenant, made, scope="this", occurs_on="2027-03-15")
    await tenant.api.patch(f"/v1/appointments/{made['occurrences'][3]['appointment_id']}", json={"notes": "own"})
    before, held = await of_series(tenant, made), await occupied(tenant)

    edited = await patch(tenant, made, scope="all", share_with_client=False)

    after = await of_series(tenant, made)
    assert [differing(*pair) for pair in zip(before, after, strict=True)] == [
        set() if item["status"] == "cancelled" else {"share_with_client"} for item in before
    ]
    assert await occupied(tenant) == held
    assert set(results(edited).values()) == {"edited", "kept"}
    assert {name for name in made if made[name] != edited[name]} <= {
        "share_with_client",
        "version",
        "updated_at",
        "occurrences",
        "changes",
    }
    shown = [
        (occurrence["occurs_on"], occurrence["outcome"], occurrence["starts_at"])
        for occurrence in edited["occurrences"]
    ]
    assert shown == [
        (occurrence["occurs_on"], occurrence["outcome"], occurrence["starts_at"]) for occurrence in made["occurrences"]
    ]


async def test_moving_all_changes_their_times_alone(tenant: Tenant) -> None:
    action = (await tenant.get("/v1/actions"))["items"][0]
    made = await add(tenant, {**MONDAYS, "count": 3}, notes="old", action_id=action["id"], share_with_client=False)
    own = made["occurrences"][1]["appointment_id"]
    await tenant.api.patch(
        f"/v1/appointments/{own}",
        json={"notes": "own", "internal_notes": "mine", "quoted_price": {"amount": "9.00", "currency": "EUR"}},
    )
    before = await of_series(tenant, made)

    moved = await patch(tenant, made, scope="all", local_time="11:00")

    after = await of_series(tenant, made)
    assert all(differing(*pair) <= MOVED for pair in zip(before, after, strict=True))
    assert [item["notes"] for item in after] == ["old", "own", "old"]
    assert {name for name in made if made[name] != moved[name]} == {
        "local_time",
        "version",
        "occurrences",
        "changes",
    }


async def test_a_new_length_leaves_the_starts_and_a_new_time_leaves_the_length(tenant: Tenant) -> None:
    made = await add(tenant, {**MONDAYS, "count": 3})
    longer = await patch(tenant, made, scope="all", duration_minutes=45)
    assert starts(longer) == starts(made)
    await patch(tenant, made, scope="all", local_time="11:00")
    assert {item["duration_minutes"] for item in await of_series(tenant, made)} == {45}


async def test_dates_that_are_booked_later_are_as_the_series_is_by_now(tenant: Tenant) -> None:
    made = await add(tenant, MONDAYS, notes="old")
    await patch(tenant, made, scope="all", notes="new")
    tenant.now[0] += timedelta(days=60)
    assert await extend_one(tenant.database, PolicyCache(), lambda: tenant.now[0])
    last = (await of_series(tenant, made))[-1]
    assert (last["notes"], last["starts_at"] > made["extended_to"]) == ("new", True)


async def test_requests_that_wait_for_approval_wait_for_it_after_a_move_too(tenant: Tenant) -> None:
    service = await tenant.add_service(needs_approval=True)
    made = await add(tenant, {**MONDAYS, "count": 2}, service_id=service["id"])

    moved = await patch(tenant, made, scope="all", local_time="11:00")

    assert starts(moved) == ["2027-03-08T10:00:00Z", "2027-03-15T10:00:00Z"]
    assert statuses(moved) == ["pending", "pending"]


async def test_a_series_of_which_no_date_can_be_booked_is_refused(tenant: Tenant) -> None:
    taken = [await tenant.book(f"2027-03-{day:02}T09:00:00Z") for day in (8, 15)]

    refused = await tenant.post(
        "/v1/series", series_request(tenant, {**MONDAYS, "count": 2}, on_conflict="skip"), status=409
    )

    assert refused["code"] == "series_conflicts"
    assert refused["detail"] == "2 of 2 dates cannot be booked; nothing was changed."
    assert [occurrence["reasons"][0]["conflicts_with"] for occurrence in refused["occurrences"]] == [
        [other["id"]] for other in taken
    ]
    assert (await tenant.get("/v1/series"))["items"] == []
    assert await tenant.rows("SELECT 1 FROM series_occurrences") == []


@pytest.mark.parametrize(
    "scope",
    [
        {"scope": "all"},
        {"scope": "following", "occurs_on": "2027-03-08"},
        {"scope": "following", "occurs_on": "2027-03-15"},
        {"scope": "this", "occurs_on": "2027-03-15"},
    ],
)
async def test_what_is_cancelled_is_not_cancelled_again(tenant: Tenant, scope: Json) -> None:
    made = await add(tenant, {**MONDAYS, "count": 3})
    await cancel(tenant, made, **scope)
    before = await tenant.get(f"/v1/series/{made['id']}")

    refused = await cancel(tenant, made, 409, **scope)

    assert refused["code"] == "invalid_transition"
    assert await tenant.get(f"/v1/series/{made['id']}") == before


async def test_an_override_that_cannot_have_a_new_time_keeps_the_old_one(tenant: Tenant) -> None:
    """The service begins to require a room, and there is none: nothing can be seated, whoever forces it."""
    made = await add(tenant, {**MONDAYS, "count": 6})
    held = await occupied(tenant)
    room = await tenant.post(
        "/v1/resources", {"name": "Room", "kind": "room", "business_ids": [tenant.business["id"]]}, status=201
    )
    await tenant.api.patch(
        f"/v1/services/{tenant.service['id']}", json={"requires": [[tenant.staff[0]["id"]], [room["id"]]]}
    )
    await tenant.api.delete(f"/v1/resources/{room['id']}")

    changed = await patch(
        tenant, made, scope="all", local_time="11:00", on_conflict="override", override={"reason": "must be"}
    )

    assert set(results(changed).values()) == {"skipped"}
    assert starts(changed) == starts(made)
    assert await occupied(tenant) == held
    agent = await tenant.client_as("agent")
    late = await agent.post(
        "/v1/appointments",
        json=tenant.request("2027-03-08T09:00:00Z", service_id=None, service_name="Talk", duration_minutes=30),
    )
    assert late.status_code == 409, "nobody else can have the time that it kept"


async def test_an_override_with_other_staff_takes_their_time_before_it_gives_up_the_old(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    made = await add(tenant, {**MONDAYS, "count": 3})
    theirs = await tenant.book("2027-03-15T09:00:00Z", resource_ids=[bob["id"]])

    forced = await patch(
        tenant, made, scope="all", resource_ids=[bob["id"]], on_conflict="override", override={"reason": "ill"}
    )

    assert set(results(forced).values()) == {"edited"}
    held = {(str(holder_id), str(resource_id)) for holder_id, resource_id, _ in await occupied(tenant)}
    assert held == {(occurrence["appointment_id"], bob["id"]) for occurrence in forced["occurrences"]} | {
        (theirs["id"], bob["id"])
    }


async def test_other_staff_who_cannot_be_had_leaves_every_date_its_time(tenant: Tenant) -> None:
    made = await add(tenant, {**MONDAYS, "count": 3})
    held = await occupied(tenant)
    bob = await tenant.add_staff("Bob")
    await tenant.api.delete(f"/v1/resources/{bob['id']}")

    answer = await tenant.api.patch(
        f"/v1/series/{made['id']}",
        json={
            "scope": "all",
            "resource_ids": [bob["id"]],
            "on_conflict": "override",
            "override": {"reason": "must be"},
        },
    )

    assert answer.status_code == 409, answer.text
    assert await occupied(tenant) == held
