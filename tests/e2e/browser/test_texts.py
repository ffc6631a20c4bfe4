"""What clients write back by SMS, what was written to them, and what became of it: seen where it is looked for."""

import base64
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID, uuid4

import asyncpg
import pytest_asyncio
from harness.desk import Desk, OpenDesk, see
from harness.platform import SMS_CALLBACK, SMS_SENDER, SMS_TOKEN
from harness.practice import Practice
from harness.world import Json, expect, until_true

INBOUND = "/v1/providers/twilio/inbound-sms"
PHONE = {"width": 390, "height": 844}

_UNTIL_DUE = timedelta(seconds=8)
"""Long enough for notifications to know of the appointment."""

Writes = Callable[[str], Awaitable[None]]


@pytest_asyncio.fixture(loop_scope="session")
async def asked(practice: Practice) -> Json:
    """An appointment whose client was asked by SMS, a moment ago, whether they come."""
    world = practice.world
    body = {
        "business_id": world.business["id"],
        "name": f"Consultation {uuid4().hex[:6]}",
        "duration_minutes": 30,
        "client_confirms": True,
    }
    service = expect(await world.booking.post("/v1/services", json=body, headers=world.fresh_key()))
    name = f"Greta {uuid4().hex[:6]}"
    # Reminders are due whole minutes before: this one some seconds from now.
    soon = datetime.now(UTC) + _UNTIL_DUE
    day = practice.a_day().replace(second=soon.second)
    booked: Json = await practice.book(day, name, staff=0, service_id=service["id"])
    client = await practice.client_named(name)
    # Due as soon as it is asked for: the minute in which the day of the appointment is so far away.
    path = f"/v1/appointments/{booked['id']}/reminders"

    async def reminded() -> bool:
        minutes = int((day - datetime.now(UTC)) / timedelta(minutes=1))
        body = {"channel": "sms", "minutes_before": minutes}
        return (await world.notifications.post(path, json=body, headers=world.fresh_key())).status_code == 201

    async def sent() -> bool:
        query = {"appointment_id": booked["id"], "channel": "sms"}
        items = expect(await world.notifications.get("/v1/messages", params=query))["items"]
        return [item["status"] for item in items] == ["sent"]

    await until_true(reminded, what="notifications knows the appointment")
    await until_true(sent, what="the reminder is sent", within=120)
    return {**booked, "name": name, "client": client}


