"""The README's two pictures, of a day in a salon. `SLOTSTREAM_SCREENSHOTS=1` writes them anew."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from harness.desk import see
from harness.practice import BERLIN, PASSWORD, Practice
from harness.world import STARTED, World, expect, until_true
from playwright.async_api import Browser, Page

FOLDER: Final = Path(__file__).parents[3] / "docs" / "images"
LARGEST: Final = 150_000
STAFF: Final = ("Anna Berg", "Ben Kurz", "Clara Voss", "Deniz Aydın")
HOURS: Final = [{"from": "09:00", "to": "13:00"}, {"from": "14:00", "to": "18:00"}]
BOOKED: Final = (
    # Staff, hour, minute, client, service, what was done since.
    (0, 9, 0, "Grace Hopper", "Haircut", "complete"),
    (0, 9, 45, "Alan Turing", "Colour", "confirm"),
    (0, 11, 30, "Mary Jackson", "Haircut", "confirm"),
    (0, 14, 0, "Edsger Dijkstra", "Haircut", None),
    (0, 15, 0, "Barbara Liskov", "Colour", "confirm"),
    (1, 9, 0, "Katherine Johnson", "Colour", "complete"),
    (1, 10, 45, "Tony Hoare", "Haircut", "dismiss"),
    (1, 11, 15, "Lena Öztürk", "Haircut", "confirm"),
    (1, 14, 30, "Radia Perlman", "Colour", None),
    (1, 16, 30, "Ken Thompson", "Haircut", "confirm"),
    (2, 9, 30, "Jean Bartik", "Haircut", "confirm"),
    (2, 10, 15, "Dorothy Vaughan", "Haircut", None),
    (2, 11, 0, "Dennis Ritchie", "Colour", "confirm"),
    (2, 14, 0, "Frances Allen", "Haircut", "confirm"),
    (2, 15, 30, "Niklaus Wirth", "Haircut", None),
    (3, 10, 0, "Annie Easley", "Colour", "confirm"),
    (3, 12, 0, "Donald Knuth", "Haircut", "confirm"),
    (3, 14, 45, "Margaret Hamilton", "Haircut", None),
    (3, 16, 0, "Leslie Lamport", "Colour", "confirm"),
)


@pytest.mark.parametrize("name", ["calendar", "list"])
async def test_the_readmes_pictures_are_there_and_small(name: str) -> None:
    assert 10_000 < (FOLDER / f"{name}.png").stat().st_size <= LARGEST


@pytest.mark.skipif(not os.environ.get("SLOTSTREAM_SCREENSHOTS"), reason="the pictures are made when asked for")
async def test_make_the_readmes_pictures(browser: Browser, practice: Practice) -> None:
    day = STARTED.astimezone(BERLIN) + timedelta(days=(1 - STARTED.weekday()) % 7 + 7)
    before = len(practice.platform.clients)
    salon = Practice(practice.platform, practice.platform.an_empty_world())
    clients = practice.platform.clients[before:]
    del practice.platform.clients[before:]
    await _fill(salon.world, day)
    async with await browser.new_context(locale="en-GB", viewport={"width": 1360, "height": 850}) as context:
        page = await context.new_page()
        await page.goto(salon.invitation())
        for field in await page.locator("input[type=password]").all():
            await field.fill(PASSWORD)
        await page.locator("form button").click()
        await page.wait_for_url(lambda url: "/invitation/" not in url)
        await page.goto(f"{salon.url}/calendar/day/{day:%Y-%m-%d}")
        await _picture(page, "calendar", wait_for="[data-card]")
        await page.goto(f"{salon.url}/appointments?period=dates&from={day:%Y-%m-%d}&to={day:%Y-%m-%d}")
        await page.set_viewport_size({"width": 1200, "height": 620})
        await _picture(page, "list", wait_for="[data-row]")
    for client in clients:
        await client.aclose()


async def _fill(world: World, day: datetime) -> None:
    await world.set_up(staff=0)
    people = []
    for name in STAFF:
        body = {"name": name, "kind": "staff", "business_ids": [world.business["id"]]}
        people.append(expect(await world.booking.post("/v1/resources", json=body, headers=world.fresh_key())))
    colour = {"business_id": world.business["id"], "name": "Colour", "duration_minutes": 90}
    services = {
        "Haircut": world.service,
        "Colour": expect(await world.booking.post("/v1/services", json=colour, headers=world.fresh_key())),
    }
    path = f"/v1/businesses/{world.business['id']}/schedule"
    version = expect(await world.availability.get(path))["version"]
    weekly = [{"weekday": weekday, "intervals": HOURS} for weekday in range(6)]
    expect(await world.availability.put(path, json={"weekly": weekly}, headers={"If-Match": f'"{version}"'}))
    for staff, hour, minute, name, service, verb in BOOKED:
        more = {
            "resource_ids": [people[staff]["id"]],
            "service_id": services[service]["id"],
            "client": {"name": name, "phone": f"+4930555{hour:02}{minute:02}{staff}"},
        }
        starts_at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN)

        made: list[dict[str, str]] = []

        async def booked(
            starts_at: datetime = starts_at, more: dict[str, object] = more, made: list[dict[str, str]] = made
        ) -> bool:
            body = world.booking_of(starts_at, **more)
            answer = await world.booking.post("/v1/appointments", json=body, headers=world.fresh_key())
            made.extend([answer.json()] if answer.status_code == 201 else [])
            return answer.status_code == 201

        # The new members of staff work once their hours have gone round.
        await until_true(booked, what=f"{name} is booked", within=30)
        if verb is not None:
            await world.act(made[0]["id"], verb)


async def _picture(page: Page, name: str, *, wait_for: str) -> None:
    await see(page.locator(wait_for).first).to_be_visible()
    await see(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    FOLDER.mkdir(exist_ok=True)
    await page.screenshot(path=FOLDER / f"{name}.png", animations="disabled", caret="hide")
