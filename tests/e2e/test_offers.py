"""What availability offers, booking accepts; what it does not offer, booking refuses: two services, one rule set."""

import random
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from harness.platform import Platform
from harness.world import STARTED, World, expect, stamp, until_true

pytestmark = pytest.mark.e2e

DAYS = 2
ZONES = ("Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu")


def next_change_of_clocks(zone: str) -> datetime:
    """Midnight UTC of the day before `zone` next changes its offset, or of the tenth day after the run began."""
    day = STARTED.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=10)
    for number in range(300):
        here, there = (day + timedelta(days=number + each) for each in (0, 2))
        if here.astimezone(ZoneInfo(zone)).utcoffset() != there.astimezone(ZoneInfo(zone)).utcoffset():
            return here
    return day


async def a_random_world(platform: Platform, seed: int) -> tuple[World, datetime, int]:
    """Odd hours, breaks, an overnight shift, buffers, time off, a closed date, a few bookings."""
    chance = random.Random(seed)
    zone = ZONES[seed % len(ZONES)]
    interval = chance.choice((15, 30))
    first = next_change_of_clocks(zone)
    world = platform.an_empty_world()
    await world.set_up(staff=2, zone=zone, duration_minutes=interval)
    changes: dict[str, Any] = {
        "duration_minutes": interval * chance.randint(1, 4),
        "buffer_before_minutes": chance.choice((0, 5, 20)),
        "buffer_after_minutes": chance.choice((0, 10, 15)),
        "minimum_notice_minutes": chance.choice((0, 0, 60 * 24 * 11)),
    }
    expect(await world.booking.patch(f"/v1/services/{world.service['id']}", json=changes))
    await world.availability.put(f"/v1/businesses/{world.business['id']}/schedule", json={"weekly": a_week(chance)})
    one, other = world.staff
    expect(
        await world.availability.put(
            f"/v1/resources/{one['id']}/schedule", json={"weekly": a_week(chance, nights=True)}
        )
    )
    time_off = {
        "starts_at": stamp(first + timedelta(hours=chance.randint(6, 40))),
        "ends_at": stamp(first + timedelta(hours=chance.randint(41, 60), minutes=7)),
    }
    expect(
        await world.availability.post(f"/v1/resources/{other['id']}/time-off", json=time_off, headers=world.fresh_key())
    )
    override = {"on": f"{first + timedelta(days=1):%Y-%m-%d}", "intervals": [{"from": "01:30", "to": "13:45"}]}
    expect(
        await world.availability.post(
            f"/v1/businesses/{world.business['id']}/date-overrides", json=override, headers=world.fresh_key()
        )
    )
    return world, first, interval


def a_week(chance: random.Random, *, nights: bool = False) -> list[dict[str, Any]]:
    def clock(minutes: int) -> str:
        return f"{minutes // 60:02}:{minutes % 60:02}"

    week = []
    for weekday in range(7):
        opening, closing = chance.randrange(0, 660, 5), chance.randrange(900, 1200, 5)
        middle = chance.randrange(700, 840, 5)
        intervals = [
            {"from": clock(opening), "to": clock(middle)},
            {"from": clock(middle + 35), "to": clock(closing)},
        ]
        if nights:
            intervals = [{"from": "22:10", "to": "05:20"}]
        week.append({"weekday": weekday, "intervals": intervals})
    return week


async def offered(world: World, first: datetime) -> set[str]:
    days = expect(await world.availability.get("/v1/slots", params=world.slots_query(first, days=DAYS)))["days"]
    return {slot["starts_at"] for each in days for slot in each["slots"]}


async def can_be_held(world: World, starts_at: datetime) -> tuple[bool, Any]:
    body = {"business_id": world.business["id"], "service_id": world.service["id"], "starts_at": stamp(starts_at)}
    answer = await world.booking.post("/v1/holds", json=body, headers=world.fresh_key())
    if answer.status_code == 201:
        expect(await world.booking.delete(f"/v1/holds/{answer.json()['id']}"), 204)
        return True, None
    refusal = expect(answer, 409)
    assert refusal["reasons"], refusal
    return False, sorted({each["code"] for each in refusal["reasons"]})


async def differences(world: World, first: datetime, interval: int) -> list[str]:
    """Every start on the grid, asked of both services."""
    offers = await offered(world, first)
    found = []
    for number in range(DAYS * 24 * 60 // interval):
        starts_at = first + timedelta(minutes=interval * number)
        bookable, reasons = await can_be_held(world, starts_at)
        if bookable != (stamp(starts_at) in offers):
            found.append(f"{stamp(starts_at)}: offered {not bookable}, bookable {bookable} {reasons}")
    return found


async def they_agree(world: World, first: datetime, interval: int) -> None:
    """Asks until what travels by Kafka has arrived; then says where they differ."""

    async def agree() -> bool:
        left = await differences(world, first, interval)
        assert not left, "\n".join(left[:20])
        return True

    await until_true(agree, what="both services agree")


@pytest.mark.parametrize("seed", range(4))
async def test_every_start_on_the_grid_is_offered_if_and_only_if_it_can_be_booked(
    platform: Platform, seed: int
) -> None:
    world, first, interval = await a_random_world(platform, seed)
    await they_agree(world, first, interval)
    offers = sorted(await offered(world, first))
    for start in random.Random(seed).sample(offers, min(6, len(offers))):
        body = world.booking_of(datetime.fromisoformat(start))
        answer = await world.booking.post("/v1/appointments", json=body, headers=world.fresh_key())
        assert answer.status_code in {201, 409}
    await they_agree(world, first, interval)
