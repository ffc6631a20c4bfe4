"""Whoever shares a session of a group service is one card, which says how many of its seats are taken."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from harness.accessibility import BEYOND, axe_findings
from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice
from harness.world import Json, expect
from playwright.async_api import Locator


@pytest_asyncio.fixture(loop_scope="session")
async def yoga(practice: Practice) -> AsyncIterator[Json]:
    """A service for three at a time, archived afterwards so that no other test meets it."""
    world = practice.world
    body = {"business_id": world.business["id"], "name": "Yoga", "duration_minutes": 60, "capacity": 3}
    added: Json = expect(await world.booking.post("/v1/services", json=body, headers=world.fresh_key()))
    yield added
    expect(await world.booking.patch(f"/v1/services/{added['id']}", json={"archived": True}))


async def test_a_session_says_how_many_of_its_seats_are_taken_and_that_it_is_full(
    desk: Desk, practice: Practice, yoga: Json
) -> None:
    day = practice.a_day()
    for name in ("Una Yoga", "Uwe Yoga"):
        await practice.book(day, name, staff=0, service_id=yoga["id"])
    await desk.open_day(day)

    card = _session(desk, day)
    await see(card).to_have_count(1)
    await see(card).to_contain_text("2 of 3 seats")
    await see(card).to_have_accessible_name("10:00–11:00, Yoga, 2 of 3 seats, Una Yoga, Uwe Yoga")

    # Also what another desk books, without being asked.
    await practice.book(day, "Udo Yoga", staff=0, service_id=yoga["id"])
    await see(card).to_contain_text("Full, 3 of 3 seats")
    await see(card).to_have_count(1)


async def test_who_is_at_a_session_is_told_and_opened_one_by_one(desk: Desk, practice: Practice, yoga: Json) -> None:
    day = practice.a_day()
    for name in ("Vera Together", "Viola Together"):
        await practice.book(day, name, staff=0, service_id=yoga["id"])
    await practice.book(day + timedelta(hours=2), "Wim Alone", staff=0, service_id=yoga["id"])
    await desk.open_day(day)

    await _session(desk, day).click()
    await see(desk.drawer.get_by_role("heading", name="Vera Together")).to_be_visible()
    await see(desk.drawer).to_contain_text("2 of 3 seats")
    await desk.button("Viola Together", within=desk.drawer).click()
    await see(desk.drawer.get_by_role("heading", name="Viola Together")).to_be_visible()
    await see(_session(desk, day)).to_have_class(_HAS_OPEN)

    # Whoever is there alone is a card like others, and can be moved like others.
    alone = desk.card("Wim Alone")
    await see(alone).to_contain_text("1 of 3 seats")
    await alone.focus()
    await desk.press("Space", *["ArrowDown"] * 4, "Enter")
    await desk.agree()
    await desk.told("Wim Alone moved to")


async def test_a_service_for_one_has_no_seats(desk: Desk, practice: Practice, yoga: Json) -> None:
    await practice.book(practice.a_day(), "Xenia Single", staff=0)

    drawer = await desk.open("Xenia Single")

    await see(drawer).to_contain_text("Haircut")
    await see(drawer.get_by_text("Seats", exact=True)).to_have_count(0)


@pytest.mark.parametrize("way", ["light", "dark", "phone", "arabic"])
async def test_a_session_can_be_used_by_everybody(
    open_desk: OpenDesk, practice: Practice, yoga: Json, way: str
) -> None:
    options: dict[str, object] = {"bypass_csp": True, "reduced_motion": "reduce"}
    options |= {"viewport": {"width": 320, "height": 640}} if way == "phone" else {}
    async with open_desk(**options) as desk:
        await desk.page.emulate_media(color_scheme="dark" if way == "dark" else "light")
        if way == "arabic":
            await desk.page.add_init_script("localStorage.setItem('slotstream-language', 'ar')")
        day = practice.a_day()
        for name in ("Yara Axe", "Yann Axe"):
            await practice.book(day, name, staff=0, service_id=yoga["id"])
        await desk.open_day(day)
        await see(_session(desk, day)).to_be_visible()

        assert await axe_findings(desk.page) == []
        assert await desk.page.evaluate(BEYOND, ".seg, .tg, .tabs, .people, table") == []


_HAS_OPEN = re.compile(r"\bopen\b")


def _session(desk: Desk, day: datetime) -> Locator:
    return desk.page.locator("[data-holds]").filter(has_text="Yoga")
