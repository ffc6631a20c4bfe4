from typing import Any

import httpx2
import pytest

from availability.schemas import CalendarOut, FreeBusyOut

pytestmark = pytest.mark.service

MONDAY = {"from": "2026-06-01", "to": "2026-06-02", "zone": "Europe/Berlin"}


def hours(spans: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(span["starts_at"][11:16], span["ends_at"][11:16]) for span in spans]


async def test_free_busy_tells_open_taken_and_free_time(open_client: httpx2.AsyncClient, town: Any) -> None:
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


async def test_a_calendar_holds_all_that_a_day_or_week_view_draws(open_client: httpx2.AsyncClient, town: Any) -> None:
    booked = town.an_appointment("2026-06-01T10:00+02:00", town.anna)
    away = {"starts_at": "2026-06-01T09:00:00+02:00", "ends_at": "2026-06-01T10:00:00+02:00", "reason": "Dentist"}
    await town.appointments(booked)
    await town.busy(town.an_external_event("2026-06-01T11:00+02:00", town.ben, "cal:1"))
    await open_client.post(f"/v1/resources/{town.anna}/time-off", json=away)
    await open_client.put(f"/v1/businesses/{town.business}/holidays", json={"country": "DE"})

    week = {"business_id": str(town.business), "from": "2026-05-25", "to": "2026-06-02"}
    answer = await open_client.get("/v1/calendar", params=week)

    view = CalendarOut.model_validate(answer.json())
    lanes = {lane.resource_id: lane for lane in view.resources}
    assert (len(view.dates), view.closures[0].kind, view.closures[0].reason) == (8, "holiday", "Pfingstmontag")
    anna, ben = lanes[town.anna], lanes[town.ben]
    assert [entry.id for entry in anna.appointments] == [booked.appointment.id]
    assert [(entry.kind, entry.reason) for entry in anna.absences] == [("time_off", "Dentist")]
    assert (ben.appointments, len(ben.external), len(ben.working)) == ([], 1, 6)
    one = await open_client.get("/v1/calendar", params={**week, "resource_id": str(town.ben)})
    assert [lane["resource_id"] for lane in one.json()["resources"]] == [str(town.ben)]


async def test_a_cancelled_appointment_leaves_the_calendar(open_client: httpx2.AsyncClient, town: Any) -> None:
    await town.appointments(
        town.an_appointment("2026-06-01T10:00+02:00", town.anna, occupies=False, status="cancelled")
    )

    answer = await open_client.get("/v1/calendar", params={"business_id": str(town.business), **MONDAY})
    assert all(lane["appointments"] == [] for lane in answer.json()["resources"])
