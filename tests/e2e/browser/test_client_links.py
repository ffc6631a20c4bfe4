"""A client's link, copied from the desk and taken back; and who is offered neither."""

import re

import httpx2
from harness.desk import Desk, OpenDesk, see
from harness.mailbox import Mailbox, body_text
from harness.practice import PASSWORD, Practice
from harness.world import expect


async def test_a_link_is_copied_in_the_drawer_and_revoked_on_the_clients_page(desk: Desk, practice: Practice) -> None:
    await desk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await practice.book(practice.a_day(), "Lina Link", staff=0, share_with_client=True)
    drawer = await desk.open("Lina Link")

    await desk.button("Copy link", within=drawer).click()
    await desk.told("Link copied. It works until")
    link = str(await desk.page.evaluate("navigator.clipboard.readText()"))

    async with httpx2.AsyncClient(timeout=30) as somebody:
        opened = await somebody.get(link)
        assert (opened.status_code, "Haircut" in opened.text) == (200, True)

        client = await practice.client_named("Lina Link")
        await desk.goto(f"/clients/{client['id']}")
        await desk.button("Revoke links").click()
        await see(desk.sheet).to_contain_text("Revoke all links of Lina Link")
        assert (await somebody.get(link)).status_code == 200
        await desk.button("Revoke links", within=desk.sheet).click()
        await desk.told("Links revoked")

        await see(desk.sheet).to_have_count(0)
        assert (await somebody.get(link)).status_code == 410


async def test_where_a_browser_lets_no_page_copy_the_link_is_shown(open_desk: OpenDesk, practice: Practice) -> None:
    client = await practice.book(practice.a_day(), "Clara Clipboard", staff=0)
    async with open_desk() as desk:
        await desk.page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        await desk.goto(f"/clients/{client['client_id']}")

        await desk.button("Copy link").click()

        await see(desk.sheet.get_by_label("Link", exact=True)).to_have_value(re.compile(r"^http\S+/p/[\w-]{60,}$"))


async def test_who_is_limited_is_offered_no_links(open_desk: OpenDesk, practice: Practice, mails: Mailbox) -> None:
    """A link shows a client's appointments in all businesses."""
    booked = await practice.book(practice.a_day(), "Lena Limited", staff=0, share_with_client=True)
    colleague = f"limited-{practice.world.organization_id}@example.com"
    body = {
        "email": colleague,
        "name": "Lou",
        "role": "manager",
        "business_ids": [practice.world.business["id"]],
    }
    expect(await practice.world.dashboard.post("/v1/users", json=body), 201)
    [invitation] = await mails.expect(colleague)
    link = re.search(r"http\S+/invitation/[\w-]+", body_text(invitation))
    assert link is not None
    async with open_desk(storage_state=None) as desk:
        await desk.page.goto(link[0])
        for field in await desk.page.locator("input[type=password]").all():
            await field.fill(PASSWORD)
        await desk.page.locator("form button").click()
        await desk.page.wait_for_url(lambda url: "/invitation/" not in url)

        drawer = await desk.open("Lena Limited")
        await see(drawer.get_by_role("checkbox", name="In the client's portal")).to_be_visible()
        await see(desk.button("Copy link")).to_have_count(0)
        await desk.goto(f"/clients/{booked['client_id']}")
        await see(desk.page.get_by_role("heading", name="May be written to by")).to_be_visible()
        await see(desk.button("Copy link")).to_have_count(0)
        await see(desk.button("Revoke links")).to_have_count(0)
