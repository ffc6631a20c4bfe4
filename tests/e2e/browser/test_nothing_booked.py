"""Where nothing stands that is said, and what leads on."""

from datetime import timedelta

from harness.desk import Desk, see
from harness.practice import Practice
from harness.world import expect


async def test_an_empty_day_and_column_say_that_nothing_is_booked(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    await desk.open_day(day)
    note = desk.page.locator(".nothing")
    heads = desk.page.locator(".tg .head")

    await see(note).to_have_text("Nothing booked")
    await see(heads.filter(has_text="Ada 1")).to_contain_text("Nothing booked")

    await practice.book(day, "Nele Notempty", staff=0)
    await see(desk.card("Nele Notempty")).to_be_visible()
    await see(note).to_be_empty()
    await see(heads.filter(has_text="Ada 1")).to_contain_text("1 booked")
    await see(heads.filter(has_text="Ada 2")).to_contain_text("Nothing booked")


async def test_a_day_on_which_the_business_is_closed_says_what_for(desk: Desk, practice: Practice) -> None:
    day = practice.a_day(0)
    world = practice.world
    body = {
        "starts_at": day.isoformat(),
        "ends_at": (day + timedelta(days=1)).isoformat(),
        "reason": "Staff outing",
    }
    path = f"/v1/businesses/{world.business['id']}/closures"
    expect(await world.availability.post(path, json=body, headers=world.fresh_key()))

    await desk.open_day(day)

    await see(desk.page.locator(".nothing")).to_have_text("Closed (Staff outing)")
    await see(desk.page.locator(".tg .head").filter(has_text="Ada 1")).to_contain_text("Closed (Staff outing)")


async def test_a_list_that_is_empty_for_its_filters_tells_which_of_them_leave_most_out(
    desk: Desk, practice: Practice
) -> None:
    await practice.book(practice.a_day(), "Nina Sifted", staff=0)

    await desk.open_list(q="Sifted", status="no_show")

    await see(desk.page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    await desk.button("Without Status: 1").click()
    await see(desk.row("Nina Sifted")).to_be_visible()


async def test_a_day_of_the_list_on_which_there_is_nothing_offers_to_book_and_to_show_all(
    desk: Desk, practice: Practice
) -> None:
    # Beyond all dates of the series that other tests have made.
    day = practice.a_day() + timedelta(days=5 * 365)

    await desk.goto(f"/appointments?period=dates&from={day:%Y-%m-%d}&to={day:%Y-%m-%d}")

    await see(desk.page.get_by_role("heading", name="Nothing booked")).to_be_visible()
    await see(desk.page.locator(".empty").get_by_role("button", name="New appointment")).to_be_visible()
    await desk.button("Show all").click()
    await desk.page.wait_for_url("**/appointments?period=all")
