"""What booking tells of series as a whole."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from booking_fixtures import Tenant
from series_requests import MONDAYS, add, cancel, patch, series_request
from sqlalchemy import text

from booking.storage.policies import PolicyCache
from booking.worker import extend_one
from slotstream_contracts.testing import assert_valid_message

pytestmark = pytest.mark.service


async def told(tenant: Tenant) -> list[dict[str, Any]]:
    """Takes what waits to be published, each checked by its closed schema; of it what is about appointments' changes
    and series.
    """
    async with tenant.database.system_transaction() as session:
        rows = (await session.execute(text("DELETE FROM outbox RETURNING *"))).all()
    messages = [assert_valid_message(row) for row in sorted(rows, key=lambda row: row.seq)]
    return [
        message
        for message in messages
        if message is not None
        and message["type"].startswith(("slotstream.series.", "slotstream.appointment."))
        and not message["type"].endswith(".state")
    ]


def series_in(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message for message in messages if message["type"].startswith("slotstream.series.")]


def versions_in(messages: list[dict[str, Any]]) -> set[int | None]:
    return {
        message["data"]["change"]["series_version"]
        for message in messages
        if message["type"].startswith("slotstream.appointment.")
    }


@pytest_asyncio.fixture(autouse=True)
async def _nothing_waits(tenant: Tenant) -> AsyncIterator[None]:
    await told(tenant)
    yield


async def test_a_series_is_one_event_with_all_its_dates_and_its_appointments_say_so(tenant: Tenant) -> None:
    await tenant.book("2027-03-15T09:00:00Z")
    await told(tenant)
    made = await add(tenant, {**MONDAYS, "count": 3}, on_conflict="skip")

    messages = await told(tenant)
    [event] = series_in(messages)
    data = event["data"]
    assert (event["type"], event["sequence"], event["partitionkey"]) == ("slotstream.series.created", 1, made["id"])
    assert [(one["occurs_on"], one["outcome"], one["result"]) for one in data["series"]["dates"]] == [
        ("2027-03-08", "booked", "booked"),
        ("2027-03-15", "skipped", "skipped"),
        ("2027-03-22", "booked", "booked"),
    ]
    assert data["series"]["dates"][0]["appointment"]["staff_ids"] == [tenant.staff[0]["id"]]
    assert data["series"]["rule"]["until"] == "2027-03-22"
    appointments = [message["data"]["appointment"] for message in messages if message is not event]
    assert {one["series_calendar_uid"] for one in appointments} == {data["series"]["calendar_uid"]}
    assert len({one["calendar_uid"] for one in appointments}) == 2
    assert versions_in(messages) == {1}


async def test_what_is_done_to_all_is_marked_and_what_is_done_to_one_is_not(tenant: Tenant) -> None:
    made = await add(tenant, {**MONDAYS, "count": 3})
    await told(tenant)

    await patch(tenant, made, scope="all", local_time="12:00")
    moved = await told(tenant)
    [event] = series_in(moved)
    assert [one.get("result") for one in event["data"]["series"]["dates"]] == ["moved"] * 3
    assert event["data"]["change"] == {
        "scope": "all",
        "notify_client": True,
        "former_staff_ids": [tenant.staff[0]["id"]],
        "resources_changed": False,
    }
    assert versions_in(moved) == {2}

    await patch(tenant, made, scope="this", occurs_on="2027-03-15", starts_at="2027-03-15T14:00:00Z")
    one = await told(tenant)
    assert [(message["data"]["change"]["scope"], message["sequence"]) for message in series_in(one)] == [("this", 3)]
    assert versions_in(one) == {None}

    await cancel(tenant, made, scope="following", occurs_on="2027-03-22", notify=False)
    cut = await told(tenant)
    [event] = series_in(cut)
    assert (event["type"], event["data"]["series"]["status"]) == ("slotstream.series.cancelled", "active")
    assert [one.get("result") for one in event["data"]["series"]["dates"]] == [None, None, "cancelled"]
    assert event["data"]["change"]["notify_client"] is False
    assert versions_in(cut) == {4}


async def test_new_resources_for_all_name_who_had_them_before(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    made = await add(tenant, {**MONDAYS, "count": 2})
    await told(tenant)
    await patch(tenant, made, scope="all", resource_ids=[bob["id"]])

    messages = await told(tenant)
    [event] = series_in(messages)
    assert event["data"]["change"]["former_staff_ids"] == [tenant.staff[0]["id"]]
    assert event["data"]["change"]["resources_changed"] is True
    assert {tuple(one["appointment"]["staff_ids"]) for one in event["data"]["series"]["dates"]} == {(bob["id"],)}
    assert versions_in(messages) == {2}


async def test_an_extension_is_told_with_the_dates_that_it_added(tenant: Tenant) -> None:
    made = await add(tenant, MONDAYS)
    [created] = series_in(await told(tenant))
    later = tenant.now[0] + timedelta(days=8)
    assert await extend_one(tenant.database, PolicyCache(), lambda: later)

    messages = await told(tenant)
    [event] = series_in(messages)
    assert (event["type"], event["subject"], event["sequence"]) == ("slotstream.series.extended", made["id"], 2)
    before, dates = created["data"]["series"]["dates"], event["data"]["series"]["dates"]
    assert len(dates) > len(before)
    assert {one.get("result") for one in dates[: len(before)]} == {None}
    assert {one.get("result") for one in dates[len(before) :]} == {"booked"}


async def test_a_refused_series_is_told_to_nobody(tenant: Tenant) -> None:
    await tenant.book("2027-03-15T09:00:00Z")
    await told(tenant)
    await tenant.post("/v1/series", series_request(tenant, {**MONDAYS, "count": 3}), status=409)
    assert await told(tenant) == []


async def test_a_series_of_before_goes_on_without_events(tenant: Tenant) -> None:
    made = await add(tenant, {**MONDAYS, "count": 2})
    async with tenant.database.system_transaction() as session:
        await session.execute(text("UPDATE series SET calendar_uid = NULL"))
    await told(tenant)
    await patch(tenant, made, scope="all", local_time="12:00")

    messages = await told(tenant)
    assert series_in(messages) == []
    assert versions_in(messages) == {None}
