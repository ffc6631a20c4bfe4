from typing import Any
from uuid import UUID

import httpx2
import pytest
from availability_town import Town

from availability.schemas import CalendarOut, FreeBusyOut
from slotstream_servicekit.ids import new_id

pytestmark = pytest.mark.service

WORK_WEEK = [{"weekday": day, "intervals": [{"from": "09:00", "to": "12:00"}]} for day in range(5)]
MONDAY = {"from": "2026-06-01", "to": "2026-06-02", "zone": "Europe/Berlin"}


def hours(spans: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(span["starts_at"][11:16], span["ends_at"][11:16]) for span in spans]


async def test_free_busy_tells_open_taken_and_free_time(open_client: httpx2.AsyncClient, town: Town) -> None:
    await town.appointments(town.an_appointment("2026-06-01T10:00+02:00", town.anna, buffer_after_minutes=15))
    await town.busy(town.an_external_event("2026-06-01T11:15+02:00", town.anna, "cal:1"))

    answer = await open_client.get("/v1/free-busy", params={"resource_id": [str(town.anna), str(town.ben)], **MONDAY})

    FreeBusyOut.model_validate(answer.json())
    anna, ben = answer.json()["resources"]
    assert (hours(anna["open"]), hours(anna["busy"]), hours(anna["free"])) == (
        [("07:00", "10:00")],
        [("08:00", "10:15")],
        [("07:00", "08:00")],
    )
    assert (ben["resource_id"], hours(ben["free"])) == (str(town.ben), [("07:00", "10:00")])


async def test_a_calendar_holds_all_that_a_day_or_week_view_draws(open_client: httpx2.AsyncClient, town: Town) -> None:
    booked = town.an_appointment("2026-06-01T10:00+02:00", town.anna)
    away = {"starts_at": "2026-06-01T09:00:00+02:00", "ends_at": "2026-06-01T10:00:00+02:00", "reason": "Dentist"}
    await town.appointments(booked)
    await town.busy(town.an_external_event("2026-06-01T11:00+02:00", town.ben, "cal:1"))
    await open_client.post(f"/v1/resources/{town.anna}/time-off", json=away)
    await open_client.put(f"/v1/businesses/{town.business}/holidays", json={"country": "DE"})

    week = {"business_id": str(town.business), "from": "2026-05-25", "to": "2026-06-02"}
    answer = await open_client.get("/v1/calendar", params=week)

    view = CalendarOut.model_validate(answer.json())
    [salon] = view.businesses
    lanes = {lane.resource_id: lane for lane in salon.resources}
    assert (len(view.dates), salon.closures[0].kind, salon.closures[0].reason) == (8, "holiday", "Pfingstmontag")
    anna, ben = lanes[town.anna], lanes[town.ben]
    assert [entry.id for entry in anna.appointments] == [booked.appointment.id]
    assert [(entry.kind, entry.reason) for entry in anna.absences] == [("time_off", "Dentist")]
    assert (ben.appointments, len(ben.external), len(ben.working)) == ([], 1, 6)
    one = await open_client.get("/v1/calendar", params={**week, "resource_id": str(town.ben)})
    assert [lane["resource_id"] for lane in one.json()["businesses"][0]["resources"]] == [str(town.ben)]


async def calendar(client: httpx2.AsyncClient, *businesses: UUID, **query: Any) -> CalendarOut:
    answer = await client.get(
        "/v1/calendar", params={"business_id": [str(one) for one in businesses], **MONDAY, **query}
    )
    assert answer.status_code == 200, answer.text
    return CalendarOut.model_validate(answer.json())


async def test_a_cancelled_appointment_leaves_the_calendar(open_client: httpx2.AsyncClient, town: Town) -> None:
    await town.appointments(
        town.an_appointment("2026-06-01T10:00+02:00", town.anna, occupies=False, status="cancelled")
    )

    view = await calendar(open_client, town.business)
    assert all(lane.appointments == [] for lane in view.businesses[0].resources)


async def test_a_calendar_shows_requests_and_no_shows_that_take_no_time(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    for hour, status in ((9, "pending"), (10, "no_show"), (11, "dismissed")):
        start = f"2026-06-01T{hour:02}:00+02:00"
        await town.appointments(town.an_appointment(start, town.anna, occupies=False, status=status))

    [salon] = (await calendar(open_client, town.business)).businesses

    drawn = {lane.resource_id: lane.appointments for lane in salon.resources}[town.anna]
    assert [(each.status, each.occupies) for each in drawn] == [("pending", False), ("no_show", False)]


async def test_a_calendar_goes_across_businesses_in_several_zones(open_client: httpx2.AsyncClient, town: Town) -> None:
    tokyo, ken = new_id(), new_id()
    await town.catalogue(
        town.a_business(id=tokyo, name="Tokyo", zone="Asia/Tokyo"),
        town.a_resource(ken, zone="Asia/Tokyo", business_ids=[tokyo]),
        town.a_resource(town.ben, business_ids=[town.business, tokyo], version=2),
    )
    await open_client.put(f"/v1/businesses/{tokyo}/schedule", json={"weekly": WORK_WEEK})

    berlin, east = (await calendar(open_client, town.business, tokyo)).businesses

    assert (berlin.zone, east.zone) == ("Europe/Berlin", "Asia/Tokyo")
    assert {lane.resource_id for lane in berlin.resources} == {town.anna, town.ben}
    assert {lane.resource_id: f"{lane.working[0].starts_at:%H:%M}" for lane in east.resources} == {
        ken: "00:00",
        town.ben: "00:00",
    }
    free_busy = {"resource_id": [str(town.anna), str(ken)], **MONDAY}
    anna, east_ken = (await open_client.get("/v1/free-busy", params=free_busy)).json()["resources"]
    assert (hours(anna["free"]), hours(east_ken["free"])) == ([("07:00", "10:00")], [("00:00", "03:00")])
    stranger = await open_client.get(
        "/v1/calendar", params={"business_id": str(tokyo), "resource_id": str(town.anna), **MONDAY}
    )
    assert stranger.status_code == 404


async def test_a_calendar_of_too_many_resources_asks_to_name_some(
    open_client: httpx2.AsyncClient, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("availability.usecases.calendars.MAX_RESOURCES", 1)

    refused = await open_client.get("/v1/calendar", params={"business_id": str(town.business), **MONDAY})

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_query")
    assert len((await calendar(open_client, town.business, resource_id=str(town.ben))).businesses) == 1
