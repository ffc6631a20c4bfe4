"""The channels' screen: what is set up, and whether it works."""

from uuid import uuid4

from harness.desk import Desk, OpenDesk, see
from harness.mailbox import Mailbox, body_text
from harness.own_mail import own_mail_server
from harness.platform import Platform

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
    await see(sms.get_by_role("alert")).to_contain_text("Nothing can be sent to this address")
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


async def test_an_owner_sends_by_a_mail_server_of_their_own(desk: Desk, running_platform: Platform) -> None:
    address = f"{uuid4().hex[:10]}@example.com"
    mail = desk.page.get_by_role("region", name="E-mail")
    use, send = desk.button("Use this account", within=mail), desk.button("Send a test", within=mail)
    with own_mail_server(running_platform.mail_certificate, username="front-desk") as server:
        await desk.goto("/settings/channels")
        await mail.get_by_text("Your own mail server").click()
        await see(use).to_be_disabled()
        for label, value in (
            ("Server", "127.0.0.1"),
            ("Port", str(server.port)),
            ("Sender", "front-desk@own.example"),
            ("User", server.username),
            ("Password", "wrong, and seen by nobody"),
        ):
            await mail.get_by_label(label, exact=True).fill(value)
        await use.click()
        await desk.told("Saved")
        await see(mail.get_by_role("heading")).to_contain_text("by your own account")
        await see(mail.get_by_label("Password", exact=True)).to_have_value("")
        assert "seen by nobody" not in await desk.page.content()

        await mail.get_by_label("E-mail address").fill(address)
        await send.click()
        await see(mail.get_by_role("status")).to_contain_text("the mail server does not take our credentials")

        # Another server would be shown the password: it has to be typed anew.
        await mail.get_by_label("User", exact=True).fill("somebody else")
        await use.click()
        await see(mail.get_by_role("alert")).to_contain_text("Type the password or token")

        await mail.get_by_label("User", exact=True).fill(server.username)
        await mail.get_by_label("Password", exact=True).fill(server.password)
        await use.click()
        await see(mail.get_by_label("Password", exact=True)).to_have_value("")
        await send.click()
        await see(mail.get_by_role("status")).to_contain_text("The provider has taken it.")
        [received] = await server.expect(address)
        assert received["From"].addresses[0].addr_spec == "front-desk@own.example"

        await desk.button("Remove the account", within=mail).click()
        await desk.told("Sent by the installation’s again")
        await see(mail.get_by_role("heading")).not_to_contain_text("own account")


async def test_what_is_no_account_at_twilio_is_refused_beside_the_form(desk: Desk) -> None:
    await desk.goto("/settings/channels")
    sms = desk.page.get_by_role("region", name="SMS")
    await sms.get_by_text("Your own account at Twilio").click()
    await sms.get_by_label("Account SID").fill("AC1")
    await sms.get_by_label("Sender of texts").fill("+447700900777")
    await desk.button("Use this account", within=sms).click()
    await see(sms.get_by_role("alert")).to_contain_text("account_sid")
    await sms.get_by_label("Account SID").fill("AC" + "0" * 32)
    await desk.button("Use this account", within=sms).click()
    await see(sms.get_by_role("alert")).to_contain_text("Type the password or token")
