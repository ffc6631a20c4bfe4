"""Fields of the drawer edited where they stand: what cannot be saved, and what another desk saves meanwhile."""

import re
from datetime import timedelta
from uuid import uuid4

from harness.desk import Desk, see
from harness.practice import Practice
from harness.world import expect
from playwright.async_api import Route

TYPED = "Asks for the quiet room"


async def test_a_note_that_could_not_be_saved_stays_in_its_field(desk: Desk, practice: Practice) -> None:
    name = f"Nora {uuid4().hex[:6]}"
    await practice.book(practice.a_day(), name, staff=0)
    drawer = await desk.open(name)
    notes = drawer.get_by_label("Internal notes")
    await notes.fill(TYPED)

    async def lose_edits(route: Route) -> None:
        await (route.abort() if route.request.method == "PATCH" else route.continue_())

    await desk.page.route("**/v1/appointments/*", lose_edits)
    await desk.button("Save", within=drawer).click()
    await see(drawer.get_by_role("alert")).to_be_visible()
    await see(notes).to_have_value(TYPED)
    await desk.page.unroute("**/v1/appointments/*")
    await desk.button("Save", within=drawer).click()
    await desk.told("Saved")
    await see(drawer.get_by_role("alert")).to_have_count(0)
    assert (await practice.appointments_of(name))[0]["internal_notes"] == TYPED


async def test_what_another_desk_saves_is_told_and_stands_beside_what_is_typed(desk: Desk, practice: Practice) -> None:
    name = f"Thea {uuid4().hex[:6]}"
    booked = await practice.book(practice.a_day(), name, staff=0)
    drawer = await desk.open(name)
    changed = drawer.get_by_role("status").filter(has_text="Changed just now")
    theirs = drawer.get_by_role("status").filter(has_text="Saved by somebody else meanwhile")
    notes = drawer.get_by_label("Internal notes")
    # What is changed here is no news here.
    await drawer.get_by_role("checkbox", name="In the client's portal").click(force=True)
    await desk.told("Saved")
    await notes.fill(TYPED)
    await see(changed).to_have_count(0)

    path = f"/v1/appointments/{booked['id']}"
    expect(await practice.world.booking.patch(path, json={"internal_notes": "Pays in cash"}))

    await see(changed).to_have_text(re.compile("Changed just now ?User"))
    await see(theirs).to_contain_text("Pays in cash")
    await see(notes).to_have_value(TYPED)
    await desk.button("Take this text", within=drawer).click()
    await see(notes).to_have_value("Pays in cash")
    await see(theirs).to_have_count(0)

    await practice.world.act(booked["id"], "confirm")
    await see(changed).to_contain_text("Confirmed · ")
    await desk.button("What changed", within=drawer).click()
    await see(drawer.locator(".history > li:not(.sent)").first).to_contain_text("Confirmed")
    await changed.get_by_role("button", name="Close").click()
    await see(changed).to_have_count(0)


async def test_what_is_half_typed_outlives_a_tab_a_row_and_a_closed_drawer(desk: Desk, practice: Practice) -> None:
    last = uuid4().hex[:6]
    day = practice.a_day()
    booked = await practice.book(day, f"Paula {last}", staff=0)
    await practice.book(day, f"Quinn {last}", staff=1)
    await desk.find(last)
    await desk.row(f"Paula {last}").get_by_role("button", name=f"Paula {last}", exact=True).click()
    drawer = desk.drawer
    notes, message = drawer.get_by_label("Internal notes"), drawer.get_by_label("Message to the client")
    await notes.fill(TYPED)
    await drawer.get_by_role("tab", name="Messages").click()
    await message.fill("See you")
    await drawer.get_by_role("tab", name="Details").click()
    await see(notes).to_have_value(TYPED)

    await desk.row(f"Quinn {last}").get_by_role("button", name=f"Quinn {last}", exact=True).click()
    await see(drawer.get_by_role("heading", name=f"Quinn {last}")).to_be_visible()
    await see(notes).to_have_value("")
    await desk.button("Close", within=drawer).click()
    await desk.row(f"Paula {last}").get_by_role("button", name=f"Paula {last}", exact=True).click()
    await see(notes).to_have_value(TYPED)
    await drawer.get_by_role("tab", name="Messages").click()
    await see(message).to_have_value("See you")

    # Saved, and given up: nothing is kept of either.
    await drawer.get_by_role("tab", name="Details").click()
    await desk.button("Save", within=drawer).click()
    await desk.told("Saved")
    await see(desk.button("Save", within=drawer)).to_have_count(0)
    await notes.fill("Never mind")
    await desk.button("Back", within=drawer).click()
    await see(notes).to_have_value(TYPED)
    assert (await practice.appointments_of(f"Paula {last}"))[0]["internal_notes"] == TYPED
    assert booked["internal_notes"] is None


async def test_a_price_is_changed_where_it_stands_also_after_the_appointment(desk: Desk, practice: Practice) -> None:
    name = f"Petra {uuid4().hex[:6]}"
    await practice.book_in_the_past(practice.a_day() - timedelta(days=200), name)
    drawer = await desk.open(name)
    await desk.button("Change the price", within=drawer).click()
    price = drawer.get_by_label("Price in EUR")
    await price.fill("free")
    await see(desk.button("Save", within=drawer)).to_be_disabled()
    await price.fill("52,50")
    await desk.button("Save", within=drawer).click()
    await see(price).to_have_count(0)
    await see(drawer).to_contain_text("€52.50")
    booked = (await practice.appointments_of(name))[0]
    assert booked["quoted_price"] == {"amount": "52.50", "currency": "EUR"}

    await practice.world.act(booked["id"], "complete")
    await see(drawer.locator(".pill")).to_have_text("Completed")
    await desk.button("Change the price", within=drawer).click()
    await price.fill("60")
    await desk.button("Save", within=drawer).click()
    await see(drawer).to_contain_text("€60.00")
    paid = (await practice.appointments_of(name))[0]["actual_price"]
    assert float(paid["amount"]) == 60
