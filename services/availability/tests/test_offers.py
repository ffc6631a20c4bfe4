"""What is offered is what is bookable: worlds made up at random, told by events and HTTP, asked over HTTP."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest
from availability_town import Town
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slotstream_scheduling import from_epoch, grid_starts, instant_on
from slotstream_servicekit.ids import new_id

pytestmark = pytest.mark.service

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago", "UTC")
# Clock changes of both hemispheres, a leap day and a plain one; all in the future of the clock.
DAYS = (date(2027, 3, 28), date(2026, 10, 4), date(2026, 11, 1), date(2028, 2, 29), date(2027, 4, 4), date(2026, 6, 10))

days = st.builds(lambda day, shift: day + timedelta(days=shift), st.sampled_from(DAYS), st.integers(-1, 1))
zones = st.sampled_from(ZONES)


@st.composite
def intervals(draw: st.DrawFn) -> list[dict[str, str]]:
    """None, one, two with a break between, or one over midnight."""
    edges = sorted(draw(st.lists(st.integers(0, 47), min_size=0, max_size=4, unique=True)))
    times = [f"{edge // 2:02}:{edge % 2 * 30:02}" for edge in edges]
    if len(times) in {1, 3}:
        return [{"from": times[-1], "to": times[0]}] if len(times) == 3 else []
    return [{"from": start, "to": end} for start, end in zip(times[::2], times[1::2], strict=True)]


@st.composite
def weeks(draw: st.DrawFn) -> dict[str, Any]:
    hours = draw(st.one_of(st.just([{"from": "08:00", "to": "18:00"}]), intervals()))
    if any(each["to"] <= each["from"] for each in hours):
        hours = hours[:1]
    return {"weekly": [{"weekday": day, "intervals": hours} for day in range(7)], "zone": draw(zones)}


def stamps(day: date, start: int, minutes: int) -> dict[str, str]:
    """An exact interval, from a number of minutes after the day's midnight in UTC."""
    starts_at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=start)
    ends_at = starts_at + timedelta(minutes=minutes)
    return {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    day = draw(days)
    near = st.sampled_from((0, 0, 1, -1)).map(lambda shift: (day + timedelta(days=shift)).isoformat())
    spans = st.builds(
        stamps, st.just(day), st.integers(-36, 96).map(lambda n: n * 15), st.integers(1, 40).map(lambda n: n * 15)
    )
    few = {"min_size": 0, "max_size": 2}
    return {
        "day": day,
        "zone": draw(zones),
        "now": draw(st.sampled_from((-30, -1, 2))),
        "service": {
            "duration_minutes": draw(st.sampled_from((30, 45, 90))),
            "slot_interval_minutes": draw(st.sampled_from((30, 45, 60))),
            "buffer_before_minutes": draw(st.sampled_from((0, 15))),
            "buffer_after_minutes": draw(st.sampled_from((0, 10))),
            "minimum_notice_minutes": draw(st.sampled_from((0, 180))),
            "booking_window_days": draw(st.sampled_from((None, None, 1, 60))),
            "capacity": draw(st.sampled_from((1, 1, 2))),
        },
        "places": draw(st.sampled_from(("any", "any", "both", "room"))),
        "business": {
            "hours": draw(weeks()),
            "overrides": draw(st.lists(st.tuples(near, intervals()), **few)),
            "closures": draw(st.lists(spans, max_size=1)),
            "holidays": draw(st.sampled_from((None, "DE", "US"))),
        },
        "resources": [
            {
                "hours": draw(st.one_of(st.none(), weeks())),
                "overrides": draw(st.lists(st.tuples(near, intervals()), **few)),
                "time_off": draw(st.lists(spans, max_size=1)),
                "busy": draw(st.lists(spans, **few)),
                "taken": draw(st.lists(st.integers(-36, 96), max_size=4)),
            }
            for _ in range(3)
        ],
        "together": draw(st.lists(st.integers(-36, 96), max_size=1)),
        "display": draw(zones),
    }


class Told:
    """A world as one organization of the service knows it."""

    def __init__(self, town: Town, client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
        self.town, self.client, self.world = town, client, world
        self.anna, self.ben, self.room = (new_id() for _ in range(3))
        town.business, town.service = new_id(), new_id()

    async def tell(self) -> None:
        """Events as booking and calendar sync send them; schedules over HTTP, as a manager puts them."""
        town, world = self.town, self.world
        requires = {
            "any": [],
            "both": [[self.anna, self.ben], [self.ben, self.room]],
            "room": [[self.anna, self.ben], [self.room]],
        }[world["places"]]
        await town.catalogue(
            town.a_business(zone=world["zone"]),
            town.a_resource(self.anna, zone=world["zone"]),
            town.a_resource(self.ben, zone=world["zone"]),
            town.a_resource(self.room, kind="room", zone=world["zone"]),
            town.a_service(**world["service"], requires=requires),
        )
        business = world["business"]
        path = f"/v1/businesses/{town.business}"
        await self._schedule(path, business["hours"], business["overrides"])
        await self._post(f"{path}/closures", business["closures"])
        if business["holidays"]:
            await self._put(f"{path}/holidays", {"country": business["holidays"]})
        for identity, resource in zip((self.anna, self.ben, self.room), world["resources"], strict=True):
            path = f"/v1/resources/{identity}"
            await self._schedule(path, resource["hours"], resource["overrides"])
            await self._post(f"{path}/time-off", resource["time_off"])
            await town.busy(
                *(
                    town.an_external_event(span["starts_at"], identity, f"{identity}:{number}", **self._until(span))
                    for number, span in enumerate(resource["busy"])
                )
            )
            await self._book(resource["taken"], identity)
        await self._book(world["together"], self.anna, self.room)

    @staticmethod
    def _until(span: dict[str, str]) -> dict[str, Any]:
        return {"ends_at": datetime.fromisoformat(span["ends_at"])}

    async def _schedule(self, path: str, hours: dict[str, Any] | None, overrides: list[Any]) -> None:
        if hours is not None:
            await self._put(f"{path}/schedule", hours)
        for on, given_intervals in dict(overrides).items():
            await self._post(f"{path}/date-overrides", [{"on": on, "intervals": given_intervals[:1]}])

    async def _book(self, quarters: list[int], *resources: Any) -> None:
        service = self.world["service"]
        length = service["duration_minutes"]
        buffers = {name: service[name] for name in ("buffer_before_minutes", "buffer_after_minutes")}
        for quarter in quarters:
            span = stamps(self.world["day"], quarter * 15, length)
            await self.town.appointments(
                self.town.an_appointment(span["starts_at"], *resources, **self._until(span), **buffers)
            )

    async def _put(self, path: str, body: dict[str, Any]) -> None:
        answer = await self.client.put(path, json=body)
        assert answer.status_code == 200, answer.text

    async def _post(self, path: str, bodies: list[dict[str, Any]]) -> None:
        for body in bodies:
            answer = await self.client.post(path, json=body)
            assert answer.status_code == 201, answer.text

    async def offered(self, **query: str) -> list[dict[str, Any]]:
        asked = {"service_id": str(self.town.service), "zone": self.world["display"], **query}
        answer = await self.client.get("/v1/slots", params=asked)
        assert answer.status_code == 200, answer.text
        return [{**slot, "date": day["date"]} for day in answer.json()["days"] for slot in day["slots"]]

    async def bookable(self, start: datetime, *resources: Any) -> dict[str, Any]:
        """Judged by the very function that booking judges by."""
        body = {"service_id": str(self.town.service), "starts_at": start.isoformat(), "resource_ids": list(resources)}
        answer = await self.client.post("/v1/bookability", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def check(told: Told) -> int:
    """How many starts were offered."""
    world = told.world
    zone, step = world["business"]["hours"]["zone"], timedelta(minutes=world["service"]["slot_interval_minutes"])
    start, end = (instant_on(zone, world["day"] + timedelta(days=shift), 0) for shift in (0, 1))
    told.town.clock.now = from_epoch(start) + timedelta(hours=world["now"])
    await told.tell()
    window = {"from": from_epoch(start).isoformat(), "to": from_epoch(end).isoformat()}

    slots = {slot["starts_at"]: slot for slot in await told.offered(**window)}
    offered = len(slots)

    short = await told.offered(**window, detail="starts")
    assert [slot["starts_at"] for slot in short] == list(slots)
    for moment in grid_starts(zone, step, start, end):
        at = from_epoch(moment)
        slot = slots.pop(at.isoformat().replace("+00:00", "Z"), None)
        judged = await told.bookable(at)
        assert (slot is not None) == judged["bookable"], (at, judged)
        if slot is not None:
            assert sorted(judged["resource_ids"]) == sorted(slot["resource_ids"])
            if world["places"] == "any":
                assert (await told.bookable(at, slot["resource_ids"][0]))["bookable"]
        else:
            assert judged["reasons"], at
    assert slots == {}, "a start off the grid was offered"
    return offered


async def test_every_start_on_the_grid_is_offered_exactly_when_it_is_bookable(
    town: Town, client: httpx2.AsyncClient
) -> None:
    loop = asyncio.get_running_loop()
    offered: list[int] = []

    @settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(worlds())
    def every_world(world: dict[str, Any]) -> None:
        checking = asyncio.run_coroutine_threadsafe(check(Told(town, client, world)), loop)
        offered.append(checking.result(timeout=60))

    await asyncio.to_thread(every_world)
    assert sum(1 for count in offered if count) >= 5, "hardly any of the worlds had anything to offer"
