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


async def test_quiet_hours_are_set_by_channel_in_whatever_way_a_time_is_typed(desk: Desk) -> None:
    await desk.goto("/settings/channels")
    sms = desk.page.get_by_role("region", name="SMS")
    await sms.get_by_text("Quiet hours", exact=True).click()
    await sms.get_by_label("From").fill("9 pm")
    await sms.get_by_label("Until").fill("25")
    await see(sms.get_by_text("This is no time of day")).to_be_visible()
    await see(desk.button("Save", within=sms)).to_be_disabled()
    await sms.get_by_label("Until").fill("830")
    await desk.button("Save", within=sms).click()
    await desk.told("Saved")

    await desk.goto("/settings/channels")
    await see(sms.get_by_label("From")).to_have_value("21:00")
    await see(sms.get_by_label("Until")).to_have_value("08:30")
    await see(desk.page.get_by_role("region", name="Quiet hours")).to_contain_text("Booked")
    await desk.button("As the installation has it", within=sms).click()
    await see(sms.get_by_label("From")).to_have_count(0)


async def test_the_channels_fit_on_a_phone(open_desk: OpenDesk) -> None:
    async with open_desk(viewport=PHONE, has_touch=True) as desk:
        await desk.goto("/settings/channels")
        await see(desk.page.get_by_role("region", name="Push")).to_be_visible()
        wide = await desk.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide
