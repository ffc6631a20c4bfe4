"""The calendar's head: a month opens on the date, and Staff chooses whose columns are shown."""

from datetime import timedelta

from harness.accessibility import axe_findings
from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice
from harness.world import expect


async def test_a_month_opens_on_the_date_and_a_day_of_it_is_chosen_by_keys(
    open_desk: OpenDesk, practice: Practice
) -> None:
    day = practice.a_day()
    async with open_desk(bypass_csp=True, reduced_motion="reduce") as desk:
        await desk.open_day(day)
        await desk.page.get_by_role("heading", level=1).get_by_role("button").press("Enter")
        await see(desk.sheet.get_by_role("grid")).to_be_visible()
        await see(desk.sheet.get_by_role("gridcell", selected=True)).to_have_text(str(day.day))
        assert await axe_findings(desk.page) == []

        await desk.press("ArrowRight", "Enter")

        await see(desk.sheet).to_have_count(0)
        await desk.page.wait_for_url(f"**/calendar/day/{day + timedelta(days=1):%Y-%m-%d}*")
        await desk.page.get_by_role("heading", level=1).get_by_role("button").click()
        typed = desk.sheet.get_by_label("Go to date").and_(desk.page.locator("input"))
        await typed.fill(f"{day:%Y-%m-%d}")
        await typed.press("Enter")
        await desk.page.wait_for_url(f"**/calendar/day/{day:%Y-%m-%d}*")


async def test_staff_chooses_columns_and_is_remembered(desk: Desk, practice: Practice) -> None:
    """Also where the address says nothing of it."""
    day = practice.a_day()
    await desk.open_day(day)
    heads = desk.page.locator(".tg .head")
    await see(heads.filter(has_text="Ada 2")).to_have_count(1)

    await desk.page.get_by_role("button", name="Staff").click()
    await desk.sheet.get_by_text("Ada 2", exact=True).click()
    await see(heads.filter(has_text="Ada 2")).to_have_count(0)
    await desk.press("Escape")
    await desk.open_day(day + timedelta(days=1))

    await see(heads.filter(has_text="Ada 3")).to_have_count(1)
    await see(heads.filter(has_text="Ada 2")).to_have_count(0)
    await desk.page.get_by_role("button", name="Staff").click()
    await desk.sheet.get_by_text("Ada 2", exact=True).click()
    await see(heads.filter(has_text="Ada 2")).to_have_count(1)


async def test_who_is_off_has_no_column_where_only_those_who_work_are_wanted_unless_they_are_booked(
    desk: Desk, practice: Practice
) -> None:
    day = practice.a_day()
    async with practice.a_colleague("Olga Off") as off, practice.a_colleague("Berta Booked") as booked:
        for person in (off, booked):
            path = f"/v1/resources/{person['id']}/schedule"
            hours = [{"weekday": (day.weekday() + 1) % 7, "intervals": [{"from": "09:00", "to": "12:00"}]}]
            expect(await practice.world.availability.put(path, json={"weekly": hours}))
        await practice.book(day, "Ines Instead", resource_ids=[booked["id"]], override={"reason": "Comes in for her"})
        await desk.open_day(day)
        heads = desk.page.locator(".tg .head")
        await see(heads.filter(has_text="Olga Off")).to_contain_text("Off")

        await desk.page.get_by_role("button", name="Staff").click()
        await desk.sheet.get_by_text("Only those who work then").click()

        await see(heads.filter(has_text="Olga Off")).to_have_count(0)
        await see(heads.filter(has_text="Berta Booked")).to_have_count(1)
        await desk.press("Escape")
        await desk.button("Later").click()
        await see(heads.filter(has_text="Olga Off")).to_have_count(1)