@pytest_asyncio.fixture(loop_scope="session")
async def writes(practice: Practice, asked: Json) -> Writes:
    """The client's phone: what it sends arrives as the provider tells it, signed."""

    async def write(text: str) -> None:
        form = {
            "MessageSid": f"SM{uuid4().hex}",
            "From": asked["client"]["phone"],
            "To": SMS_SENDER,
            "Body": text,
        }
        signed = SMS_CALLBACK + INBOUND + "".join(name + value for name, value in sorted(form.items()))
        signature = base64.b64encode(hmac.new(SMS_TOKEN.encode(), signed.encode(), "sha1").digest()).decode()
        headers = {
            "X-Twilio-Signature": signature,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = await practice.world.notifications.post(INBOUND, content=urlencode(form), headers=headers)
        assert answer.status_code == 200, answer.text

    return write


async def test_a_client_answers_by_text_and_the_front_desk_sees_it_done(
    desk: Desk, practice: Practice, asked: Json, writes: Writes
) -> None:
    drawer = await desk.open(asked["name"])
    await drawer.get_by_role("tab", name="Messages").click()
    question = drawer.locator(".ln").filter(has_text="Reminder")
    await see(question.locator("q")).to_contain_text("1")
    await see(question).to_contain_text("part")

    await writes("1")

    await see(drawer.locator(".ln").filter(has_text="Comes")).to_contain_text("Done")
    await see(desk.row(asked["name"])).to_contain_text("Confirmed")
    await drawer.get_by_role("tab", name="History").click()
    await see(drawer.locator(".history li:not(.sent)").filter(has_text="Confirmed").first).to_contain_text(
        f"Client {asked['name']}"
    )


async def test_what_a_client_writes_in_their_own_words_is_there_to_be_read_and_literally(
    open_desk: OpenDesk, practice: Practice, asked: Json, writes: Writes
) -> None:
    await writes("I may be late, <b>sorry</b>")
    await writes("STOP")

    async with open_desk() as desk:
        await desk.goto("/messages?state=inbound")
        written = desk.row(asked["name"]).filter(has_text="I may be late, <b>sorry</b>")
        await see(written.locator(".bad")).to_contain_text("To be read")
        await see(written).to_contain_text("In their own words.")
        await see(desk.row(asked["name"]).filter(has_text="No more SMS")).to_contain_text("Noted")
        await written.get_by_role("link", name=asked["name"]).click()
        await see(desk.page.get_by_role("heading", name=asked["name"])).to_be_visible()
        await see(desk.page.get_by_text("Their phone has ended our SMS (STOP).")).to_be_visible()
        await see(desk.page.locator(".ln").filter(has_text="I may be late, <b>sorry</b>")).to_be_visible()
        await see(desk.page.locator(".ln").filter(has_text="Reminder").locator("q")).to_be_visible()


async def test_what_nobody_has_read_is_counted_at_every_desk_until_one_opens_the_thread(
    open_desk: OpenDesk, desk: Desk, practice: Practice, asked: Json, writes: Writes
) -> None:
    """Others leave texts unread as well: what counts is how the number moves."""
    await desk.goto("/messages")
    before = await _unread(practice)
    await writes("Is there parking?")
    badge = desk.page.get_by_role("navigation", name="Main").get_by_label(f"{before + 1} unread", exact=True)
    await see(badge).to_be_visible()

    async with open_desk() as other:
        await other.goto("/messages?state=inbound")
        written = other.row(asked["name"]).filter(has_text="Is there parking?")
        await see(written.get_by_text("New", exact=True)).to_be_visible()
        drawer = await desk.open(asked["name"])
        await drawer.get_by_role("tab", name="Messages").click()
        await see(drawer.locator(".ln").filter(has_text="Is there parking?")).to_be_visible()
        await see(written.get_by_text("New", exact=True)).to_have_count(0)

    async def read() -> bool:
        return await _unread(practice) == before

    await until_true(read, what="the thread that was opened counts as read")

    # With the thread in front of somebody it would be read at once.
    await desk.goto("/messages")
    await writes("And a lift?")
    async with open_desk() as other:
        await other.goto("/messages?state=inbound")
        written = other.row(asked["name"]).filter(has_text="And a lift?")
        await other.button("Mark as read", within=written).click()
        await see(written.get_by_text("New", exact=True)).to_have_count(0)
    await until_true(read, what="what was marked counts as read")


async def _unread(practice: Practice) -> int:
    count: int = expect(await practice.world.notifications.get("/v1/inbound-messages/unread"))["unread"]
    return count


async def test_on_a_phone_who_wrote_what_is_there_as_well(
    open_desk: OpenDesk, practice: Practice, asked: Json, writes: Writes
) -> None:
    await writes("Which door is it?")

    async with open_desk(viewport=PHONE, has_touch=True) as desk:
        await desk.goto("/messages?state=inbound")
        written = desk.page.locator("tr").filter(has_text="Which door is it?")
        await see(written.get_by_text("Which door is it?")).to_be_visible()
        await see(written.get_by_role("link", name=asked["name"])).to_be_visible()
        await see(written.get_by_text("To be read")).to_be_visible()
        await desk.goto("/messages?channel=sms")
        sent = desk.page.locator("tr").filter(has_text=asked["name"])
        await see(sent.get_by_role("link", name="Reminder")).to_be_visible()


async def test_what_a_text_cost_stands_beside_it(desk: Desk, practice: Practice, asked: Json) -> None:
    """No provider is here that would tell a price: the ledger is told it by hand."""
    connection = await asyncpg.connect(practice.platform.database_url("notifications"))
    priced = "UPDATE messages SET cost_amount = 0.0079, cost_currency = 'USD' WHERE appointment_id = $1"
    await connection.execute(f"{priced} AND channel = 'sms'", UUID(asked["id"]))
    await connection.close()

    await desk.goto("/messages?channel=sms")

    await see(desk.row(asked["name"])).to_contain_text("1 part · $0.0079")
