"""When somebody is open, asked as slots: each rule of opening hours by one example."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from availability_town import Town, free_of, starts_of

from slotstream_servicekit.ids import new_id

pytestmark = pytest.mark.service


def every_day(*intervals: tuple[str, str]) -> dict[str, Any]:
    hours = [{"from": starts, "to": ends} for starts, ends in intervals]
    return {"weekly": [{"weekday": day, "intervals": hours} for day in range(7)]}


async def opens(client: httpx2.AsyncClient, path: str, *intervals: tuple[str, str], **more: Any) -> None:
    answer = await client.put(f"/v1/{path}/schedule", json={**every_day(*intervals), **more})
    assert answer.status_code == 200, answer.text


async def post(client: httpx2.AsyncClient, path: str, **body: Any) -> None:
    answer = await client.post(f"/v1/{path}", json=body)
    assert answer.status_code == 201, answer.text


async def slots(client: httpx2.AsyncClient, town: Town, day: str = "2026-06-01", **query: Any) -> httpx2.Response:
    window = {"from": day, "to": (date.fromisoformat(day) + timedelta(days=1)).isoformat()}
    return await client.get("/v1/slots", params={"service_id": str(town.service), **window, **query})


async def test_breaks_are_the_gaps_between_a_days_intervals(client: httpx2.AsyncClient, town: Town) -> None:
    await opens(client, f"businesses/{town.business}", ("09:00", "12:00"), ("13:00", "15:00"), ("16:30", "18:00"))

    assert starts_of(await slots(client, town)) == ["09:00", "10:00", "11:00", "13:00", "14:00", "17:00"]


async def test_a_resource_with_hours_of_its_own_keeps_them(open_client: httpx2.AsyncClient, town: Town) -> None:
    await opens(open_client, f"resources/{town.anna}", ("11:00", "14:00"))

    who = free_of(await slots(open_client, town))
    anna, ben = str(town.anna), str(town.ben)
    assert {start: set(ones) for start, ones in who.items()} == {
        "09:00": {ben},
        "10:00": {ben},
        "11:00": {anna, ben},
        "12:00": {anna},
        "13:00": {anna},
    }
    await open_client.put(f"/v1/resources/{town.anna}/schedule", json={"weekly": None})
    assert len(free_of(await slots(open_client, town))) == 3


async def test_a_date_override_replaces_the_hours_of_one_date(open_client: httpx2.AsyncClient, town: Town) -> None:
    intervals = [{"from": "14:00", "to": "16:00"}]
    await post(open_client, f"businesses/{town.business}/date-overrides", on="2026-06-01", intervals=intervals)
    await post(open_client, f"resources/{town.anna}/date-overrides", on="2026-06-01", intervals=[])

    assert free_of(await slots(open_client, town)) == {"14:00": [str(town.ben)], "15:00": [str(town.ben)]}
    assert starts_of(await slots(open_client, town, "2026-06-02")) == ["09:00", "10:00", "11:00"]


async def test_time_off_is_one_persons_and_a_closure_everybodys(open_client: httpx2.AsyncClient, town: Town) -> None:
    away = {"starts_at": "2026-06-01T09:30:00+02:00", "ends_at": "2026-06-01T10:30:00+02:00"}
    closed = {"starts_at": "2026-06-01T11:00:00+02:00", "ends_at": "2026-06-01T11:01:00+02:00"}
    await post(open_client, f"resources/{town.anna}/time-off", **away)
    await post(open_client, f"businesses/{town.business}/closures", **closed)

    assert free_of(await slots(open_client, town)) == {"09:00": [str(town.ben)], "10:00": [str(town.ben)]}


async def test_a_public_holiday_of_a_subdivision_closes_unless_the_business_opens_on_it(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    corpus_christi = "2026-06-04"
    holidays = f"/v1/businesses/{town.business}/holidays"
    for subdivision, count in (("BE", 3), ("BY", 0)):
        await open_client.put(holidays, json={"country": "DE", "subdivision": subdivision})
        assert len(starts_of(await slots(open_client, town, corpus_christi))) == count

    intervals = [{"from": "10:00", "to": "12:00"}]
    await post(open_client, f"businesses/{town.business}/date-overrides", on=corpus_christi, intervals=intervals)
    assert starts_of(await slots(open_client, town, corpus_christi)) == ["10:00", "11:00"]


async def test_hours_over_midnight_belong_to_the_day_they_start_on(client: httpx2.AsyncClient, town: Town) -> None:
    night = [{"from": "22:00", "to": "02:00"}]
    monday = {"weekly": [{"weekday": 0, "intervals": night}]}
    await client.put(f"/v1/businesses/{town.business}/schedule", json=monday)

    assert starts_of(await slots(client, town)) == ["22:00", "23:00"]
    assert starts_of(await slots(client, town, "2026-06-02")) == ["00:00", "01:00"]


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("Europe/Berlin", "2027-03-28", ["01:00", "03:00", "04:00"]),
        ("Europe/Berlin", "2026-10-25", ["01:00", "02:00", "02:00", "03:00", "04:00"]),
        ("America/New_York", "2027-03-14", ["01:00", "03:00", "04:00"]),
        ("America/Santiago", "2026-09-06", ["01:00", "02:00", "03:00", "04:00"]),
        ("Australia/Sydney", "2026-10-04", ["01:00", "03:00", "04:00"]),
        ("Australia/Sydney", "2027-04-04", ["01:00", "02:00", "02:00", "03:00", "04:00"]),
        ("Australia/Lord_Howe", "2026-10-04", ["01:00", "03:00", "04:00"]),
        ("Asia/Kathmandu", "2028-02-29", ["01:00", "02:00", "03:00", "04:00"]),
    ],
)
async def test_hours_across_a_clock_change_stay_on_the_wall(
    *, client: httpx2.AsyncClient, town: Town, zone: str, day: str, expected: list[str]
) -> None:
    await town.catalogue(town.a_business(zone=zone, version=2))
    await opens(client, f"businesses/{town.business}", ("01:00", "05:00"))
    town.clock.now = datetime(2026, 9, 1, tzinfo=UTC)

    assert starts_of(await slots(client, town, day)) == expected


async def test_staff_in_several_zones_answer_one_query(open_client: httpx2.AsyncClient, town: Town) -> None:
    ken = new_id()
    await town.catalogue(town.a_resource(ken, zone="Asia/Tokyo"))
    await opens(open_client, f"resources/{ken}", ("09:00", "11:00"))

    answer = await open_client.get(
        "/v1/slots",
        params={
            "service_id": str(town.service),
            "resource_id": [str(ken), str(town.anna)],
            "from": "2026-06-01T00:00:00Z",
            "to": "2026-06-02T00:00:00Z",
            "zone": "America/New_York",
        },
    )

    assert free_of(answer) == {
        **{start: [str(ken)] for start in ("20:00", "21:00")},
        **{start: [str(town.anna)] for start in ("03:00", "04:00", "05:00")},
    }
    assert [day["date"] for day in answer.json()["days"]] == ["2026-05-31", "2026-06-01"]


async def test_slots_are_for_any_for_one_or_for_several_resources(open_client: httpx2.AsyncClient, town: Town) -> None:
    carl = new_id()
    await town.catalogue(town.a_resource(carl))
    anna, ben = str(town.anna), str(town.ben)

    async def who(*resources: UUID | str) -> set[str]:
        answer = await slots(open_client, town, resource_id=[str(one) for one in resources])
        return {one for ones in free_of(answer).values() for one in ones}

    assert await who() == {anna, ben, str(carl)}
    assert await who(anna) == {anna}
    assert await who(anna, ben) == {anna, ben}


async def test_a_hundred_resources_over_31_days_are_one_query(open_client: httpx2.AsyncClient, town: Town) -> None:
    everybody = [new_id() for _ in range(100)]
    await town.catalogue(*(town.a_resource(one) for one in everybody))
    month = {"from": "2026-06-01", "to": "2026-07-02", "service_id": str(town.service)}

    answer = await open_client.get("/v1/slots", params={**month, "resource_id": [str(one) for one in everybody]})
    one_more = [str(one) for one in (*everybody, town.anna)]

    assert answer.status_code == 200
    assert [slot["free"] for day in answer.json()["days"] for slot in day["slots"]] == [100] * 3 * 23
    assert (await open_client.get("/v1/slots", params={**month, "resource_id": one_more})).status_code == 422


async def test_another_length_than_the_services_own_can_be_asked_for(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    assert starts_of(await slots(open_client, town, duration_minutes=120)) == ["09:00", "10:00"]
