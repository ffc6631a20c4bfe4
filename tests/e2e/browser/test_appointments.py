"""One appointment in the drawer: its verbs, its history, its reminders, and what its client may see."""

import re
from datetime import UTC, datetime, timedelta

from harness.desk import Desk, see
from harness.mailbox import Mailbox, body_text, calendar_part
from harness.practice import BERLIN, Practice
from harness.world import expect


async def test_confirm_and_the_client_gets_a_mail(desk: Desk, practice: Practice, mails: Mailbox) -> None:
    booked = await practice.book(practice.a_day(), "Carla Confirm", staff=0)
    address = (await practice.client_named("Carla Confirm"))["email"]
    drawer = await desk.open("Carla Confirm")

    await desk.button("Confirm", within=drawer).click()

    await desk.told("Confirmed")
    await see(drawer.locator(".pill")).to_have_text("Confirmed")
    # Two mails that are due at the same moment are sent side by side: either may be the first to arrive.
    received = await mails.expect(address, count=2)
    assert any(
        "confirmed" in str(mail["Subject"]).lower() or "confirmed" in body_text(mail).lower() for mail in received
    )
    assert (await practice.appointments_of("Carla Confirm"))[0]["id"] == booked["id"]


async def test_cancel_with_a_reason_and_the_choice_not_to_notify(
    desk: Desk, practice: Practice, mails: Mailbox
) -> None:
    await practice.book(practice.a_day(), "Quentin Quiet", staff=0)
    address = (await practice.client_named("Quentin Quiet"))["email"]
    await mails.expect(address, count=1)
    drawer = await desk.open("Quentin Quiet")
    await drawer.get_by_role("button", name="More", exact=True).click()
    await desk.page.get_by_role("menuitem", name="Cancel appointment").click()
    # Without a reason there is no cancelling.
    await see(desk.button("Cancel appointment", within=desk.sheet)).to_be_disabled()

    await desk.button("Illness", within=desk.sheet).click()
    await desk.sheet.get_by_role("checkbox", name="Tell the client").uncheck(force=True)
    await desk.button("Cancel appointment", within=desk.sheet).click()

    await see(drawer.locator(".pill")).to_have_text("Cancelled")
    [cancelled] = await practice.appointments_of("Quentin Quiet")
    history = expect(await practice.world.booking.get(f"/v1/appointments/{cancelled['id']}/history"))["items"]
    assert history[-1]["reason"] == "Illness"
    # A later appointment's mail arrives, and by then nothing was sent about this one.
    await practice.book(practice.a_day(), "Later Quiet", staff=0)
    await mails.expect((await practice.client_named("Later Quiet"))["email"], count=1)
    assert len(mails.to(address)) == 1


async def test_cancel_and_the_client_is_told(desk: Desk, practice: Practice, mails: Mailbox) -> None:
    await practice.book(practice.a_day(), "Nora Notified", staff=0)
    address = (await practice.client_named("Nora Notified"))["email"]
    await desk.find("Nora Notified")
    await desk.menu("Nora Notified", "Cancel appointment")

    await desk.button("We are closed", within=desk.sheet).click()
    await see(desk.sheet.get_by_role("checkbox", name="Tell the client")).to_be_checked()
    await desk.button("Cancel appointment", within=desk.sheet).click()

    await see(desk.row("Nora Notified")).to_contain_text("Cancelled")
    assert len(await mails.expect(address, count=2)) == 2


