"""The sheets that ask before something is done, with one selected appointment or with many."""

from datetime import timedelta
from uuid import uuid4

from harness.desk import Desk, see
from harness.practice import Practice
from harness.world import expect, until_true


async def test_the_sheet_of_one_that_is_selected_names_that_one(desk: Desk, practice: Practice) -> None:
    day, last = practice.a_day(), uuid4().hex[:6]
    await practice.book(day, f"First {last}", staff=0)
    await practice.book(day + timedelta(hours=1), f"Second {last}", staff=0)
    await desk.find(last)
    for name in (f"First {last}", f"Second {last}"):
        await desk.row(name).get_by_role("checkbox").check(force=True)
        await see(desk.bulk).to_contain_text("1 selected")
        await desk.button("Cancel…", within=desk.bulk).click()
        await see(desk.sheet.get_by_role("heading")).to_have_text(f"Cancel the appointment of {name}")
        await desk.button("Keep it", within=desk.sheet).click()
        await desk.row(name).get_by_role("checkbox").uncheck(force=True)


async def test_a_sheet_goes_upon_what_somebody_else_has_changed_under_it(desk: Desk, practice: Practice) -> None:
    name = f"Uma {uuid4().hex[:6]}"
    booked = await practice.book(practice.a_day(), name, staff=0)
    drawer = await desk.open(name)
    await desk.button("More", within=drawer).click()
    await desk.page.get_by_role("menuitem", name="Cancel appointment").click()
    await desk.sheet.get_by_role("textbox", name="Reason").fill("Has moved away")

    expect(
        await practice.world.booking.patch(f"/v1/appointments/{booked['id']}", json={"internal_notes": "Pays in cash"})
    )
    # Told behind the sheet, which hides it from assistive technology.
    await see(desk.page.locator(".drawer .changed")).to_contain_text("Changed just now")

    await desk.button("Cancel appointment", within=desk.sheet).click()
    await desk.told("Cancelled")
    now = (await practice.appointments_of(name))[0]
    assert (now["status"], now["cancellation_reason"]) == ("cancelled", "Has moved away")


async def test_what_an_erased_client_has_left_open_is_cancelled_without_a_word(desk: Desk, practice: Practice) -> None:
    booked = await practice.book_in_the_past(practice.a_day() - timedelta(days=210), f"Erna {uuid4().hex[:6]}")
    client = f"/v1/clients/{booked['client_id']}"
    expect(await practice.world.booking.post(f"{client}/erase", json={}, headers=practice.world.fresh_key()), 204)
    await desk.goto(f"/appointments/{booked['id']}")
    await desk.button("More", within=desk.drawer).click()
    await desk.page.get_by_role("menuitem", name="Cancel appointment").click()
    await see(desk.sheet).to_contain_text("The client was erased.")
    await desk.button("Cancel appointment", within=desk.sheet).click()
    await desk.told("Cancelled")
    now = expect(await practice.world.booking.get(f"/v1/appointments/{booked['id']}"))
    assert (now["status"], now["cancellation_reason"]) == ("cancelled", "erased")


async def test_whoever_cancels_sees_what_the_client_is_told_and_whether_it_is_late(
    desk: Desk, practice: Practice
) -> None:
    world = practice.world
    strict = {"business_id": world.business["id"], "name": f"Strict {uuid4().hex[:6]}", "duration_minutes": 45}
    strict["cancellation_notice_minutes"] = 60 * 24 * 365
    service = expect(await world.booking.post("/v1/services", json=strict, headers=world.fresh_key()))
    name = f"Livia {uuid4().hex[:6]}"
    booked = await practice.book(practice.a_day(), name, staff=0, service_id=service["id"])

    async def known() -> bool:
        asked = {"kind": "cancelled", "appointment_id": booked["id"]}
        return (await world.notifications.post("/v1/templates/preview", json=asked)).status_code == 200

    await until_true(known, what="notifications know the appointment")
    drawer = await desk.open(name)
    await desk.button("More", within=drawer).click()
    await desk.page.get_by_role("menuitem", name="Cancel appointment").click()
    await see(desk.sheet).to_contain_text("Late: clients could cancel until")
    news = desk.sheet.get_by_role("region")
    await see(news).to_contain_text(f"Cancelled: {strict['name']}")
    await desk.sheet.get_by_role("checkbox", name="Tell the client").uncheck(force=True)
    await see(news).to_have_count(0)
