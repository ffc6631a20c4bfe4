"""Two browsers at once: what one changes the other shows, and a lost race is told kindly."""

import asyncio
import re
from datetime import datetime, timedelta

from harness.desk import Desk, OpenDesk, see
from harness.practice import BERLIN, Practice
from harness.world import STARTED, expect, stamp
from playwright.async_api import Route


async def test_a_change_at_another_desk_shows_without_a_reload(
    desk: Desk, open_desk: OpenDesk, practice: Practice
) -> None:
    day = practice.a_day()
    await practice.book(day, "Liv Live", staff=0)
    await desk.open_day(day)
    await see(desk.card("Liv Live")).to_be_visible()
    await see(desk.page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    await desk.page.evaluate("window.sameDocument = true")
    async with open_desk() as other:
        drawer = await other.open("Liv Live")
        await other.button("Confirm", within=drawer).click()
        await other.told("Confirmed")

        await see(desk.card("Liv Live")).to_have_class("a confirmed")

    await practice.book(day + timedelta(hours=2), "Lars Live", staff=1)
    await see(desk.card("Lars Live")).to_be_visible()
    assert await desk.page.evaluate("window.sameDocument")


async def test_only_what_has_changed_is_read_again(desk: Desk, practice: Practice) -> None:
    """Moved into the day, moved within it, moved out of it and cancelled: each shows, and the day is not read anew."""
    day, later = practice.a_day(), practice.a_day()
    stays = await practice.book(day, "Ingo Inside", staff=0)
    comes = await practice.book(later, "Otto Outside", staff=0)
    await desk.open_day(day)
    await see(desk.card("Ingo Inside")).to_be_visible()
    await see(desk.page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    await see(desk.card("Otto Outside")).to_have_count(0)
    whole: list[str] = []
    desk.page.on("request", lambda request: whole.append(request.url) if _is_whole(request.url) else None)

    came = await practice.world.act(comes["id"], "reschedule", starts_at=stamp(day + timedelta(hours=3)))
    await see(desk.card("Otto Outside")).to_be_visible()
    moved = await practice.world.act(came["id"], "reschedule", starts_at=stamp(day + timedelta(hours=4)))
    await see(desk.page.locator(f"[data-card='{moved['id']}']")).to_be_visible()
    await see(desk.card("Otto Outside")).to_have_count(1)
    await practice.world.act(moved["id"], "reschedule", starts_at=stamp(later))
    await see(desk.card("Otto Outside")).to_have_count(0)
    await practice.world.act(stays["id"], "cancel", reason="ill")
    await see(desk.card("Ingo Inside")).to_have_count(0)

    assert whole == []


async def test_ones_own_change_is_read_alone_as_well(desk: Desk, practice: Practice) -> None:
    """Confirmed and moved at this desk, and booked: each shows when it is said, and the day is not read anew."""
    day = practice.a_day()
    await practice.book(day, "Olga Own", staff=0)
    await desk.open_day(day)
    await see(desk.page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    await desk.card("Olga Own").click()
    whole: list[str] = []
    desk.page.on("request", lambda request: whole.append(request.url) if _is_whole(request.url) else None)

    await desk.button("Confirm", within=desk.drawer).click()
    await desk.told("Confirmed")
    await see(desk.card("Olga Own")).to_have_class("a confirmed open")
    await desk.button("Reschedule", within=desk.drawer).click()
    await desk.sheet.get_by_role("button", name="14:00", exact=True).click()
    await desk.sheet.get_by_role("button", name="Move to").click()
    await desk.told("Olga Own moved to")
    await see(desk.card("Olga Own")).to_have_count(1)
    await see(desk.card("Olga Own")).to_have_attribute("aria-label", re.compile("^14:00"))

    # The drawer lists what else the client has, and reads that for itself.
    assert [url for url in whole if "client_id=" not in url] == []


async def test_an_erased_clients_name_leaves_every_open_screen(
    desk: Desk, open_desk: OpenDesk, practice: Practice
) -> None:
    """A past appointment without notes: nothing about it is told when its client is erased."""
    day = STARTED.astimezone(BERLIN) - timedelta(days=3)
    past = day.replace(hour=12, minute=0, second=0, microsecond=0)
    await practice.book_in_the_past(past, "Ewald Erased")
    client = await practice.client_named("Ewald Erased")
    async with open_desk() as day_page, open_desk() as people:
        await desk.open("Ewald Erased")
        await people.goto("/clients?q=Ewald")
        await see(people.page.get_by_role("link", name="Ewald Erased")).to_be_visible()
        await day_page.open_day(past)
        await see(day_page.card("Ewald Erased")).to_be_visible()
        body = {"open_appointments": "cancel"}
        expect(await practice.world.booking.post(f"/v1/clients/{client['id']}/erase", json=body), 204)

        for page in (desk, people, day_page):
            await see(page.page.get_by_text("Ewald")).to_have_count(0, timeout=10_000)
        # The appointment itself stays.
        await see(day_page.page.locator("[data-card][aria-label^='12:00']")).to_have_count(1)


def _is_whole(url: str) -> bool:
    return "/api/booking/v1/appointments?" in url and "&id=" not in url and "?id=" not in url


async def test_a_list_keeps_its_filter_and_its_order_as_others_change_it(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    first = await practice.book(day, "Lilo List", staff=0)
    await practice.book(day + timedelta(hours=2), "Lutz List", staff=0)
    await desk.goto(f"/appointments?period=dates&from={day:%Y-%m-%d}&to={day:%Y-%m-%d}&status=%5B%22scheduled%22%5D")
    await see(desk.page.locator("[data-row]").filter(has_text="List")).to_have_text(["Lilo List", "Lutz List"])
    await see(desk.page.get_by_role("status").filter(has_text="Live")).to_be_visible()

    await practice.book(day + timedelta(hours=1), "Lena List", staff=0)
    await see(desk.page.locator("[data-row]").filter(has_text="List")).to_have_text(
        ["Lilo List", "Lena List", "Lutz List"]
    )
    await practice.world.act(first["id"], "confirm")
    await see(desk.page.locator("[data-row]").filter(has_text="List")).to_have_text(["Lena List", "Lutz List"])


async def test_what_changes_before_the_stream_is_open_shows_as_well(
    desk: Desk, open_desk: OpenDesk, practice: Practice
) -> None:
    day = practice.a_day()
    await practice.book(day, "Gitta Gap", staff=0)
    opens = asyncio.Event()

    async def open_late(route: Route) -> None:
        await opens.wait()
        await route.continue_()

    await desk.page.route("**/events/stream*", open_late)
    await desk.open_day(day)
    await see(desk.card("Gitta Gap")).to_be_visible()
    async with open_desk() as other:
        await other.open_day(day)
        await see(other.page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        await practice.book(day + timedelta(hours=2), "Gero Gap", staff=0)
        # Told by now, to whoever listened.
        await see(other.card("Gero Gap")).to_be_visible()

    opens.set()

    await see(desk.card("Gero Gap")).to_be_visible()


async def test_a_lost_race_is_told_kindly(desk: Desk, practice: Practice) -> None:
    """The time was free when it was chosen, and is taken when it is booked: nothing typed is lost, and there is a way on."""
    day = practice.a_day()
    await practice.book(day, "Rosi Racer", staff=0)
    drawer = await desk.open("Rosi Racer")
    await desk.button("Reschedule", within=drawer).click()
    wanted = desk.sheet.get_by_role("button", name="14:00", exact=True)
    await wanted.click()
    await practice.book(day + timedelta(hours=4), "Fritz Faster", staff=0)

    await desk.sheet.get_by_role("button", name="Move to").click()

    alert = desk.sheet.get_by_role("alert")
    await see(alert).to_contain_text("taken")
    # Who has it opens beside, so that nothing chosen here is lost.
    rival = alert.get_by_role("link", name="Fritz Faster")
    await see(rival).to_have_attribute("target", "_blank")
    await see(alert.get_by_role("listitem")).to_contain_text("14:00–14:30")
    # The taken time is offered no more, and the next one books.
    await see(wanted).to_have_count(0)
    await desk.sheet.get_by_role("button", name="14:30", exact=True).click()
    await desk.sheet.get_by_role("button", name="Move to").click()
    await desk.told("Rosi Racer moved to")


async def test_a_card_that_is_dropped_on_a_time_just_taken_is_offered_the_next_free_ones(
    desk: Desk, practice: Practice
) -> None:
    """Somebody else books the place while the card is in the hand, and this screen has not heard of it yet."""
    day = practice.a_day(hour=4)
    await practice.book(day, "Lina Late", staff=0)
    await desk.page.route("**/events/stream*", lambda route: route.abort())
    await desk.open_day(day)
    card = desk.card("Lina Late")
    await card.focus()
    await desk.press("Space", *["ArrowDown"] * 4)
    taken = await practice.book(day + timedelta(hours=1), "Toni Taken", staff=0)
    known = {"not_before": f"appointment:{taken['id']}:1"}
    expect(await practice.world.availability.get("/v1/slots", params={**practice.world.slots_query(day), **known}))
    await desk.press("Enter")
    await desk.agree()

    toast = desk.page.locator(".toast").filter(has_text="Lina Late was not moved.")
    await see(toast).to_contain_text("Next free:")
    await see(toast).to_contain_text("Toni Taken")
    await see(toast.get_by_role("button", name="Open Toni Taken")).to_be_visible()
    at = f"{(day + timedelta(hours=1, minutes=30)).astimezone(BERLIN):%H:%M}"
    await toast.get_by_role("button", name=at, exact=True).click()

    await desk.told("Lina Late moved to")
    _, moved = await practice.appointments_of("Lina Late")
    assert datetime.fromisoformat(moved["starts_at"]) == day + timedelta(hours=1, minutes=30)


async def test_an_answer_that_was_lost_books_once_when_tried_again(desk: Desk, practice: Practice) -> None:
    """The first answer is cut off after the service has booked; the same attempt repeated finds it done."""
    day = practice.a_day()
    service = practice.world.service["id"]
    await desk.goto(f"/appointments/new?service={service}&start={day:%Y-%m-%dT%H:%M:%S%z}".replace("+", "%2B"))
    await desk.page.get_by_label("Client", exact=True).fill("Lotte Lost")
    await desk.page.get_by_role("textbox", name="Phone").fill("030 5550166")
    await see(desk.page.get_by_text("held for")).to_be_visible()
    cut = asyncio.Event()

    async def cut_off(route: Route) -> None:
        if route.request.method != "POST" or cut.is_set():
            await route.continue_()
            return
        cut.set()
        await route.fetch()
        await route.abort()

    await desk.page.route("**/api/booking/v1/appointments", cut_off)
    await desk.button("Book").click()
    await see(desk.page.get_by_role("alert")).to_contain_text("may not have arrived")

    await desk.button("Book").click()

    await desk.told("Booked")
    assert len(await practice.appointments_of("Lotte Lost")) == 1