async def test_reschedule_with_conflict_check(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Rita Reschedule", staff=0)
    await practice.book(day + timedelta(hours=2), "Bruno Blocker", staff=0)
    drawer = await desk.open("Rita Reschedule")
    await desk.button("Reschedule", within=drawer).click()
    # The taken time is not offered; typed, it is refused by name of the rule.
    await see(desk.sheet.get_by_role("button", name="11:30", exact=True)).to_be_visible()
    await see(desk.sheet.get_by_role("button", name="12:00", exact=True)).to_have_count(0)
    await desk.sheet.get_by_label("Another time").fill("12")
    await desk.sheet.get_by_label("Another time").press("Enter")
    await see(desk.sheet).to_contain_text("Why this time is not offered:")

    await desk.sheet.get_by_role("button", name="11:30", exact=True).click()
    await desk.sheet.get_by_role("button", name="Move to").click()

    await desk.told("Rita Reschedule moved to")
    old, new = await practice.appointments_of("Rita Reschedule")
    assert (old["status"], new["status"]) == ("rescheduled", "scheduled")
    assert datetime.fromisoformat(new["starts_at"]) == day + timedelta(hours=1, minutes=30)


async def test_complete_with_price_and_notes(desk: Desk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Paula Price", staff=0)
    drawer = await desk.open("Paula Price")
    await desk.button("Complete", within=drawer).click()

    await desk.sheet.get_by_label("Price in EUR").fill("45,50")
    await desk.sheet.get_by_label("Internal notes").fill("Paid in cash")
    await desk.button("Complete", within=desk.sheet).click()

    await see(drawer.locator(".pill")).to_have_text("Completed")
    await see(drawer).to_contain_text("45.50")
    await see(drawer).to_contain_text("Paid in cash")


async def test_completing_can_be_undone(desk: Desk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Ursula Undo", staff=0)
    drawer = await desk.open("Ursula Undo")
    await desk.button("Complete", within=drawer).click()
    await desk.button("Complete", within=desk.sheet).click()

    await desk.button("Undo", within=desk.page.locator(".toasts")).click()

    await see(drawer.locator(".pill")).to_have_text("Scheduled")


async def test_no_show(desk: Desk, practice: Practice) -> None:
    yesterday = datetime.now(BERLIN).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    await practice.book_in_the_past(yesterday, "Norbert Noshow")
    await desk.find("Norbert Noshow")

    await desk.menu("Norbert Noshow", "No-show")

    await see(desk.row("Norbert Noshow")).to_contain_text("No-show")
    await desk.told("Marked as no-show")


async def test_no_show_review(desk: Desk, practice: Practice) -> None:
    """Those of the last days are one click from the list, counted in the report, and a wrong one is given back."""
    earlier = datetime.now(BERLIN).replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
    missed = await practice.book_in_the_past(earlier, "Nick Review", staff=1)
    await practice.world.act(missed["id"], "no-show")
    await desk.find("Nick Review")
    await desk.page.get_by_role("navigation", name="By status").get_by_role("button", name="No-show 1").click()
    drawer = await desk.open("Nick Review")

    await desk.button("Reopen", within=drawer).click()

    await see(drawer.locator(".pill")).to_have_text("Scheduled")
    again = await practice.world.act(missed["id"], "no-show")
    assert again["status"] == "no_show"
    await desk.goto("/reports/no-shows?by=staff")
    await see(desk.page.get_by_role("row").filter(has_text="Ada 2")).to_be_visible()
    await desk.goto("/reports/no-shows?by=weekday_hour")
    weekday = desk.page.get_by_role("rowheader", name=f"{earlier:%A}")
    await see(desk.page.get_by_role("row").filter(has=weekday)).to_contain_text(re.compile(r"\d+% \(\d+\)"))


async def test_history_tab(desk: Desk, practice: Practice) -> None:
    """Who did what, from what to what, and the appointment as it was known then."""
    await practice.book(practice.a_day(), "Hanna History", staff=0)
    drawer = await desk.open("Hanna History")
    await desk.button("Confirm", within=drawer).click()
    await desk.told("Confirmed")

    await drawer.get_by_role("tab", name="History").click()

    entries = drawer.locator(".history > li:not(.sent)")
    await see(entries).to_have_count(2)
    await see(entries.first).to_contain_text("Confirmed")
    await see(entries.first.locator("dl")).to_contain_text("Scheduled → Confirmed")
    await see(entries.last).to_contain_text("Booked")
    await desk.button("As known then", within=entries.last).click()
    await see(drawer.get_by_role("status").filter(has_text="As it was known then")).to_contain_text("Scheduled")


async def test_reminders_tab(desk: Desk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Remo Reminder", staff=0)
    drawer = await desk.open("Remo Reminder")
    await drawer.get_by_role("tab", name="Reminders").click()
    await see(drawer).to_contain_text("No reminders")

    await desk.choose("How long before", "2 hr", within=drawer)
    await desk.button("Add reminder", within=drawer).dblclick()

    await see(drawer.locator(".ln")).to_contain_text("2 hr before")
    await see(drawer.get_by_role("alert")).to_have_count(0)
    await see(drawer.locator(".ln")).to_contain_text("Planned")
    await drawer.get_by_role("button", name="Remove reminder").click()
    # It stays in the list, with what became of it.
    await see(drawer.locator(".ln")).to_contain_text("removed")


async def test_share_with_the_client(desk: Desk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Sarah Share", staff=0)
    drawer = await desk.open("Sarah Share")
    share = drawer.get_by_role("checkbox", name="In the client's portal")
    before = (await practice.appointments_of("Sarah Share"))[0]["share_with_client"]
    await see(share).to_be_checked(checked=before)

    await share.click(force=True)

    await desk.told("Saved")
    [shared] = await practice.appointments_of("Sarah Share")
    assert shared["share_with_client"] is not before
    await drawer.get_by_role("tab", name="History").click()
    await see(drawer.locator(".history > li:not(.sent)")).to_have_count(2)


async def test_nearest_appointment_under_the_clients_name(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Nadia Nearest", staff=0)
    client = await practice.client_named("Nadia Nearest")
    await practice.world.book(day - timedelta(days=20), client_id=client["id"])
    await desk.goto("/clients?q=Nadia")

    await desk.page.get_by_role("link", name="Nadia Nearest").click()

    nearest = desk.page.locator("section").filter(has=desk.page.get_by_role("heading", name="Nearest appointment"))
    await see(nearest).to_contain_text("10:00")
    await see(nearest).to_contain_text(str((day - timedelta(days=20)).day))
    await see(nearest).to_contain_text("Haircut")
    assert datetime.now(UTC) < day - timedelta(days=20)


async def test_a_wrong_client_service_and_length_are_put_right_and_both_clients_are_told(
    desk: Desk, practice: Practice, mails: Mailbox
) -> None:
    day = practice.a_day()
    booked = await practice.book(day, "Wanda Wrong", staff=0)
    beside = await practice.book(day + timedelta(hours=1), "Bruno Beside", staff=0)
    known = {"not_before": f"appointment:{beside['id']}:1"}
    expect(await practice.world.availability.get("/v1/slots", params={**practice.world.slots_query(day), **known}))
    await practice.book(practice.a_day(), "Regina Right", staff=1)
    right, wrong = await practice.client_named("Regina Right"), await practice.client_named("Wanda Wrong")
    await mails.expect(wrong["email"])
    drawer = await desk.open("Wanda Wrong")
    await desk.button("Edit", within=drawer).click()
    # The other service is longer than the time until the next: told while the form is filled, and again by booking.
    await desk.choose("Service", "Colour", within=desk.sheet)
    await see(desk.sheet.get_by_role("status")).to_contain_text("This time is taken.")
    await desk.button("Save", within=desk.sheet).click()
    await see(desk.sheet.get_by_role("alert")).to_contain_text("This time is taken.")

    await desk.sheet.get_by_label("Minutes").fill("45")
    await desk.sheet.get_by_role("combobox", name="Client").fill("Regina R")
    await desk.page.get_by_role("option", name="Regina Right").click()
    await see(desk.sheet.get_by_role("checkbox", name="Tell both clients")).to_be_checked()
    await desk.button("Save", within=desk.sheet).click()

    await desk.told("Saved")
    await see(drawer.get_by_role("heading", name="Regina Right")).to_be_visible()
    await see(drawer).to_contain_text("Colour")
    await drawer.get_by_role("tab", name="History").click()
    await see(drawer.locator(".history")).to_contain_text("Wanda Wrong")
    assert len(await mails.expect(right["email"], count=2)) == 2
    _, told = await mails.expect(wrong["email"], count=2)
    assert "not yours" in body_text(told)
    assert "METHOD:CANCEL" in calendar_part(told)
    assert "Regina" not in body_text(told) + calendar_part(told)
    corrected = expect(await practice.world.booking.get(f"/v1/appointments/{booked['id']}"))
    assert (corrected["client_id"], corrected["duration_minutes"]) == (right["id"], 45)
    assert await practice.appointments_of("Wanda Wrong") == []


async def test_a_longer_appointment_is_forced_with_a_reason_in_the_drawer(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    booked = await practice.book(day, "Lara Longer", staff=0)
    await practice.book(day + timedelta(hours=1), "Nico Next", staff=0)
    drawer = await desk.open("Lara Longer")
    await desk.button("Edit", within=drawer).click()
    await desk.sheet.get_by_label("Minutes").fill("75")
    await desk.button("Save", within=desk.sheet).click()
    await desk.button("Override", within=desk.sheet).click()
    await desk.sheet.get_by_label("Reason").fill("Both agreed")
    await desk.button("Override", within=desk.sheet).click()

    await desk.told("Saved")
    history = expect(await practice.world.booking.get(f"/v1/appointments/{booked['id']}/history"))["items"]
    assert history[-1]["override"]["reason"] == "Both agreed"
    await see(drawer.locator(".amber")).to_have_text("Against the rules: Both agreed This time is taken.")
