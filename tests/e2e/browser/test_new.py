"""A new appointment: who, what and when, and what is made on the way."""

from datetime import datetime, timedelta

import pytest
from harness.desk import Desk, see
from harness.practice import BERLIN, Practice
from harness.world import expect, stamp, until_true


async def test_new_appointment_with_required_client_name_and_phone(desk: Desk, practice: Practice) -> None:
    """Neither without a name nor without a way to reach the client, unless that is said."""
    await _open(desk, practice.a_day())
    book = desk.button("Book")
    await see(book).to_be_disabled()
    await _client(desk, "Nils Newman")
    await see(book).to_be_disabled()

    await desk.page.get_by_role("textbox", name="Phone").fill("030 5550199")
    await see(book).to_be_enabled()
    await book.click()

    await desk.told("Booked")
    [booked] = await practice.appointments_of("Nils Newman")
    assert (await practice.client_named("Nils Newman"))["phone"] == "+49305550199"
    assert booked["source"] == "manual"


async def test_new_appointment_without_contact_only_if_that_is_said(desk: Desk, practice: Practice) -> None:
    await _open(desk, practice.a_day())
    await _client(desk, "Norma Nocontact")
    await see(desk.button("Book")).to_be_disabled()

    await desk.page.get_by_role("checkbox", name="No phone and no e-mail").check(force=True)
    await desk.button("Book").click()

    await desk.told("Booked")
    assert (await practice.client_named("Norma Nocontact"))["phone"] is None


async def test_a_known_client_is_found_while_typing(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Katja Known", staff=0)
    await _open(desk, day + timedelta(hours=3))
    await desk.page.get_by_label("Client", exact=True).fill("Katja")

    await desk.page.get_by_role("option", name="Katja Known").click()
    await desk.button("Book").click()

    await desk.told("Booked")
    assert len(await practice.appointments_of("Katja Known")) == 2


async def test_a_time_that_somebody_has_says_who_has_it(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    taken = await practice.book(day, "Olga Occupied", staff=1)
    world = practice.world
    await desk.goto(f"/appointments/new?service={world.service['id']}&staff={world.staff[1]['id']}&start={stamp(day)}")
    who = desk.page.get_by_role("listitem").filter(has_text="Olga Occupied")
    await see(who).to_contain_text("10:00–10:30")
    async with desk.page.context.expect_page() as opened:
        await who.get_by_role("link").click()
    other = await opened.value
    await other.wait_for_url(f"**/appointments/{taken['id']}*")
    await see(other.get_by_role("heading", name="Olga Occupied")).to_be_visible()
    await other.close()


async def test_pressing_book_twice_books_once(desk: Desk, practice: Practice) -> None:
    await _open(desk, practice.a_day())
    await _client(desk, "Dora Double", phone="030 5550177")

    await desk.button("Book").dblclick()

    await desk.told("Booked")
    assert len(await practice.appointments_of("Dora Double")) == 1


async def test_the_actions_list_is_edited_while_creating(desk: Desk, practice: Practice) -> None:
    await _open(desk, practice.a_day())
    await _client(desk, "Anton Action", phone="030 5550178")
    await desk.page.get_by_label("Action", exact=True).fill("Photo session")
    await see(desk.page.get_by_text("Photo session will be added")).to_be_visible()
    await desk.page.get_by_label("Notes", exact=True).click()

    await desk.button("Book").click()

    await desk.told("Booked")
    actions = expect(await practice.world.booking.get("/v1/actions"))["items"]
    assert "Photo session" in [action["name"] for action in actions]
    [booked] = await practice.appointments_of("Anton Action")
    assert booked["action_name"] == "Photo session"


@pytest.mark.parametrize("freq", ["Weekly", "Monthly", "Yearly"])
async def test_recurring(desk: Desk, practice: Practice, freq: str) -> None:
    day = practice.a_day(hour=7)
    await _open(desk, day)
    await _client(desk, f"Rosa {freq}", phone=f"030 55503{ord(freq[0])}")
    await desk.page.get_by_text("Price, repeat, internal notes").click()
    await desk.choose("Repeat", freq)
    await desk.page.get_by_label("How many").fill("3")

    await desk.button("Book").click()

    await desk.told("3 dates booked")
    dates = [
        datetime.fromisoformat(made["starts_at"]).astimezone(BERLIN)
        for made in await practice.appointments_of(f"Rosa {freq}")
    ]
    assert [date.hour for date in dates] == [7, 7, 7]
    second = {"Weekly": day + timedelta(days=7), "Monthly": _next_month(day), "Yearly": day.replace(year=day.year + 1)}[
        freq
    ]
    assert dates[:2] == [day, second]


async def test_visual_availability(desk: Desk, practice: Practice) -> None:
    """Free, taken, held and closed time of each member of staff, side by side; a click on free time books there."""
    day = practice.a_day()
    await practice.book(day, "Valerie Visual", staff=0)
    off = {
        "starts_at": stamp(day + timedelta(hours=1)),
        "ends_at": stamp(day + timedelta(hours=3)),
        "reason": "Training",
    }
    path = f"/v1/resources/{practice.world.staff[1]['id']}/time-off"
    expect(await practice.world.availability.post(path, json=off))

    await desk.open_day(day)

    columns = desk.page.locator("[data-column]")
    await see(columns).to_have_count(3)
    # Others' tests may have booked on this day as well.
    await see(columns.nth(0).locator("[data-card]").filter(has_text="Valerie Visual")).to_have_count(1)
    await see(columns.nth(1).locator(".blk.absent")).to_contain_text("Training")
    # Within the column, wherever it is scrolled to: the grid shows the working day as soon as it knows the hours.
    height = await desk.card("Valerie Visual").evaluate("(card) => card.offsetTop")
    await columns.nth(2).click(position={"x": 20, "y": height + 2})
    await see(desk.page.get_by_role("heading", name="New appointment")).to_be_visible()
    await see(desk.page.get_by_role("status").filter(has_text="10:00").first).to_be_visible()


async def _open(desk: Desk, starts_at: datetime) -> None:
    """The form, with a service and a time that is free."""
    query = f"service={desk.practice.world.service['id']}&start={stamp(starts_at)}"
    await desk.goto(f"/appointments/new?{query}")
    await see(desk.page.get_by_role("heading", name="New appointment")).to_be_visible()
    await see(desk.page.get_by_text("held for")).to_be_visible()


async def _client(desk: Desk, name: str, *, phone: str | None = None) -> None:
    await desk.page.get_by_label("Client", exact=True).fill(name)
    if phone is not None:
        await desk.page.get_by_role("textbox", name="Phone").fill(phone)


def _next_month(day: datetime) -> datetime:
    """The same date a month later, or the next month that has it."""
    month, year = day.month, day.year
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        try:
            return day.replace(year=year, month=month)
        except ValueError:
            continue


async def test_a_new_appointment_is_given_other_reminders_than_the_default_ones(desk: Desk, practice: Practice) -> None:
    world = practice.world
    rule = {"minutes_before": 120, "service_id": world.service["id"]}
    added = expect(await world.notifications.post("/v1/reminder-rules", json=rule, headers=world.fresh_key()))
    try:
        await _open(desk, practice.a_day())
        await _client(desk, "Rita Reminded")
        await desk.page.get_by_role("textbox", name="E-mail").fill("rita@example.com")
        reminders = desk.page.get_by_role("group", name="Reminders", exact=True)
        await desk.button("Remove reminder: E-mail, 2 hr before", within=reminders).click()
        await see(reminders).to_contain_text("No reminders")
        await reminders.get_by_text("Another reminder").click()
        await desk.choose("How long before", "2 days", within=reminders)
        await desk.button("Add reminder", within=reminders).click()
        await desk.button("Book").click()
        await desk.told("Booked")
        [booked] = await practice.appointments_of("Rita Reminded")

        async def are_given() -> bool:
            found = expect(await world.notifications.get(f"/v1/appointments/{booked['id']}/reminders"))["items"]
            return [item["minutes_before"] for item in found if item["reason"] != "removed"] == [2880]

        await until_true(are_given, what="the appointment has the chosen reminder alone")
    finally:
        expect(await world.notifications.delete(f"/v1/reminder-rules/{added['id']}"), 204)


async def test_each_time_says_who_is_free_then(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Vera Visible", staff=0)
    await _open(desk, day + timedelta(hours=3))
    free = desk.page.get_by_role("button", name=f"{day:%H:%M}", exact=True)
    others = [person["name"] for person in practice.world.staff[1:]]
    await see(free).to_have_accessible_description(", ".join(others))
    await free.click()
    await see(desk.page.get_by_text("Free then:")).to_contain_text(others[0])
