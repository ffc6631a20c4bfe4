"""A week begins where it does in the business's country."""

import re

from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice


async def test_a_week_begins_on_monday_in_berlin_and_on_sunday_in_new_york(
    desk: Desk, open_desk: OpenDesk, practice: Practice
) -> None:
    day = f"{practice.a_day():%Y-%m-%d}"
    await desk.goto(f"/calendar/week/{day}")
    await see(desk.page.locator(".tg .head")).to_have_count(7)
    await see(desk.page.locator(".tg .head").first).to_contain_text(re.compile("^Mon"))

    async with open_desk() as other:
        await other.page.add_init_script(f"localStorage.setItem('slotstream-business', '{practice.dental['id']}')")
        await other.goto(f"/calendar/week/{day}")
        heads = other.page.locator(".tg .head")
        await see(heads).to_have_count(7)
        await see(heads.first).to_contain_text(re.compile("^Sun"))
        await see(heads.last).to_contain_text(re.compile("^Sat"))
