"""A message to so many that it goes out for a while: what has gone, and that the rest can be stopped."""

import re
from uuid import uuid4

import pytest_asyncio
from harness.accessibility import BEYOND, axe_findings
from harness.desk import OpenDesk, accept_invitation, see
from harness.mailbox import Mailbox
from harness.platform import Platform
from harness.practice import Practice
from harness.world import Json, expect

MANY = 205
"""More than are done before the answer."""
PHONE = {"width": 390, "height": 844}


@pytest_asyncio.fixture(loop_scope="session")
async def own(running_platform: Platform) -> Practice:
    """An organization of the test's own, whose ledger no other test reads: it sends four texts a minute."""
    own = Practice(running_platform, running_platform.an_empty_world())
    await own.world.set_up(staff=1)
    expect(await own.world.notifications.put("/v1/send-limits/sms", json={"per_minute": 4}))
    return own


@pytest_asyncio.fixture(loop_scope="session")
async def oriel(own: Practice) -> Json:
    """A client with many appointments."""
    world = own.world
    client = {"name": "Oriel Often", "phone": f"+49151{uuid4().int % 10**8:08d}"}
    daily = {"freq": "weekly", "weekdays": list(range(7)), "count": MANY}
    body = {**world.booking_of(own.a_day(), client=client, notify=False), "recurrence": daily}
    made = expect(await world.booking.post("/v1/series", json=body, headers=world.fresh_key()))
    assert len(made["occurrences"]) == MANY
    return await own.client_named(client["name"])


async def test_the_rest_of_a_message_to_many_is_stopped(
    open_desk: OpenDesk, own: Practice, oriel: Json, mails: Mailbox
) -> None:
    async with open_desk(storage_state=None) as desk:
        await accept_invitation(desk.page, own)
        signed_in = await desk.page.context.storage_state()
        await desk.find(oriel["name"])
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

    notifications = own.world.notifications
    [first, *_] = expect(await notifications.get("/v1/messages", params={"client_id": oriel["id"]}))["items"]
    told = expect(await notifications.get("/v1/messages/counts", params={"order_id": first["order_id"]}))
    assert told["total"] == MANY
    assert told["by_status"].keys() == {"sent", "suppressed"}
    assert len(mails.to(f"{oriel['phone']}@sms.invalid")) == told["by_status"]["sent"]

    async with open_desk(storage_state=signed_in) as desk:
        await desk.goto("/messages?state=suppressed")
        await desk.page.get_by_role("link", name="How far this message to many is").first.click()
        not_sent = f"{told['by_status']['suppressed']} not sent"
        await see(desk.page.get_by_role("region", name="What goes out")).to_contain_text(not_sent)
        await see(
            desk.page.get_by_role("row").filter(has_text="a colleague stopped this message").first
        ).to_be_visible()
    for looks in ({"color_scheme": "dark"}, {"viewport": PHONE, "has_touch": True}, {"locale": "ar-EG"}):
        async with open_desk(storage_state=signed_in, **looks) as desk:
            await desk.goto(f"/messages?order={first['order_id']}")
            await see(desk.page.get_by_role("progressbar")).to_be_visible()
            assert await desk.page.evaluate(BEYOND, ".tabs, table") == []
            assert await axe_findings(desk.page) == []
