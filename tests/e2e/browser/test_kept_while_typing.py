"""What is typed, and what colleagues save meanwhile: neither is lost."""

from datetime import timedelta

from harness.desk import Desk, see
from harness.practice import Practice
from harness.world import Json, expect


async def _colleague(practice: Practice, path: str, **fields: str | bool) -> None:
    booking = practice.world.booking
    version = expect(await booking.get(path))["version"]
    headers = practice.world.fresh_key() | {"If-Match": f'"{version}"'}
    expect(await booking.patch(path, json=fields, headers=headers))


async def test_a_number_that_a_colleague_saves_stays_when_the_name_is_changed(desk: Desk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Nora Numbered", staff=0)
    [booked] = await practice.appointments_of("Nora Numbered")
    path = f"/v1/clients/{booked['client']['id']}"
    await desk.goto(f"/clients/{booked['client']['id']}")
    await desk.button("Edit").click()
    await desk.sheet.get_by_label("Name").fill("Nora Renamed")
    await _colleague(practice, path, phone="+493055500001")
    await see(desk.page.get_by_text("+493055500001").first).to_be_attached()

    await desk.button("Save", within=desk.sheet).click()

    await see(desk.page.get_by_role("heading", name="Nora Renamed")).to_be_visible()
    client = expect(await practice.world.booking.get(path))
    assert (client["name"], client["phone"]) == ("Nora Renamed", "+493055500001")


async def test_a_number_that_was_changed_here_and_by_a_colleague_is_shown_as_theirs(
    desk: Desk, practice: Practice
) -> None:
    await practice.book(practice.a_day(), "Tess Twice", staff=0)
    [booked] = await practice.appointments_of("Tess Twice")
    await desk.goto(f"/clients/{booked['client']['id']}")
    await desk.button("Edit").click()
    await desk.sheet.get_by_label("Phone").fill("+493055500002")

    await _colleague(practice, f"/v1/clients/{booked['client']['id']}", phone="+493055500003")

    await see(desk.sheet).to_contain_text("Saved by somebody else meanwhile: +493055500003")
    await see(desk.sheet.get_by_label("Phone")).to_have_value("+493055500002")


async def test_a_person_whom_a_colleague_has_changed_is_saved_by_another_press(desk: Desk, practice: Practice) -> None:
    body = {"name": "Sam Stale", "kind": "staff", "business_ids": [practice.world.business["id"]]}
    headers = practice.world.fresh_key()
    made: Json = expect(await practice.world.booking.post("/v1/resources", json=body, headers=headers))
    path = f"/v1/resources/{made['id']}"
    await desk.goto("/staff")
    await desk.page.get_by_role("button", name="Sam Stale").click()
    await desk.sheet.get_by_label("Phone").fill("+493055500004")
    await _colleague(practice, path, email="sam@example.com")

    await desk.button("Save", within=desk.sheet).click()
    await see(desk.sheet).to_contain_text("Somebody else changed it just now.")
    await desk.button("Save", within=desk.sheet).click()

    await desk.told("Saved")
    saved = expect(await practice.world.booking.get(path))
    assert (saved["phone"], saved["email"]) == ("+493055500004", "sam@example.com")
    await _colleague(practice, path, archived=True)


async def test_a_business_that_a_colleague_has_changed_is_saved_by_another_press(
    desk: Desk, practice: Practice
) -> None:
    path = f"/v1/businesses/{practice.dental['id']}"
    await desk.goto("/settings/businesses")
    await desk.page.get_by_role("button", name="Hudson Dental").click()
    form = desk.page.locator("form").filter(has=desk.page.get_by_role("heading", name="Hudson Dental"))
    await form.get_by_label("Phone").fill("+12125550104")
    await _colleague(practice, path, address="1 Hudson Street")

    await desk.button("Save", within=form).click()
    await see(form).to_contain_text("Somebody else changed it just now.")
    await desk.button("Save", within=form).click()

    await desk.told("Saved")
    saved = expect(await practice.world.booking.get(path))
    assert (saved["phone"], saved["address"]) == ("+12125550104", "1 Hudson Street")


async def test_removing_other_hours_leaves_what_is_typed_of_time_off(desk: Desk, practice: Practice) -> None:
    on = practice.a_day() + timedelta(days=200)
    await desk.goto("/availability")
    dates = desk.page.locator("section.panel").filter(
        has=desk.page.get_by_role("heading", name="Other hours on a date")
    )
    away = desk.page.locator("section.panel").filter(has=desk.page.get_by_role("heading", name="Time off"))
    await dates.get_by_label("Date").fill(f"{on:%Y-%m-%d}")
    await away.get_by_label("Reason").fill("Half typed")
    await desk.button("Add", within=dates).click()
    await see(dates.get_by_text("closed", exact=True)).to_be_visible()
    await see(dates.get_by_label("Date")).to_have_value("")

    await desk.button("Remove", within=dates).click()

    await see(dates.get_by_text("closed", exact=True)).to_have_count(0)
    await see(away.get_by_label("Reason")).to_have_value("Half typed")


async def test_what_is_typed_is_back_after_signing_in_again(desk: Desk) -> None:
    await desk.goto("/appointments/new")
    notes = desk.page.get_by_role("textbox", name="Notes", exact=True)
    await notes.fill("Rings twice")
    problem = {"title": "", "status": 401, "detail": "", "code": "not_signed_in", "trace_id": None}
    clients = "**/api/booking/v1/clients**"
    await desk.page.route(clients, lambda route: route.fulfill(status=401, json=problem), times=1)

    # The session stands in truth, so that the page for signing in leads back at once.
    async with desk.page.expect_request(lambda request: "/sign-in?next=" in request.url):
        await desk.page.get_by_role("combobox", name="Client").fill("Nobody")

    await see(notes).to_have_value("Rings twice")
    await desk.told("What you had typed is back in its fields.")
    await desk.page.reload()
    await see(notes).to_have_value("")


async def test_what_is_typed_is_back_when_another_release_has_the_page_loaded_anew(desk: Desk) -> None:
    await desk.goto("/appointments/new")
    notes = desk.page.get_by_role("textbox", name="Notes", exact=True)
    await notes.fill("Leaves early")

    await desk.page.evaluate("dispatchEvent(new Event('vite:preloadError', { cancelable: true }))")

    await desk.told("What you had typed is back in its fields.")
    await see(notes).to_have_value("Leaves early")
