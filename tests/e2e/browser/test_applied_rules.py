"""A default reminder that begins to hold offers itself to the appointments that stand already."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from harness.accessibility import BEYOND, axe_findings
from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice
from harness.world import expect, until_true
from playwright.async_api import Locator, Route

SERVICE = "Reminded"
PHONE = {"width": 390, "height": 844}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def standing(practice: Practice) -> AsyncIterator[list[dict[str, Any]]]:
    """Two appointments of a service of their own, which notifications knows; its rules are deleted afterwards."""
    world = practice.world
    body = {"business_id": world.business["id"], "name": SERVICE, "duration_minutes": 30}
    service = expect(await world.booking.post("/v1/services", json=body, headers=world.fresh_key()))
    day = practice.a_day()
    booked = [
        await practice.book(day + place * timedelta(hours=1), f"Rita Remind {place}", service_id=service["id"])
        for place in range(2)
    ]

    async def known() -> bool:
        query = {"appointment_id": [item["id"] for item in booked], "kind": "created"}
        return len(expect(await world.notifications.get("/v1/messages", params=query))["items"]) == len(booked)

    await until_true(known, what="notifications knows the appointments")
    yield booked
    for rule in expect(await world.notifications.get("/v1/reminder-rules", params={"limit": 100}))["items"]:
        if rule["service_id"] == service["id"]:
            await world.notifications.delete(f"/v1/reminder-rules/{rule['id']}")
    expect(await world.booking.patch(f"/v1/services/{service['id']}", json={"archived": True}))


def offer_of(desk: Desk) -> Locator:
    return desk.page.get_by_role("region", name=re.compile("^Existing appointments"))


async def test_a_new_rule_is_applied_to_what_stands_with_the_keyboard(
    desk: Desk, practice: Practice, standing: list[dict[str, Any]]
) -> None:
    world = practice.world
    await desk.goto("/reminders")
    form = desk.page.locator(".panel").filter(has=desk.page.get_by_role("heading", name="New default reminder"))
    await form.get_by_label("Before").fill("3")
    await desk.choose("For", SERVICE, within=form)
    await desk.button("Add reminder", within=form).click()

    offer = offer_of(desk)
    await see(offer).to_contain_text("2 appointments stand already: apply it to them too?")
    assert await axe_findings(desk.page) == []
    for item in standing:
        assert expect(await world.notifications.get(f"/v1/appointments/{item['id']}/reminders"))["items"] == []
    apply = desk.button("Apply", within=offer)
    await apply.focus()
    await desk.press("Enter")
    await see(offer).to_be_focused()
    await see(offer.get_by_role("status")).to_have_text("Reminders planned: 2")
    assert await axe_findings(desk.page) == []
    for item in standing:
        [reminder] = expect(await world.notifications.get(f"/v1/appointments/{item['id']}/reminders"))["items"]
        assert (reminder["status"], reminder["minutes_before"]) == ("planned", 3 * 1440)
    await desk.tab_to("Close")
    await desk.press("Enter")
    await see(offer).to_have_count(0)


async def test_not_now_leaves_all_as_it_is_and_it_can_be_asked_for_later(
    desk: Desk, practice: Practice, standing: list[dict[str, Any]]
) -> None:
    await desk.goto("/reminders")
    form = desk.page.locator(".panel").filter(has=desk.page.get_by_role("heading", name="New default reminder"))
    await form.get_by_label("Before").fill("5")
    await desk.choose("For", SERVICE, within=form)
    await desk.button("Add reminder", within=form).click()
    offer = offer_of(desk)
    await desk.button("Not now", within=offer).click()
    await see(offer).to_have_count(0)
    for item in standing:
        path = f"/v1/appointments/{item['id']}/reminders"
        found = expect(await practice.world.notifications.get(path))["items"]
        assert 5 * 1440 not in [reminder["minutes_before"] for reminder in found]

    line = desk.page.locator(".ln").filter(has_text=SERVICE).filter(has_text="5 days")
    await line.get_by_role("button", name=re.compile("^Existing appointments")).click()
    await see(offer).to_contain_text("2 appointments stand already")
    await desk.button("Apply", within=offer).click()
    await see(offer.get_by_role("status")).to_have_text("Reminders planned: 2")
    await desk.button("Close", within=offer).click()
    # Nobody is left: where it is switched on again nothing is offered, and whoever asks is told.
    box = line.get_by_role("checkbox")
    await line.locator("label").click()
    await see(box).not_to_be_checked()
    await line.locator("label").click()
    await see(box).to_be_checked()
    await see(offer).to_have_count(0)
    await line.get_by_role("button", name=re.compile("^Existing appointments")).click()
    await see(offer).to_contain_text("No appointment stands already that it could be applied to.")


async def test_a_rule_that_is_pressed_twice_before_the_first_answer_came_is_switched_once(
    desk: Desk, practice: Practice, standing: list[dict[str, Any]]
) -> None:
    world = practice.world
    body = {"channel": "email", "minutes_before": 8 * 1440, "by_clock": True, "service_id": standing[0]["service_id"]}
    rule = expect(await world.notifications.post("/v1/reminder-rules", json=body, headers=world.fresh_key()))
    await desk.goto("/reminders")
    pressed_twice, sent = asyncio.Event(), list[str]()

    async def hold(route: Route) -> None:
        sent.append(route.request.method)
        await pressed_twice.wait()
        await route.continue_()

    await desk.page.route(f"**/reminder-rules/{rule['id']}", hold)
    line = desk.page.locator(".ln").filter(has_text=SERVICE).filter(has_text="8 days")
    for _ in range(2):
        await line.locator("label").click()
    pressed_twice.set()
    await see(line.get_by_role("checkbox")).not_to_be_checked()
    await desk.button("Remove", within=line).click()
    await see(line).to_have_count(0)
    assert sent == ["PATCH", "DELETE"]
    await see(desk.page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_the_offer_fits_on_a_phone(open_desk: OpenDesk, standing: list[dict[str, Any]], language: str) -> None:
    async with open_desk(viewport=PHONE, has_touch=True) as desk:
        await desk.page.add_init_script(f"localStorage.setItem('slotstream-language', '{language}')")
        await desk.goto("/reminders")
        line = desk.page.locator(".ln").filter(has_text=SERVICE).first
        await line.locator("button").first.click()
        await see(desk.page.locator(".panel [role=status]")).to_be_visible()
        assert await desk.page.evaluate(BEYOND, "table") == []
        assert await axe_findings(desk.page) == []
