"""What the screens say while a service does not answer, and the way to try again."""

import re
from uuid import uuid4

from harness.desk import Desk, see
from harness.practice import Practice
from playwright.async_api import Route

BOOKED = re.compile(r"/v1/appointments\?")


async def _lose(route: Route) -> None:
    await route.abort()


async def test_a_day_whose_appointments_could_not_be_read_is_not_an_empty_day(desk: Desk, practice: Practice) -> None:
    name, day = f"Xenia {uuid4().hex[:6]}", practice.a_day()
    await practice.book(day, name, staff=0)
    await desk.page.route(BOOKED, _lose)
    await desk.open_day(day)
    told = desk.page.get_by_role("alert").filter(has_text="What is booked could not be read.")
    await see(told).to_be_visible()

    await desk.page.unroute(BOOKED)
    await desk.button("Retry", within=told).click()
    await see(desk.card(name)).to_be_visible()
    await see(told).to_have_count(0)


async def test_a_list_that_could_not_be_refreshed_says_since_when_it_is_so(desk: Desk, practice: Practice) -> None:
    name = f"Yves {uuid4().hex[:6]}"
    booked = await practice.book(practice.a_day(), name, staff=0)
    await desk.find(name)
    await desk.page.route(BOOKED, _lose)
    await practice.world.act(booked["id"], "confirm")
    told = desk.page.get_by_role("alert").filter(has_text=re.compile(r"Could not be refreshed\. Shown as of \d+:\d\d"))
    await see(told).to_be_visible()
    await see(desk.row(name)).to_contain_text("Scheduled")

    await desk.page.unroute(BOOKED)
    await desk.button("Retry", within=told).click()
    await see(desk.row(name)).to_contain_text("Confirmed")
    await see(told).to_have_count(0)
