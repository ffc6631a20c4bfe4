"""A message to so many that it goes out for a while: what has gone, and that the rest can be stopped."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio
from harness.accessibility import BEYOND, axe_findings
from harness.desk import Desk, OpenDesk, see
from harness.mailbox import Mailbox
from harness.practice import Practice
from harness.world import Json, expect

MANY = 205
"""More than are done before the answer."""
SLOWLY = "/v1/send-limits/sms"
PHONE = {"width": 390, "height": 844}


@pytest_asyncio.fixture(loop_scope="session")
async def someone(practice: Practice) -> AsyncIterator[Json]:
    """A client with many appointments."""
    name = f"Oriel {uuid4().hex[:6]}"
    async with practice.a_colleague(f"For {name}") as colleague:
        body = practice.world.booking_of(
            practice.a_day(),
            client={"name": name, "phone": f"+49151{uuid4().int % 10**8:08d}"},
            resource_ids=[colleague["id"]],
            notify=False,
        )
        series = {**body, "recurrence": {"freq": "weekly", "weekdays": list(range(7)), "count": MANY}}
        made = expect(await practice.world.booking.post("/v1/series", json=series, headers=practice.world.fresh_key()))
        assert len(made["occurrences"]) == MANY
        yield await practice.client_named(name)
        end = {"scope": "all", "reason": "The test is over"}
        expect(await practice.world.booking.post(f"/v1/series/{made['id']}/cancel", json=end))


@pytest_asyncio.fixture(loop_scope="session")
async def slowly(practice: Practice) -> AsyncIterator[None]:
    """Four texts a minute."""
    notifications = practice.world.notifications
    limit = expect(await notifications.put(SLOWLY, json={"per_minute": 4}))
    yield
    expect(await notifications.delete(SLOWLY, headers={"If-Match": f'"{limit["version"]}"'}), 204)


async def test_the_rest_of_a_message_to_many_is_stopped(
    desk: Desk, open_desk: OpenDesk, practice: Practice, someone: Json, slowly: None, mails: Mailbox
) -> None:
    await desk.find(someone["name"])
    await desk.page.get_by_role("checkbox", name="Select this page").check(force=True)
    await desk.button(f"Select all {MANY} that match", within=desk.bulk).click()
    await desk.button("Message client", within=desk.bulk).click()
    await desk.sheet.get_by_label("Text").fill("The back door is open on {{ appointment.date }}.")
    await desk.button(f"Send {MANY}", within=desk.sheet).click()
    # One for each date, as each says another thing.
    await see(desk.sheet).to_contain_text(f"{MANY} of {MANY}")
    far = desk.sheet.get_by_role("region", name="What goes out")
    await see(far).to_contain_text(re.compile(r"[1-9][0-9]* sent, [1-9][0-9]* to go"))
    assert await axe_findings(desk.page) == []

    await far.get_by_role("button", name=re.compile(r"Do not send the rest \([0-9]+\)")).click()

    await see(far.get_by_role("status")).to_contain_text("Stopped.")
    await see(far).to_contain_text("0 to go")
    await see(far.get_by_role("button")).to_have_count(0)
    notifications = practice.world.notifications
    [first, *_] = expect(await notifications.get("/v1/messages", params={"client_id": someone["id"]}))["items"]
    told = expect(await notifications.get("/v1/messages/counts", params={"order_id": first["order_id"]}))
    assert told["total"] == MANY
    assert told["by_status"].keys() == {"sent", "suppressed"}
    address = f"{someone['phone']}@sms.invalid"
    assert len(mails.to(address)) == told["by_status"]["sent"]

    await desk.goto("/messages?state=suppressed")
    await desk.page.get_by_role("link", name="How far this message to many is").first.click()
    await see(desk.page.get_by_role("region", name="What goes out")).to_contain_text(
        f"{told['by_status']['suppressed']} not sent"
    )
    await see(desk.page.get_by_role("row").filter(has_text="a colleague stopped this message").first).to_be_visible()
    for looks in ({"color_scheme": "dark"}, {"viewport": PHONE, "has_touch": True}, {"locale": "ar-EG"}):
        async with open_desk(**looks) as other:
            await other.goto(f"/messages?order={first['order_id']}")
            await see(other.page.get_by_role("progressbar")).to_be_visible()
            assert await other.page.evaluate(BEYOND, ".tabs, table") == []
            assert await axe_findings(other.page) == []
