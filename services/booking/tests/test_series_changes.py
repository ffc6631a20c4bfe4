"""Changing and cancelling a series: this date, the following ones, or all to come."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from booking_fixtures import Tenant
from series_requests import MONDAYS, active, add, cancel, patch, results, starts, statuses

from booking.domain.series import Scope
from booking.storage.connections import connection_of
from booking.storage.policies import PolicyCache
from booking.usecases.lifecycle import Details
from booking.usecases.series import (
    SeriesChange,
    cancel_series,
    change_series,
)
from booking.worker import extend_one
from slotstream_servicekit.context import Actor, Cause, Context

pytestmark = pytest.mark.service


async def test_moving_this_occurrence_only_makes_it_an_exception(tenant: Tenant) -> None:
    made = await add(tenant, {**MONDAYS, "count": 3})

    moved = await patch(tenant, made, scope="this", occurs_on="2027-03-15", local_time="14:00")

    assert starts(moved) == ["2027-03-08T09:00:00Z", "2027-03-15T13:00:00Z", "2027-03-22T09:00:00Z"]
    assert [occurrence["moved_by_itself"] for occurrence in moved["occurrences"]] == [False, True, False]
    assert results(moved) == {"2027-03-15": "moved"}
    old = await tenant.get(f"/v1/appointments/{made['occurrences'][1]['appointment_id']}")
    assert (old["status"], old["rescheduled_to"]) == ("rescheduled", moved["changes"][0]["appointment_id"])


async def test_moving_this_and_the_following_leaves_the_earlier_ones(tenant: Tenant) -> None:
    made = await add(tenant, {**MONDAYS, "count": 4})

    moved = await patch(tenant, made, scope="following", occurs_on="2027-03-15", local_time="11:30", notify=False)

    assert starts(moved) == [
        "2027-03-08T09:00:00Z",
        "2027-03-15T10:30:00Z",
        "2027-03-22T10:30:00Z",
        "2027-03-29T09:30:00Z",
    ]
    assert set(results(moved).values()) == {"moved"}
    assert (moved["local_time"], moved["version"]) == ("11:30", 2)
    for before, after in list(zip(made["occurrences"], moved["occurrences"], strict=True))[1:]:
        old = await tenant.get(f"/v1/appointments/{before['appointment_id']}")
        new = await tenant.get(f"/v1/appointments/{after['appointment_id']}")
        assert (old["status"], old["rescheduled_to"]) == ("rescheduled", new["id"])
        assert (new["rescheduled_from"], new["calendar_uid"]) == (old["id"], old["calendar_uid"])
        assert (new["series_id"], new["notify_client"]) == (made["id"], False)
        history = (await tenant.get(f"/v1/appointments/{old['id']}/history"))["items"]
        assert [entry["verb"] for entry in history] == ["create", "reschedule"]
    rescheduled = [record for record in await tenant.outbox() if record["type"] == "slotstream.appointment.rescheduled"]
    assert [item["payload"]["data"]["replacement"]["rescheduled_from"] for item in rescheduled] == [
        item["key"] for item in rescheduled
    ]


async def test_a_series_moves_by_less_than_an_appointments_length(tenant: Tenant) -> None:
    made = await add(tenant, {**MONDAYS, "count": 3})

    moved = await patch(tenant, made, scope="all", local_time="10:10")

    assert starts(moved) == ["2027-03-08T09:10:00Z", "2027-03-15T09:10:00Z", "2027-03-22T09:10:00Z"]
    assert len(await tenant.rows("SELECT 1 FROM occupancy")) == 3


async def test_exceptions_stay_exceptions_and_what_is_closed_or_begun_stays_as_it_is(tenant: Tenant) -> None:
    made = await add(tenant, {**MONDAYS, "count": 5})
    ids = [occurrence["appointment_id"] for occurrence in made["occurrences"]]
    await tenant.post(f"/v1/appointments/{ids[1]}/cancel", {"reason": "ill"})
    await tenant.post(f"/v1/appointments/{ids[2]}/reschedule", {"starts_at": "2027-03-23T13:00:00Z"}, status=201)
    tenant.now[0] = datetime(2027, 3, 8, 9, 10, tzinfo=UTC)

    moved = await patch(tenant, made, scope="all", local_time="16:00")

    assert starts(moved) == [
        "2027-03-08T09:00:00Z",
        "2027-03-15T09:00:00Z",
        "2027-03-23T13:00:00Z",
        "2027-03-29T14:00:00Z",
        "2027-04-05T14:00:00Z",
    ]
    assert statuses(moved) == ["scheduled", "cancelled", "scheduled", "scheduled", "scheduled"]
    assert list(results(moved).values()) == ["kept", "kept", "kept", "moved", "moved"]
    again = await patch(tenant, made, scope="all", local_time="17:00")
    assert starts(again)[2:4] == ["2027-03-23T13:00:00Z", "2027-03-29T15:00:00Z"]


async def test_moving_to_other_weekdays_moves_week_by_week_and_books_or_cancels_the_rest(tenant: Tenant) -> None:
    made = await add(tenant, {"freq": "weekly", "weekdays": [0, 2], "until": "2027-03-21"})

    moved = await patch(
        tenant, made, scope="all", recurrence={"freq": "weekly", "weekdays": [0, 3, 4], "until": "2027-03-21"}
    )

    assert results(moved) == {
        "2027-03-08": "kept",
        "2027-03-11": "moved",
        "2027-03-12": "booked",
        "2027-03-15": "kept",
        "2027-03-18": "moved",
        "2027-03-19": "booked",
    }
    shorter = await patch(
        tenant, made, scope="all", recurrence={"freq": "weekly", "weekdays": [0, 3, 4], "until": "2027-03-14"}
    )
    assert set(statuses(shorter)[:3]) == {"scheduled"}
    assert set(statuses(shorter)[3:]) == {"cancelled"}
    assert len(await active(tenant)) == 3


async def test_a_move_that_does_not_fit_undoes_all_or_leaves_those_dates_or_is_forced(tenant: Tenant) -> None:
    made = await add(tenant, {**MONDAYS, "count": 3})
    taken = await tenant.book("2027-03-15T10:00:00Z")
    before = starts(made)

    refused = await patch(tenant, made, 409, scope="all", local_time="11:00")
    assert (refused["code"], refused["occurrences"][0]["reasons"][0]["conflicts_with"]) == (
        "series_conflicts",
        [taken["id"]],
    )
    assert starts(await tenant.get(f"/v1/series/{made['id']}")) == before

    left = await patch(tenant, made, scope="all", local_time="11:00", on_conflict="skip")
    assert results(left) == {"2027-03-08": "moved", "2027-03-15": "skipped", "2027-03-22": "moved"}
    assert starts(left) == ["2027-03-08T10:00:00Z", "2027-03-15T09:00:00Z", "2027-03-22T10:00:00Z"]

    forced = await patch(
        tenant, made, scope="all", local_time="11:00", on_conflict="override", override={"reason": "squeeze in"}
    )
    assert results(forced)["2027-03-15"] == "forced"
    assert starts(forced)[1] == "2027-03-15T10:00:00Z"


async def test_a_series_is_made_longer_and_its_days_are_shifted_by_one(tenant: Tenant) -> None:
    made = await add(tenant, {"freq": "weekly", "weekdays": list(range(7)), "count": 4})

    moved = await patch(tenant, made, scope="all", duration_minutes=60)

    assert list(results(moved).values()) == ["moved"] * 4
    later = await patch(
        tenant,
        made,
        scope="all",
        recurrence={"freq": "weekly", "weekdays": [1, 2, 3, 4], "until": "2027-03-14"},
    )
    assert len(await active(tenant)) == 4
    assert sum(status == "scheduled" for status in statuses(later)) == 4


async def test_editing_all_changes_every_appointment_that_is_to_come_with_its_audit_row(tenant: Tenant) -> None:
    made = await add(tenant, {**MONDAYS, "count": 3}, notes="old")
    tenant.now[0] = datetime(2027, 3, 8, 9, 10, tzinfo=UTC)

    edited = await patch(tenant, made, scope="all", notes="new", share_with_client=False)

    assert results(edited) == {"2027-03-08": "kept", "2027-03-15": "edited", "2027-03-22": "edited"}
    page = (await tenant.get("/v1/appointments", series_id=made["id"], sort="starts_at"))["items"]
    assert [(item["notes"], item["version"]) for item in page] == [("old", 1), ("new", 2), ("new", 2)]
    history = (await tenant.get(f"/v1/appointments/{page[2]['id']}/history"))["items"]
    assert history[1]["fields"]["notes"] == {"old": "old", "new": "new"}


async def test_giving_a_series_to_another_member_of_staff_is_checked_date_by_date(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    made = await add(tenant, {**MONDAYS, "count": 3})
    await tenant.book("2027-03-15T09:00:00Z", resource_ids=[bob["id"]])

    refused = await patch(tenant, made, 409, scope="all", resource_ids=[bob["id"]])
    assert refused["code"] == "series_conflicts"
    given = await patch(tenant, made, scope="all", resource_ids=[bob["id"]], on_conflict="skip")

    assert list(results(given).values()) == ["edited", "skipped", "edited"]
    page = (await tenant.get("/v1/appointments", series_id=made["id"], sort="starts_at"))["items"]
    assert [item["resources"][0]["name"] for item in page] == ["Bob", "Ada", "Bob"]


async def test_cancelling_this_the_following_or_all_ends_what_is_to_come(tenant: Tenant) -> None:
    made = await add(tenant, MONDAYS)

    one = await cancel(tenant, made, scope="this", occurs_on="2027-03-15")
    assert statuses(one)[:3] == ["scheduled", "cancelled", "scheduled"]
    assert one["status"] == "active"

    following = await cancel(tenant, made, scope="following", occurs_on="2027-03-29")
    assert statuses(following)[:4] == ["scheduled", "cancelled", "scheduled", "cancelled"]
    assert set(statuses(following)[3:]) == {"cancelled"}
    assert following["recurrence"]["until"] == "2027-03-28"
    assert not await extend_one(tenant.database, PolicyCache(), lambda: tenant.now[0] + timedelta(days=90))

    tenant.now[0] = datetime(2027, 3, 8, 9, 10, tzinfo=UTC)
    everything = await cancel(tenant, made, scope="all")
    assert statuses(everything)[:3] == ["scheduled", "cancelled", "cancelled"]
    assert everything["status"] == "cancelled"
    assert await active(tenant) == ["2027-03-08T09:00:00Z"]
    assert (await patch(tenant, made, 409, scope="all", local_time="11:00"))["code"] == "invalid_transition"


async def test_cancelling_a_series_needs_a_reason_and_tells_every_appointment_why(tenant: Tenant) -> None:
    made = await add(tenant, {**MONDAYS, "count": 2})
    path = f"/v1/series/{made['id']}/cancel"
    assert (await tenant.api.post(path, json={"scope": "all"})).status_code == 422

    await cancel(tenant, made, scope="all", reason="moving away", notify=False)

    for occurrence in made["occurrences"]:
        history = (await tenant.get(f"/v1/appointments/{occurrence['appointment_id']}/history"))["items"]
        assert (history[-1]["verb"], history[-1]["reason"]) == ("cancel", "moving away")
    events = [record for record in await tenant.outbox() if record["type"] == "slotstream.appointment.cancelled"]
    assert [event["payload"]["data"]["appointment"]["notify_client"] for event in events] == [False, False]


async def test_an_agent_moves_and_cancels_a_series_within_its_notice_and_edits_nothing_else(tenant: Tenant) -> None:
    service = await tenant.add_service(reschedule_notice_minutes=8 * 24 * 60, cancellation_notice_minutes=8 * 24 * 60)
    made = await add(tenant, {**MONDAYS, "count": 3}, service_id=service["id"])
    agent, path = await tenant.client_as("agent"), f"/v1/series/{made['id']}"

    edited = await agent.patch(path, json={"scope": "all", "notes": "x"})
    assert (edited.status_code, edited.json()["code"]) == (403, "forbidden")
    moved = await agent.patch(path, json={"scope": "all", "local_time": "12:00", "on_conflict": "skip"})
    assert moved.status_code == 200, moved.text
    assert [
        (change["result"], [reason["code"] for reason in change["reasons"]]) for change in moved.json()["changes"]
    ] == [
        ("skipped", ["notice_passed"]),
        ("moved", []),
        ("moved", []),
    ]
    late = await agent.post(f"{path}/cancel", json={"scope": "all", "reason": "moved away"})
    assert (late.status_code, late.json()["code"]) == (409, "notice_passed")
    body = {"scope": "following", "occurs_on": "2027-03-15", "reason": "moved away"}
    cancelled = await agent.post(f"{path}/cancel", json=body)
    assert statuses(cancelled.json()) == ["scheduled", "cancelled", "cancelled"]


async def test_moving_and_cancelling_many_takes_as_many_statements_as_few(tenant: Tenant) -> None:
    async def statements(count: int, hour: int) -> tuple[int, int]:
        made = await add(
            tenant, {"freq": "weekly", "weekdays": list(range(7)), "count": count}, f"2027-03-08T{hour:02}:00:00Z"
        )
        who: dict[str, Any] = {
            "policies": policies,
            "series_id": UUID(made["id"]),
            "context": Context(
                organization_id=tenant.organization_id,
                actor=Actor(type="user", id="ada"),
                cause=Cause(correlation_id="c"),
                now=tenant.now[0],
            ),
        }
        seen: list[list[str]] = [[], []]
        for number in range(2):
            async with tenant.database.transaction(tenant.organization_id) as session:
                connection = await connection_of(session)
                watched = lambda record, into=seen[number]: into.append(record.query)  # noqa: E731
                connection.add_query_logger(watched)
                if number == 0:
                    change = SeriesChange(scope=Scope.ALL, local_time=time(hour + 1, 30))
                    report = await change_series(session=session, change=change, **who)
                else:
                    details = Details(reason="holidays")
                    report = await cancel_series(
                        session=session, scope=Scope.ALL, occurs_on=None, details=details, **who
                    )
                connection.remove_query_logger(watched)
            assert [change_.result for change_ in report.changes] == [("moved", "cancelled")[number]] * count
        return len(seen[0]), len(seen[1])

    policies = PolicyCache()
    await statements(2, 6)
    few, many = await statements(10, 8), await statements(120, 10)

    assert many == few
    assert max(many) < 30


async def test_a_wrong_version_of_a_series_is_refused(tenant: Tenant) -> None:
    made = await add(tenant, {**MONDAYS, "count": 2})
    answer = await tenant.api.patch(
        f"/v1/series/{made['id']}", json={"scope": "all", "notes": "x"}, headers={"If-Match": '"7"'}
    )

    assert (answer.status_code, answer.json()["code"]) == (412, "version_conflict")


async def test_a_series_within_a_booking_window_is_booked_as_the_window_moves_on(tenant: Tenant) -> None:
    service = await tenant.add_service(booking_window_days=21)
    made = await add(tenant, MONDAYS, service_id=service["id"])
    assert len(made["occurrences"]) == 3

    await extend_one(tenant.database, PolicyCache(), lambda: tenant.now[0] + timedelta(days=7))

    assert len((await tenant.get(f"/v1/series/{made['id']}"))["occurrences"]) == 4


async def test_two_series_that_swap_their_times_neither_deadlock_nor_overlap(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    services = await tenant.add_service(requires=[[tenant.staff[0]["id"]], [bob["id"]]])
    both = {"service_id": services["id"], "resource_ids": [tenant.staff[0]["id"], bob["id"]]}
    made = [
        await add(tenant, {**MONDAYS, "count": 6}, f"2027-03-08T{hour:02}:00:00Z", **both) for hour in (8, 9, 10, 11)
    ]
    for first, second in ((10, 9), (11, 12), (12, 11)):
        answers = await asyncio.gather(
            *(
                tenant.api.patch(
                    f"/v1/series/{item['id']}",
                    json={"scope": "all", "local_time": f"{hour:02}:00", "on_conflict": "skip"},
                )
                for item, hour in zip(made, (first, second, second, first), strict=True)
            ),
            *(
                tenant.api.post("/v1/appointments", json=tenant.request(f"2027-03-{day:02}T10:15:00Z"))
                for day in (8, 15, 22)
            ),
        )
        assert {answer.status_code for answer in answers} <= {200, 201, 409}, [answer.text for answer in answers]
    [seen] = await tenant.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert seen["deadlocks"] == 0
    uneven = await tenant.rows("SELECT holder_id FROM occupancy GROUP BY holder_id HAVING count(*) NOT IN (1, 2)")
    assert uneven == []


async def test_a_series_goes_on_for_the_client_that_its_own_was_merged_into(tenant: Tenant) -> None:
    made = await add(tenant, MONDAYS)
    kept = await tenant.post("/v1/clients", {"name": "Grace", "email": "grace@example.org"}, status=201)
    await tenant.rows(
        "UPDATE clients SET merged_into = :kept WHERE id = :id RETURNING id",
        kept=UUID(kept["id"]),
        id=UUID(tenant.client["id"]),
    )

    assert await extend_one(tenant.database, PolicyCache(), lambda: tenant.now[0] + timedelta(days=8))

    grown = await tenant.get(f"/v1/series/{made['id']}")
    newest = await tenant.get(f"/v1/appointments/{grown['occurrences'][-1]['appointment_id']}")
    assert (grown["client_id"], newest["client_id"]) == (kept["id"], kept["id"])
    moved = await patch(tenant, made, scope="all", local_time="12:00")
    assert set(results(moved).values()) == {"moved"}
    first = moved["occurrences"][0]["appointment_id"]
    by_itself = await tenant.post(f"/v1/appointments/{first}/reschedule", {"starts_at": tenant.at(15)}, status=201)
    assert by_itself["appointment"]["client_id"] == kept["id"]


async def test_an_appointment_of_a_merged_client_moves_to_the_one_they_are(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    kept = await tenant.post("/v1/clients", {"name": "Grace", "email": "grace@example.org"}, status=201)
    await tenant.rows(
        "UPDATE clients SET merged_into = :kept WHERE id = :id RETURNING id",
        kept=UUID(kept["id"]),
        id=UUID(tenant.client["id"]),
    )

    moved = await tenant.post(f"/v1/appointments/{booked['id']}/reschedule", {"starts_at": tenant.at(11)}, status=201)

    assert moved["appointment"]["client_id"] == kept["id"]


async def test_erasing_a_client_forgets_what_the_series_says_of_them(tenant: Tenant) -> None:
    made = await add(tenant, MONDAYS, notes="afraid of dogs", internal_notes="owes us")
    answer = await tenant.api.post(f"/v1/clients/{tenant.client['id']}/erase", json={"open_appointments": "cancel"})
    assert answer.status_code < 300, answer.text

    after = await tenant.get(f"/v1/series/{made['id']}")
    assert (after["notes"], after["internal_notes"]) == (None, None)
