"""Texts that are kept, by language; the text of a rule; who waits, seen as it changes; one message to many."""

from datetime import timedelta
from uuid import uuid4

from harness.desk import Desk, see
from harness.mailbox import Mailbox, body_text
from harness.practice import Practice
from harness.world import expect, stamp
from playwright.async_api import Route


async def test_texts_are_kept_changed_and_removed_by_language(desk: Desk) -> None:
    called = f"Spät {uuid4().hex[:6]}"
    await desk.goto("/texts")
    await desk.button("New text").click()
    await desk.choose("Channel", "E-mail", within=desk.sheet)
    await desk.choose("For", "Staff", within=desk.sheet)
    await desk.choose("Language", "German", within=desk.sheet)
    await desk.sheet.get_by_label("What it is called").fill(called)
    await desk.sheet.get_by_label("Text", exact=True).fill("Wir kommen später.")
    await desk.button("Save", within=desk.sheet).click()
    await see(desk.sheet).to_have_count(0)

    kept = desk.page.locator(".ln").filter(has_text=called)
    await see(kept).to_contain_text("German")
    await see(kept).to_contain_text("E-mail")
    await see(kept).to_contain_text("Staff")
    await see(kept).to_contain_text("Wir kommen später.")
    await desk.choose("Language", "French")
    await see(kept).to_have_count(0)
    await desk.choose("Language", "German")
    await see(kept).to_have_count(1)

    await desk.button(f"Change “{called}”").click()
    await desk.sheet.get_by_label("Text", exact=True).fill("Wir kommen viel später.")
    await desk.button("Save", within=desk.sheet).click()
    await see(kept).to_contain_text("viel später")
    await desk.button(f"Remove “{called}”").click()
    await see(kept).to_have_count(0)


async def test_the_text_of_a_message_after_a_no_show_is_chosen_with_its_rule(desk: Desk, practice: Practice) -> None:
    notifications, key = practice.world.notifications, practice.world.fresh_key
    body = {"kind": "follow_up", "channel": "email", "locale": "en", "text": "Come back.", "is_default": False}
    names = [f"Missed {uuid4().hex[:6]}" for _ in range(2)]
    one, other = [
        expect(await notifications.post("/v1/templates", json={**body, "subject": name}, headers=key()))
        for name in names
    ]
    await desk.goto("/reminders")
    panel = desk.page.locator(".panel").filter(has_text="New message after a no-show")
    await desk.choose("Channel", "E-mail", within=panel)
    await desk.choose("Text", names[0], within=panel)
    await desk.button("Add message", within=panel).click()
    # What a browser offers without a script stands beside the button, with all texts in it.
    text = desk.page.locator(".ln").filter(has_text="1 hr after").get_by_role("button", name="Text, 1 hr after")
    try:
        await see(text).to_contain_text(names[0])
        await text.click()
        await desk.page.get_by_role("option", name=names[1]).click()
        await see(text).to_contain_text(names[1])
        [kept] = expect(await notifications.get("/v1/follow-up-rules"))["items"]
        assert kept["template_id"] == other["id"]
        await text.click()
        await desk.page.get_by_role("option", name="The usual text").click()
        await see(text).to_contain_text("The usual text")
    finally:
        for kept in expect(await notifications.get("/v1/follow-up-rules"))["items"]:
            expect(await notifications.delete(f"/v1/follow-up-rules/{kept['id']}"), 204)
        for template in (one, other):
            expect(await notifications.delete(f"/v1/templates/{template['id']}"), 204)


async def test_the_waiting_list_is_in_the_navigation_and_follows_what_others_do(desk: Desk, practice: Practice) -> None:
    world, name, day = practice.world, f"Wilma {uuid4().hex[:6]}", practice.a_day(hour=8)
    await desk.goto("/clients")
    await desk.page.get_by_role("navigation", name="Main").get_by_role("link", name="Waiting list").click()
    await see(desk.page.get_by_role("heading", name="Waiting list")).to_be_visible()
    await desk.page.evaluate("window.sameDocument = true")
    client = expect(await world.booking.post("/v1/clients", json={"name": name}, headers=world.fresh_key()))
    body = {
        "business_id": world.business["id"],
        "service_id": world.service["id"],
        "client_id": client["id"],
        "window_from": stamp(day),
        "window_to": stamp(day + timedelta(hours=8)),
    }
    entry = expect(await world.booking.post("/v1/waiting-list", json=body, headers=world.fresh_key()))
    row = desk.page.locator(".ln").filter(has_text=name)
    await see(row).to_contain_text("Waits")
    expect(await world.booking.delete(f"/v1/waiting-list/{entry['id']}"), 200, 204)
    await see(row).to_have_count(0)
    assert await desk.page.evaluate("window.sameDocument")


async def test_a_client_of_several_appointments_gets_one_message_also_when_the_answer_got_lost(
    desk: Desk, practice: Practice, mails: Mailbox
) -> None:
    name, day = f"Twice {uuid4().hex[:6]}", practice.a_day()
    await practice.book(day, name, staff=0)
    client = await practice.client_named(name)
    await practice.world.book(day + timedelta(hours=1), client_id=client["id"])
    await desk.find(name)
    await see(desk.row(name)).to_have_count(2)
    for row in await desk.row(name).all():
        await row.get_by_role("checkbox").check(force=True)
    await desk.button("Message client", within=desk.bulk).click()
    await desk.choose("Channel", "E-mail", within=desk.sheet)
    await desk.sheet.get_by_label("Text").fill("We open an hour later.")

    # Booking takes the order, and its answer gets lost on the way.
    async def lose_the_answer(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await desk.page.route("**/appointments/bulk", lose_the_answer)
    await desk.button("Send 2", within=desk.sheet).click()
    await see(desk.sheet.get_by_role("alert")).to_be_visible()
    await desk.page.unroute("**/appointments/bulk")
    await desk.button("Send 2", within=desk.sheet).click()
    await see(desk.sheet).to_contain_text("2 of 2")
    # What was booked last is told last, by the same way.
    await practice.world.book(day + timedelta(hours=2), client_id=client["id"])
    received = await mails.expect(client["email"], count=4)
    assert [("We open an hour later." in body_text(mail)) for mail in received].count(True) == 1


async def test_a_text_to_many_that_cannot_be_filled_in_says_so_before_it_is_sent(
    desk: Desk, practice: Practice
) -> None:
    family, day = f"Named{uuid4().hex[:6]}", practice.a_day()
    names = [f"{family} Ann", f"{family} Ben"]
    for hour, name in enumerate(names):
        await practice.book(day + timedelta(hours=hour), name, staff=0)
    await desk.find(family)
    await see(desk.row(family)).to_have_count(2)
    for row in await desk.row(family).all():
        await row.get_by_role("checkbox").check(force=True)
    await desk.button("Message client", within=desk.bulk).click()
    await desk.choose("Channel", "E-mail", within=desk.sheet)
    await desk.sheet.get_by_label("Text").fill("We look forward to {{ client.nobody }}")
    await see(desk.sheet.get_by_role("alert")).to_contain_text("cannot be filled in")
