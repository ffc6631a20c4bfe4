"""The channels' screen: what is set up, and whether it works."""

from uuid import uuid4

from harness.desk import Desk, OpenDesk, see
from harness.mailbox import Mailbox, body_text

PHONE = {"width": 390, "height": 844}


async def test_a_channel_is_tried_out_with_an_address_of_ones_own(desk: Desk, mails: Mailbox) -> None:
    address = f"{uuid4().hex[:10]}@example.com"
    await desk.goto("/settings/channels")
    mail = desk.page.get_by_role("region", name="E-mail")
    await see(desk.button("Send a test", within=mail)).to_be_disabled()
    await mail.get_by_label("E-mail address").fill(address)
    await desk.button("Send a test", within=mail).click()
    await see(mail.get_by_role("status")).to_contain_text("The provider has taken it.")
    [received] = await mails.expect(address)
    assert "This is a test" in body_text(received)

    sms = desk.page.get_by_role("region", name="SMS")
    await sms.get_by_label("Phone number, with +").fill("030 123")
    await desk.button("Send a test", within=sms).click()
    await see(sms.get_by_role("alert")).to_contain_text("nothing can be sent to this address")
    await see(sms.get_by_role("status")).to_be_empty()


async def test_the_channels_fit_on_a_phone(open_desk: OpenDesk) -> None:
    async with open_desk(viewport=PHONE, has_touch=True) as desk:
        await desk.goto("/settings/channels")
        await see(desk.page.get_by_role("region", name="Push")).to_be_visible()
        wide = await desk.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide
