"""Messages that the front desk writes by hand: what they cost, from which text they begin, and how they go out."""

from uuid import uuid4

import pytest_asyncio
from harness.desk import Desk, OpenDesk, see
from harness.mailbox import Mailbox, body_text
from harness.practice import Practice
from harness.world import Json
from playwright.async_api import Request, Route

PHONE = {"width": 390, "height": 844}


@pytest_asyncio.fixture(loop_scope="session")
async def booked(practice: Practice) -> Json:
    """An appointment with a name that no other has."""
    name = f"Wanda {uuid4().hex[:6]}"
    appointment: Json = await practice.book(practice.a_day(), name, staff=0)
    return {**appointment, "name": name, "client": await practice.client_named(name)}


async def test_a_text_is_counted_as_it_is_sent_and_goes_out_once(desk: Desk, booked: Json, mails: Mailbox) -> None:
    drawer = await desk.open(booked["name"])
    await drawer.get_by_role("tab", name="Messages").click()
    field = drawer.get_by_label("Message to the client")
    size = drawer.locator(".writer .hint").first
    await see(desk.button("Send", within=drawer)).to_be_disabled()
    await field.fill("a" * 160)
    await see(size).to_contain_text("160 characters")
    await see(size).to_contain_text("1 part")
    await field.fill("a" * 161)
    await see(size).to_contain_text("2 parts")
    await field.fill("We are late \N{SLIGHTLY SMILING FACE}")
    await see(size).to_contain_text("UCS-2")
    await see(size).to_contain_text("\N{SLIGHTLY SMILING FACE}")
    # A typographic sign is sent as a plain one, and costs nothing more.
    await field.fill("We\N{RIGHT SINGLE QUOTATION MARK}re late.")
    await see(size).to_contain_text("GSM-7")
    await desk.button("Send", within=drawer).click()

    await see(drawer.locator(".ln.msg").filter(has_text="We're late.")).to_contain_text("Sent", timeout=60_000)
    await see(field).to_have_value("")
    [mail] = await mails.expect(f"{booked['client']['phone']}@sms.invalid")
    assert body_text(mail).strip() == "We're late."


async def test_a_kept_text_is_filled_in_for_the_appointment_it_is_picked_for(
    desk: Desk, practice: Practice, booked: Json
) -> None:
    called = f"Late {uuid4().hex[:6]}"
    drawer = await desk.open(booked["name"])
    await drawer.get_by_role("tab", name="Messages").click()
    await drawer.get_by_label("Message to the client").fill("We are late.")
    await desk.button("Keep as a text…", within=drawer).click()
    await desk.sheet.get_by_label("What it is called").fill(called)
    await desk.sheet.get_by_label("Text", exact=True).fill("{{ client.name }}, we are late.")
    await see(desk.sheet.locator(".as-sent q")).to_have_text(f"{booked['name']}, we are late.")
    await desk.sheet.get_by_label("Text", exact=True).fill("{{ client.nothing }}")
    await see(desk.sheet.locator(".as-sent").get_by_role("alert")).to_be_visible()
    await desk.sheet.get_by_label("Text", exact=True).fill("{{ client.name }}, we are late.")
    await desk.button("Save", within=desk.sheet).click()
    await see(desk.sheet).to_have_count(0)

    await desk.choose("Start from", called, within=drawer)
    await see(drawer.get_by_label("Message to the client")).to_have_value(f"{booked['name']}, we are late.")
    await desk.button("Change this text…", within=drawer).click()
    await desk.button("Remove", within=desk.sheet).click()
    await see(drawer.get_by_role("button", name="Start from")).to_have_count(0)


async def test_a_text_is_shown_as_sent_once_notifications_has_heard_of_an_appointment_just_booked(
    desk: Desk, booked: Json
) -> None:
    unknown = {"type": "about:blank", "title": "Not found", "status": 404, "code": "not_found", "detail": "Unknown"}
    asked: list[Request] = []

    async def too_early(route: Route) -> None:
        asked.append(route.request)
        await (route.fulfill(status=404, json=unknown) if len(asked) <= 2 else route.continue_())

    drawer = await desk.open(booked["name"])
    await drawer.get_by_role("tab", name="Messages").click()
    await drawer.get_by_label("Message to the client").fill("We are late.")
    await desk.button("Keep as a text…", within=drawer).click()
    await desk.page.route("**/templates/preview", too_early)
    await desk.sheet.get_by_label("Text", exact=True).fill("{{ client.name }}, wait.")

    await see(desk.sheet.locator(".as-sent q")).to_have_text(f"{booked['name']}, wait.")
    assert len(asked) == 3


async def test_a_client_is_written_to_by_mail_from_their_own_page(desk: Desk, booked: Json, mails: Mailbox) -> None:
    await desk.goto(f"/clients/{booked['client']['id']}")
    writer = desk.page.locator(".writer")
    await desk.choose("Channel", "E-mail", within=writer)
    await writer.get_by_label("Message to the client").fill("Please bring the form.")
    await desk.button("Send", within=writer).click()
    # Beside the mail that tells of the booking.
    received = await mails.expect(booked["client"]["email"], count=2)
    assert any("Please bring the form." in body_text(mail) for mail in received)


async def test_clients_of_several_appointments_are_written_to_by_mail(
    desk: Desk, practice: Practice, mails: Mailbox
) -> None:
    day, family = practice.a_day(), f"Bulk{uuid4().hex[:6]}"
    names = [f"{family} {first}" for first in ("Ada", "Bob")]
    for index, name in enumerate(names):
        await practice.book(day, name, staff=index)
    await desk.find(family)
    for name in names:
        await desk.row(name).get_by_role("checkbox").check(force=True)
    await desk.button("Message client", within=desk.bulk).click()
    await see(desk.sheet.get_by_role("heading")).to_contain_text("Message to the clients of 2")
    await desk.choose("Channel", "E-mail", within=desk.sheet)
    await desk.sheet.get_by_label("Text").fill("We open an hour later.")
    await desk.button("Send 2", within=desk.sheet).click()
    await see(desk.sheet).to_contain_text("2 of 2")
    for name in names:
        received = await mails.expect((await practice.client_named(name))["email"], count=2)
        assert "We open an hour later." in body_text(received[-1])


async def test_on_a_phone_a_message_is_written_without_scrolling_sideways(open_desk: OpenDesk, booked: Json) -> None:
    async with open_desk(viewport=PHONE, has_touch=True) as desk:
        await desk.goto(f"/appointments/{booked['id']}")
        await desk.page.get_by_role("tab", name="Messages").click()
        await see(desk.page.get_by_label("Message to the client")).to_be_visible()
        wide = await desk.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide
