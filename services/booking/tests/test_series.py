"""Series, from a rule to appointments that are each like any other."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from booking_fixtures import Tenant
from series_requests import MONDAY, MONDAYS, active, add, cancel, patch, series_request, starts

from booking.domain.series import HORIZON_DAYS, ended_by_count
from booking.schemas.series import AddSeriesIn
from booking.storage.connections import connection_of
from booking.storage.policies import PolicyCache
from booking.usecases.series import (
    create_series,
    extend_next_series,
)
from booking.worker import extend_one, series_extension
from slotstream_servicekit.context import Actor, Cause, Context

pytestmark = pytest.mark.service


async def test_a_weekly_series_keeps_its_wall_clock_time_across_the_clock_change(tenant: Tenant) -> None:
    made = await add(tenant, {**MONDAYS, "count": 4}, "2027-03-15T09:00:00Z")

    assert starts(made) == [
        "2027-03-15T09:00:00Z",
        "2027-03-22T09:00:00Z",
        "2027-03-29T08:00:00Z",
        "2027-04-05T08:00:00Z",
    ]
    assert (made["local_time"], made["zone"], made["booked"]) == ("10:00", "Europe/Berlin", 4)
    assert made["recurrence"]["until"] == "2027-04-05"


async def test_a_time_in_a_gap_is_shifted_and_one_in_a_fold_takes_its_first_pass_and_the_report_says_so(
    tenant: Tenant,
) -> None:
    await tenant.open_hours([{"weekday": day, "intervals": [{"from": "00:00", "to": "24:00"}]} for day in range(7)])
    spring = await add(tenant, {"freq": "weekly", "count": 2}, "2027-03-21T01:30:00Z")
    autumn = await add(tenant, {"freq": "weekly", "count": 2}, "2027-10-24T00:30:00Z")

    assert [(occurrence["starts_at"], occurrence["clock"]) for occurrence in spring["occurrences"]] == [
        ("2027-03-21T01:30:00Z", "exact"),
        ("2027-03-28T01:30:00Z", "gap"),
    ]
    assert [(occurrence["starts_at"], occurrence["clock"]) for occurrence in autumn["occurrences"]] == [
        ("2027-10-24T00:30:00Z", "exact"),
        ("2027-10-31T00:30:00Z", "fold"),
    ]


async def test_a_series_that_begins_in_the_second_pass_of_a_repeated_hour_is_not_booked_an_hour_early(
    tenant: Tenant,
) -> None:
    await tenant.open_hours([{"weekday": day, "intervals": [{"from": "00:00", "to": "24:00"}]} for day in range(7)])
    asked = ["2027-10-31T01:30:00Z", "2027-11-07T01:30:00Z"]
    made = await add(tenant, {"freq": "weekly", "count": 2}, asked[0])
    assert [(occurrence["starts_at"], occurrence["clock"]) for occurrence in made["occurrences"]] == [
        (asked[0], "fold"),
        (asked[1], "exact"),
    ]
    assert starts(made) == asked

    longer = await patch(tenant, made, scope="all", duration_minutes=45)

    assert starts(longer) == asked, "a new length moves nothing into the first pass"
    assert starts(await patch(tenant, made, scope="all", local_time="03:30")) == [
        "2027-10-31T02:30:00Z",
        "2027-11-07T02:30:00Z",
    ]


async def test_monthly_on_the_31st_is_skipped_or_the_last_day_as_the_creator_chooses(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    skipped = await add(tenant, {"freq": "monthly", "count": 3}, "2027-03-31T08:00:00Z")
    last = await add(
        tenant,
        {"freq": "monthly", "count": 3, "short_months": "last"},
        "2027-03-31T08:00:00Z",
        resource_ids=[bob["id"]],
    )
    second_tuesday = await add(
        tenant, {"freq": "monthly", "count": 2, "nth_weekday": {"nth": 2, "weekday": 1}}, "2027-04-01T10:00:00Z"
    )

    assert [occurrence["occurs_on"] for occurrence in skipped["occurrences"]] == [
        "2027-03-31",
        "2027-05-31",
        "2027-07-31",
    ]
    assert [occurrence["occurs_on"] for occurrence in last["occurrences"]] == ["2027-03-31", "2027-04-30", "2027-05-31"]
    assert [occurrence["occurs_on"] for occurrence in second_tuesday["occurrences"]] == ["2027-04-13", "2027-05-11"]


async def test_each_occurrence_is_an_appointment_with_its_event_and_audit_row(tenant: Tenant) -> None:
    made = await add(tenant, {**MONDAYS, "count": 3}, notes="bring papers")

    page = await tenant.get("/v1/appointments", series_id=made["id"], sort="starts_at")
    assert [item["series_id"] for item in page["items"]] == [made["id"]] * 3
    assert {(item["source"], item["notes"]) for item in page["items"]} == {("recurrence", "bring papers")}
    ids = [occurrence["appointment_id"] for occurrence in made["occurrences"]]
    assert [item["id"] for item in page["items"]] == ids
    messages = [(record["key"], record["type"]) for record in await tenant.outbox() if record["key"] in ids]
    assert sorted(messages) == sorted(
        (identity, kind)
        for identity in ids
        for kind in ("slotstream.appointment.created", "slotstream.appointment.state")
    )
    history = (await tenant.get(f"/v1/appointments/{ids[2]}/history"))["items"]
    assert [(entry["verb"], entry["actor"]["type"]) for entry in history] == [("create", "user")]


async def test_a_conflict_is_skipped_with_its_reasons_or_undoes_all_or_is_forced(tenant: Tenant) -> None:
    taken = await tenant.book("2027-03-15T09:15:00Z")
    body = series_request(tenant, {**MONDAYS, "count": 3})

    refused = await tenant.api.post("/v1/series", json={**body, "on_conflict": "fail"})
    assert (refused.status_code, refused.json()["code"]) == (409, "series_conflicts")
    [conflict] = refused.json()["occurrences"]
    assert (conflict["occurs_on"], conflict["reasons"][0]["conflicts_with"]) == ("2027-03-15", [taken["id"]])
    assert len(await active(tenant)) == 1
    assert (await tenant.get("/v1/series"))["items"] == []

    skipped = await add(tenant, {**MONDAYS, "count": 3}, on_conflict="skip")
    assert [occurrence["outcome"] for occurrence in skipped["occurrences"]] == ["booked", "skipped", "booked"]
    [reason] = skipped["occurrences"][1]["reasons"]
    assert (reason["code"], reason["conflicts_with"]) == ("slot_taken", [taken["id"]])

    await cancel(tenant, skipped, scope="all")
    forced = await add(tenant, {**MONDAYS, "count": 3}, on_conflict="override", override={"reason": "agreed"})
    assert [occurrence["outcome"] for occurrence in forced["occurrences"]] == ["booked", "forced", "booked"]
    [record] = (await tenant.get("/v1/overrides"))["items"]
    assert (record["reason"], record["conflicts_with"]) == ("agreed", [taken["id"]])


async def test_an_agent_may_book_a_series_but_never_override(tenant: Tenant) -> None:
    agent = await tenant.client_as("agent")
    body = series_request(tenant, {**MONDAYS, "count": 2})

    forced = await agent.post("/v1/series", json={**body, "on_conflict": "override", "override": {"reason": "please"}})
    assert (forced.status_code, forced.json()["code"]) == (403, "override_forbidden")
    assert (await agent.post("/v1/series", json=body)).status_code == 201
    viewer = await tenant.client_as("viewer")
    assert (await viewer.post("/v1/series", json=body)).status_code == 403


@pytest.mark.parametrize(
    "recurrence",
    [
        {"freq": "daily"},
        {"freq": "weekly", "interval": 0},
        {"freq": "weekly", "weekdays": [7]},
        {"freq": "weekly", "month_day": 3},
        {"freq": "monthly", "weekdays": [1]},
        {"freq": "monthly", "month_day": 3, "nth_weekday": {"nth": 1, "weekday": 1}},
        {"freq": "monthly", "nth_weekday": {"nth": 0, "weekday": 1}},
        {"freq": "weekly", "until": "2027-05-01", "count": 3},
        {"freq": "weekly", "until": "2199-05-01"},
        {"freq": "yearly", "count": 1000},
        {"freq": "weekly", "until": "2027-01-01"},
        {"freq": "weekly", "forever": True},
    ],
)
async def test_rules_that_make_no_sense_are_refused_and_change_nothing(tenant: Tenant, recurrence: Any) -> None:
    answer = await tenant.api.post("/v1/series", json=series_request(tenant, recurrence))

    assert answer.status_code == 422, answer.text
    assert await tenant.rows("SELECT 1 FROM series") == []


async def test_the_same_key_creates_a_series_once(tenant: Tenant) -> None:
    body = series_request(tenant, {**MONDAYS, "count": 3})
    answers = await asyncio.gather(
        *(tenant.api.post("/v1/series", json=body, headers={"Idempotency-Key": "k"}) for _ in range(4))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await active(tenant)) == 3


async def test_an_id_given_by_the_caller_is_taken_once(tenant: Tenant) -> None:
    identity = str(uuid4())
    made = await add(tenant, {**MONDAYS, "count": 1}, id=identity)
    again = await tenant.api.post("/v1/series", json=series_request(tenant, {**MONDAYS, "count": 1}, id=identity))
    assert (made["id"], again.status_code, again.json()["code"]) == (identity, 409, "already_exists")

    other = await tenant.client_as(organization=uuid4())
    business = await other.post(
        "/v1/businesses",
        json={"name": "Mitte", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR"},
    )
    theirs = {
        "id": identity,
        "business_id": business.json()["id"],
        "service_name": "Talk",
        "duration_minutes": 30,
        "client": {"name": "Alan"},
        "starts_at": MONDAY,
        "recurrence": {**MONDAYS, "count": 1},
    }
    refused = await other.post("/v1/series", json=theirs)
    assert (refused.status_code, refused.json()["code"]) == (409, "id_taken")
    assert (await other.get(f"/v1/series/{identity}")).status_code == 404


async def test_two_hundred_and_fifty_occurrences_take_as_many_statements_as_ten_and_five_hundred_one_more(
    tenant: Tenant,
) -> None:
    async def statements(count: int, hour: int) -> int:
        seen: list[str] = []
        body = AddSeriesIn.model_validate(
            series_request(
                tenant, {"freq": "weekly", "weekdays": list(range(7)), "count": count}, f"2027-03-08T{hour:02}:00:00Z"
            )
        )
        first = datetime.fromisoformat(f"2027-03-08T{hour + 1:02}:00")
        series = body.to_series(
            id=uuid4(),
            organization_id=tenant.organization_id,
            zone="Europe/Berlin",
            client_id=UUID(tenant.client["id"]),
            first=first,
            rule=ended_by_count(body.recurrence.rule(), first, zone="Europe/Berlin", count=count),
            actor=Actor(type="user", id="ada"),
            now=tenant.now[0],
        )
        async with tenant.database.transaction(tenant.organization_id) as session:
            connection = await connection_of(session)
            watched = lambda record: seen.append(record.query)  # noqa: E731
            connection.add_query_logger(watched)
            report = await create_series(
                session=session,
                policies=policies,
                series=series,
                context=Context(
                    organization_id=tenant.organization_id,
                    actor=Actor(type="user", id="ada"),
                    cause=Cause(correlation_id="c"),
                    now=tenant.now[0],
                ),
            )
            connection.remove_query_logger(watched)
        assert [occurrence.date.outcome for occurrence in report.occurrences] == ["booked"] * count
        return len(seen)

    policies = PolicyCache()
    await statements(2, 7)
    few, many, most = await statements(10, 9), await statements(250, 11), await statements(500, 13)

    assert many == few < 15
    assert most == few + 1


async def test_a_series_without_end_is_booked_to_its_horizon_and_extended_as_time_passes(tenant: Tenant) -> None:
    made = await add(tenant, MONDAYS)
    last = tenant.now[0].date() + timedelta(days=HORIZON_DAYS)
    assert date.fromisoformat(made["occurrences"][-1]["occurs_on"]) > last - timedelta(days=7)
    assert (made["extended_to"], made["recurrence"]["until"]) == (last.isoformat(), None)
    policies = PolicyCache()
    assert not await extend_one(tenant.database, policies, lambda: tenant.now[0])

    later = tenant.now[0] + timedelta(days=30)
    assert await extend_one(tenant.database, policies, lambda: later)
    assert not await extend_one(tenant.database, policies, lambda: later), "extending is done once"

    grown = await tenant.get(f"/v1/series/{made['id']}")
    assert grown["extended_to"] == (last + timedelta(days=30)).isoformat()
    dates = [date.fromisoformat(occurrence["occurs_on"]) for occurrence in grown["occurrences"]]
    assert dates == [dates[0] + timedelta(weeks=n) for n in range(len(dates))]
    assert len(dates) >= len(made["occurrences"]) + 4
    newest = grown["occurrences"][-1]["appointment_id"]
    history = (await tenant.get(f"/v1/appointments/{newest}/history"))["items"]
    assert history[0]["actor"]["type"] == "system"


async def test_the_worker_extends_by_itself_and_stops_when_told(tenant: Tenant, until: Any) -> None:
    made = await add(tenant, MONDAYS)
    stop = asyncio.Event()
    later = tenant.now[0] + timedelta(days=20)
    working = asyncio.create_task(series_extension(tenant.database, PolicyCache(), lambda: later)(stop))

    async def extended() -> bool:
        return (await tenant.get(f"/v1/series/{made['id']}"))["extended_to"] > made["extended_to"]

    try:
        await until(extended, what="the series to be extended")
    finally:
        stop.set()
        await asyncio.wait_for(working, 30)


async def test_a_worker_that_dies_while_extending_leaves_no_trace_and_two_never_double(tenant: Tenant) -> None:
    made = await add(tenant, MONDAYS)
    later = tenant.now[0] + timedelta(days=60)
    with pytest.raises(RuntimeError, match="killed"):
        async with tenant.database.system_transaction() as session:
            assert await extend_next_series(session=session, policies=PolicyCache(), now=later)
            raise RuntimeError("killed")
    assert (await tenant.get(f"/v1/series/{made['id']}"))["extended_to"] == made["extended_to"]

    await asyncio.gather(*(extend_one(tenant.database, PolicyCache(), lambda: later) for _ in range(4)))

    found = await active(tenant)
    assert len(found) == len(set(found))
    grown = await tenant.get(f"/v1/series/{made['id']}")
    assert sorted(found) == starts(grown)


async def test_a_series_that_cannot_be_extended_keeps_no_other_from_it(tenant: Tenant) -> None:
    broken = await add(tenant, MONDAYS)
    tenant.now[0] += timedelta(minutes=1)
    sound = await add(tenant, MONDAYS, "2027-03-08T11:00:00Z")
    await tenant.rows("UPDATE series SET zone = 'Nowhere/None' WHERE id = :id RETURNING 1", id=UUID(broken["id"]))
    later = [tenant.now[0] + timedelta(days=30)]
    policies = PolicyCache()

    async def extend() -> int:
        extended = 0
        while await extend_one(tenant.database, policies, lambda: later[0]):
            extended += 1
        return extended

    assert await extend() == 2, "one is put off"

    grown = await tenant.get(f"/v1/series/{sound['id']}")
    assert grown["extended_to"] > sound["extended_to"]
    assert grown["last_failure"] is None
    failed_at = later[0].strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {"code": "internal_error", "failed_at": failed_at}
    assert (await tenant.get(f"/v1/series/{broken['id']}"))["last_failure"] == told
    await tenant.rows("UPDATE series SET zone = 'Europe/Berlin' WHERE id = :id RETURNING 1", id=UUID(broken["id"]))
    assert await extend() == 0, "its turn has not come again"
    later[0] += timedelta(hours=1)
    assert await extend() == 1
    mended = await tenant.get(f"/v1/series/{broken['id']}")
    assert mended["extended_to"] > broken["extended_to"]
    assert mended["last_failure"] is None


async def test_extending_skips_what_is_taken_and_ends_with_an_erased_client(tenant: Tenant) -> None:
    made = await add(tenant, MONDAYS)
    later = tenant.now[0] + timedelta(days=7)
    last = date.fromisoformat(made["occurrences"][-1]["occurs_on"]) + timedelta(weeks=1)
    at = datetime(last.year, last.month, last.day, 8, tzinfo=UTC)
    taken = await tenant.book(at.isoformat())

    await extend_one(tenant.database, PolicyCache(), lambda: later)

    newest = (await tenant.get(f"/v1/series/{made['id']}"))["occurrences"][-1]
    assert (newest["outcome"], newest["reasons"][0]["conflicts_with"]) == ("skipped", [taken["id"]])
    await tenant.rows("UPDATE clients SET erased = true RETURNING id")
    await extend_one(tenant.database, PolicyCache(), lambda: later + timedelta(days=2))
    assert (await tenant.get(f"/v1/series/{made['id']}"))["status"] == "cancelled"


async def test_series_are_listed_newest_first_and_seen_by_their_own_organization_only(tenant: Tenant) -> None:
    made = []
    for hour in (9, 11, 13):
        tenant.now[0] += timedelta(minutes=1)
        made.append((await add(tenant, {**MONDAYS, "count": 1}, f"2027-03-08T{hour:02}:00:00Z"))["id"])
    await cancel(tenant, {"id": made[0]}, scope="all")

    first = await tenant.get("/v1/series", limit=2)
    rest = await tenant.get("/v1/series", limit=2, cursor=first["next_cursor"])
    assert [item["id"] for item in first["items"] + rest["items"]] == made[::-1]
    cancelled = (await tenant.api.get("/v1/series?status=cancelled")).json()["items"]
    assert [item["id"] for item in cancelled] == [made[0]]

    other = await tenant.client_as(organization=uuid4())
    assert (await other.get("/v1/series")).json()["items"] == []
    assert (await other.get(f"/v1/series/{made[1]}")).status_code == 404
    assert (await other.patch(f"/v1/series/{made[1]}", json={"scope": "all", "notes": "x"})).status_code == 404
    foreign = await other.post(f"/v1/series/{made[1]}/cancel", json={"scope": "all", "reason": "x"})
    assert foreign.status_code == 404


async def test_a_series_and_single_bookings_in_a_race_never_overlap(tenant: Tenant) -> None:
    recurrence = {**MONDAYS, "count": 10}
    answers = await asyncio.gather(
        *(tenant.api.post("/v1/series", json=series_request(tenant, recurrence, on_conflict="skip")) for _ in range(3)),
        *(
            tenant.api.post("/v1/appointments", json=tenant.request(f"2027-03-{day:02}T09:15:00Z"))
            for day in (8, 15, 22)
            for _ in range(3)
        ),
    )

    assert {answer.status_code for answer in answers} <= {201, 409}
    overlapping = await tenant.rows(
        """
        SELECT 1 FROM occupancy a JOIN occupancy b
          ON a.resource_id = b.resource_id AND a.blocked && b.blocked AND a.holder_id < b.holder_id
        """
    )
    assert overlapping == []


async def test_a_horizon_that_is_years_behind_is_made_up_for_step_by_step(tenant: Tenant) -> None:
    made = await add(tenant, {"freq": "weekly", "weekdays": list(range(7))})
    later = tenant.now[0] + timedelta(days=3 * 365)
    policies = PolicyCache()

    steps = 0
    while await extend_one(tenant.database, policies, lambda: later):
        steps += 1

    grown = await tenant.get(f"/v1/series/{made['id']}")
    assert steps == 3
    assert grown["extended_to"] == (later.date() + timedelta(days=HORIZON_DAYS)).isoformat()
    assert {
        occurrence["reasons"][0]["code"] for occurrence in grown["occurrences"] if occurrence["outcome"] == "skipped"
    } == {"in_the_past"}
