"""A button that is pressed again before its answer is there."""

import asyncio
from datetime import timedelta

from harness.desk import Desk, see
from harness.practice import Practice
from playwright.async_api import Request, Route


async def test_time_off_that_is_added_by_two_presses_is_stored_once(desk: Desk, practice: Practice) -> None:
    on = practice.a_day() + timedelta(days=200)
    posts: list[Request] = []
    answer = asyncio.Event()

    async def keep_waiting(route: Route) -> None:
        posts.append(route.request)
        await answer.wait()
        await route.continue_()

    await desk.goto("/availability")
    away = desk.page.locator("section.panel").filter(has=desk.page.get_by_role("heading", name="Time off"))
    await desk.page.route("**/time-off", keep_waiting)
    await away.get_by_label("From").fill(f"{on:%Y-%m-%d}")
    await away.get_by_label("Until").fill(f"{on:%Y-%m-%d}")
    await away.get_by_label("Reason").fill("Pressed twice")
    add = desk.button("Add", within=away)

    await add.dblclick()
    await see(add).to_have_attribute("aria-disabled", "true")
    await add.dispatch_event("click")  # A forced click misses where the page's layout moves meanwhile.
    answer.set()

    await see(away.get_by_text("Pressed twice")).to_have_count(1)
    await see(away.get_by_label("From")).to_have_value("")
    assert len(posts) == 1
