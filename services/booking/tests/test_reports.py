"""Reports over what happened."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from booking_fixtures import Tenant

RANGE = {"from": "2027-03-01T00:00:00Z", "to": "2027-05-01T00:00:00Z"}


async def report(tenant: Tenant, name: str, **params: Any) -> list[dict[str, Any]]:
    return (await tenant.get(f"/v1/reports/{name}", **(RANGE | params)))["items"]


async def ended(tenant: Tenant, starts_at: str, verb: str, **more: Any) -> dict[str, Any]:
    """An appointment that was completed, missed or cancelled."""
    booked = await tenant.book(starts_at, **more)
    before, tenant.now[0] = tenant.now[0], datetime(2027, 4, 20, tzinfo=UTC)
    body = {"reason": "ill"} if verb == "cancel" else {}
    await tenant.post(f"/v1/appointments/{booked['id']}/{verb}", body)
    tenant.now[0] = before
    return booked


async def test_the_no_show_rate_by_client_service_staff_weekday_and_hour(tenant: Tenant) -> None:
    await ended(tenant, tenant.at(9), "no-show")
    await ended(tenant, tenant.at(10), "complete")
    await ended(tenant, tenant.at(11), "complete")
    for by, key, name in (
        ("client", tenant.client["id"], tenant.client["name"]),
        ("service", tenant.service["id"], tenant.service["name"]),
        ("staff", tenant.staff[0]["id"], tenant.staff[0]["name"]),
        ("weekday", "1", None),
    ):
        assert await report(tenant, "no-shows", by=by) == [
            {"key": key, "name": name, "no_shows": 1, "completed": 2, "rate": 0.3333}
        ], by
    hours = await report(tenant, "no-shows", by="hour")
    assert [(hour["key"], hour["rate"]) for hour in hours] == [("10", 1.0), ("11", 0.0), ("12", 0.0)]


async def test_counts_by_service_and_by_source(tenant: Tenant) -> None:
    massage = await tenant.add_service(name="Long massage")
    await ended(tenant, tenant.at(9), "cancel")
    await tenant.book(tenant.at(10))
    await tenant.book(tenant.at(11), service_id=massage["id"])
    by_service = await report(tenant, "volume", by="service")
    assert [(item["name"], item["appointments"], item["cancelled"]) for item in by_service] == [
        (tenant.service["name"], 2, 1),
        ("Long massage", 1, 0),
    ]
    (by_source,) = await report(tenant, "volume", by="source")
    assert (by_source["key"], by_source["appointments"]) == ("manual", 3)


async def test_an_appointment_that_was_moved_counts_once(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    await tenant.post(f"/v1/appointments/{booked['id']}/reschedule", {"starts_at": tenant.at(11)}, status=201)
    (line,) = await report(tenant, "volume")
    assert line["appointments"] == 1


async def test_an_archived_appointment_still_counts(tenant: Tenant) -> None:
    booked = await ended(tenant, tenant.at(9), "complete")
    tenant.now[0] = datetime(2027, 4, 20, tzinfo=UTC)
    await tenant.post(f"/v1/appointments/{booked['id']}/archive")
    (line,) = await report(tenant, "volume")
    assert line["completed"] == 1


async def test_earned_expected_and_lost_revenue(tenant: Tenant) -> None:
    price = {"quoted_price": {"amount": "40.00", "currency": "EUR"}}
    booked = await ended(tenant, tenant.at(9), "complete", **price)
    await ended(tenant, tenant.at(10), "no-show", **price)
    await ended(tenant, tenant.at(11), "cancel", **price)
    await tenant.book(tenant.at(12), **price)
    (line,) = await report(tenant, "revenue")
    assert (line["currency"], line["earned"], line["expected"], line["lost"]) == ("EUR", "40.00", "40.00", "80.00")
    assert booked["quoted_price"]["amount"] == "40.00"


async def test_weekdays_hours_and_days_are_read_from_the_businesss_clock_over_a_change_of_clocks(
    tenant: Tenant,
) -> None:
    await tenant.open_hours([{"weekday": day, "intervals": [{"from": "00:00", "to": "24:00"}]} for day in range(7)])
    # Berlin goes from +01:00 to +02:00 on Sunday, 28 March 2027, at 01:00 UTC.
    await tenant.book("2027-03-27T22:30:00Z")
    await tenant.book("2027-03-28T22:30:00Z")
    assert {item["key"] for item in await report(tenant, "volume", by="weekday")} == {"5", "0"}
    assert {item["key"] for item in await report(tenant, "volume", by="hour")} == {"23", "0"}
    assert {item["key"] for item in await report(tenant, "volume", by="weekday_hour")} == {"5-23", "0-00"}
    assert {item["key"] for item in await report(tenant, "volume", by="day")} == {"2027-03-27", "2027-03-29"}
    assert [item["appointments"] for item in await report(tenant, "volume", by="month")] == [2]


async def test_a_zone_whose_law_is_newer_than_the_database_is_read_by_the_pinned_rules(tenant: Tenant) -> None:
    # Morocco's clocks went back to UTC for good on 20 September 2026, which many a PostgreSQL has not heard of yet.
    moved = await tenant.api.patch(f"/v1/businesses/{tenant.business['id']}", json={"zone": "Africa/Casablanca"})
    assert moved.status_code == 200, moved.text
    assert (await tenant.book("2027-03-02T09:00:00Z"))["zone"] == "Africa/Casablanca"
    assert [item["key"] for item in await report(tenant, "volume", by="hour")] == ["9"]


async def test_utilisation_is_booked_time_of_working_time(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    day = {"from": "2027-03-02T00:00:00Z", "to": "2027-03-03T00:00:00Z"}
    line = (await report(tenant, "utilisation", **day))[0]
    assert (line["name"], line["open_minutes"], line["booked_minutes"]) == (tenant.staff[0]["name"], 16 * 60, 30)
    assert line["rate"] == round(30 / 960, 4)


async def test_what_began_weeks_before_the_range_and_goes_on_counts_in_utilisation(tenant: Tenant) -> None:
    lent = {"service_id": None, "service_name": "Lent", "duration_minutes": 10 * 24 * 60}
    await tenant.book("2027-03-02T00:00:00Z", override={"reason": "away"}, **lent)
    for begins, ends, minutes in (("2027-03-11", "2027-03-12", 24 * 60), ("2027-03-12", "2027-03-13", 0)):
        day = {"from": f"{begins}T00:00:00Z", "to": f"{ends}T00:00:00Z"}
        assert (await report(tenant, "utilisation", **day))[0]["booked_minutes"] == minutes


async def test_the_seats_of_a_group_count_once_in_utilisation(tenant: Tenant) -> None:
    yoga = await tenant.add_service(name="Yoga", capacity=3)
    for number in range(3):
        client = await tenant.post(
            "/v1/clients", {"name": f"C {number}", "phone": f"+49 30 90182{number}1"}, status=201
        )
        await tenant.book(tenant.at(9), service_id=yoga["id"], client_id=client["id"])
    line = (await report(tenant, "utilisation"))[0]
    assert line["booked_minutes"] == 30


async def test_clients_to_follow_up_are_those_whose_last_appointment_came_to_nothing(tenant: Tenant) -> None:
    missed = await ended(tenant, tenant.at(9), "no-show")
    (line,) = await report(tenant, "follow-ups")
    assert (line["client_id"], line["appointment_id"], line["status"]) == (
        tenant.client["id"],
        missed["id"],
        "no_show",
    )
    await tenant.book(tenant.at(9, day=4))
    assert await report(tenant, "follow-ups") == []


async def test_a_range_that_makes_no_sense_is_refused(tenant: Tenant) -> None:
    for begins, ends in (
        ("2027-03-02T00:00:00Z", "2027-03-01T00:00:00Z"),
        ("2027-03-02T00:00:00Z", "2037-03-01T00:00:00Z"),
    ):
        answer = await tenant.api.get("/v1/reports/volume", params={"from": begins, "to": ends})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_range")


@pytest.mark.parametrize("name", ["no-shows", "volume", "revenue", "utilisation", "follow-ups"])
async def test_reports_are_of_ones_own_organization_and_not_for_agents(tenant: Tenant, name: str) -> None:
    await ended(tenant, tenant.at(9), "no-show", quoted_price={"amount": "40.00", "currency": "EUR"})
    stranger = await tenant.client_as(organization=uuid4())
    answer = await stranger.get(f"/v1/reports/{name}", params=RANGE)
    assert answer.json()["items"] == []
    agent = await tenant.client_as(role="agent")
    assert (await agent.get(f"/v1/reports/{name}", params=RANGE)).status_code == 403


async def test_reports_of_one_business_leave_out_the_others(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    assert await report(tenant, "volume", business_id=str(uuid4())) == []
    (line,) = await report(tenant, "volume", business_id=tenant.business["id"])
    assert line["appointments"] == 1


async def test_a_week_by_the_hour_is_told_whole_and_an_hour_that_comes_twice_is_one_cell(tenant: Tenant) -> None:
    await tenant.open_hours([{"weekday": day, "intervals": [{"from": "00:00", "to": "24:00"}]} for day in range(7)])
    tenant.now[0] = datetime(2027, 10, 1, tzinfo=UTC)
    for starts_at in ("2027-10-31T00:10:00Z", "2027-10-31T01:10:00Z", "2027-11-01T08:00:00Z"):
        await tenant.book(starts_at)
    autumn = {"from": "2027-10-30T00:00:00Z", "to": "2027-11-03T00:00:00Z"}
    cells = await report(tenant, "volume", by="weekday_hour", limit=1, **autumn)
    assert {cell["key"]: cell["appointments"] for cell in cells} == {"6-02": 2, "0-09": 1}
    missed = await report(tenant, "no-shows", by="weekday_hour", **autumn)
    assert {cell["key"] for cell in missed} == {"6-02", "0-09"}
