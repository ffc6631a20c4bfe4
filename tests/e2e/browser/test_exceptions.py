"""Time off and other hours, and the appointments that they would leave without anybody there."""

import re
from datetime import timedelta

from harness.desk import Desk, see
from harness.practice import Practice
from harness.world import expect


async def test_time_off_names_the_appointments_in_it_before_and_after_it_is_added(
    desk: Desk, practice: Practice
) -> None:
    day = practice.a_day()
    async with practice.a_colleague("Otto Off") as otto:
        met = await practice.book(day, "Mila Met", resource_ids=[otto["id"]])
        await practice.book(day + timedelta(days=1), "Nora Next", resource_ids=[otto["id"]])
        await desk.goto(f"/availability/{otto['id']}")
        section = desk.page.locator("section").filter(has=desk.page.get_by_role("heading", name="Time off"))
        for field in ("From", "Until"):
            await section.get_by_label(field, exact=True).fill(f"{day:%Y-%m-%d}")

        told = section.get_by_role("status")
        await see(told).to_contain_text("1 appointment falls outside")
        await see(told.get_by_role("link", name="Mila Met")).to_have_attribute("href", f"/appointments/{met['id']}")
        await see(told).not_to_contain_text("Nora Next")
        await desk.button("Add", within=section).click()

        await see(told).to_contain_text("Saved. 1 appointment falls outside")
        await see(told).to_contain_text("Mila Met")
        await practice.world.booking.post(
            f"/v1/appointments/{met['id']}/cancel", json={"reason": "moved"}, headers=practice.world.fresh_key()
        )


async def test_other_hours_on_a_date_name_the_appointments_outside_of_them(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    async with practice.a_colleague("Hella Hours") as hella:
        await practice.book(day, "Ina In", resource_ids=[hella["id"]])
        late = await practice.book(day + timedelta(hours=5), "Lars Late", resource_ids=[hella["id"]])
        await desk.goto(f"/availability/{hella['id']}")
        section = desk.page.locator("section").filter(
            has=desk.page.get_by_role("heading", name="Other hours on a date")
        )
        await section.get_by_label("Date", exact=True).fill(f"{day:%Y-%m-%d}")
        await see(section.get_by_role("status")).to_contain_text("2 appointments fall outside")
        await section.get_by_label("Hours", exact=True).fill("9-12")
        told = section.get_by_role("status")
        await see(told).to_contain_text("1 appointment falls outside")
        await see(told).to_contain_text("Lars Late")
        assert late["status"] == "scheduled"
        expect(await practice.world.booking.get(f"/v1/appointments/{late['id']}"))


async def test_a_month_tells_what_each_date_is_like_and_leads_to_what_is_changed_there(
    desk: Desk, practice: Practice
) -> None:
    async with practice.a_colleague("Mona Month") as mona:
        await desk.goto(f"/availability/{mona['id']}")
        month = desk.page.locator("section").filter(has=desk.page.get_by_role("heading", name="The month"))
        told = month.get_by_role("status")
        await see(told).to_contain_text("Usual hours")
        await month.locator("header").get_by_role("button").last.click()
        await month.get_by_role("gridcell").get_by_role("button", name=re.compile(r"\b20\b")).first.click()
        date = ((await told.text_content()) or "").partition(":")[0]
        await desk.button("Time off on this date", within=month).click()

        away = desk.page.locator("section").filter(has=desk.page.get_by_role("heading", name="Time off"))
        await see(away.get_by_label("Reason")).to_be_focused()
        await desk.page.keyboard.type("Fair")
        await desk.button("Add", within=away).click()
        await see(told).to_contain_text(f"{date}: Away · Fair")

        # By keys: each date that is come to is told.
        await month.locator(".date[data-selected]").focus()
        await desk.press("ArrowRight")
        await see(told).to_contain_text("Usual hours")
