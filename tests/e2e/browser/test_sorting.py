"""The appointments list by what its columns show, and narrowed by action."""

import re
from datetime import timedelta

from harness.desk import Desk, see
from harness.practice import Practice
from harness.world import expect


async def test_the_list_is_sorted_by_start_client_price_creation_and_change(desk: Desk, practice: Practice) -> None:
    """Chosen from the list beside the filters; pressed once more it is turned round; the address keeps it."""
    # Booked in the order Bea, Cleo, Abel; their times, prices and names are in other orders.
    day = practice.a_day()
    for name, hours, price in (("Bea Sorted", 2, "30.00"), ("Cleo Sorted", 0, "10.00"), ("Abel Sorted", 1, "20.00")):
        quoted = {"amount": price, "currency": "EUR"}
        await practice.book(day + timedelta(hours=hours), name, staff=0, quoted_price=quoted)
    [bea] = await practice.appointments_of("Bea Sorted")
    path = f"/v1/appointments/{bea['id']}"
    expect(await practice.world.booking.patch(path, json={"notes": "Changed last"}))
    await desk.find("Sorted")
    # All of them are listed from the newest day on.
    await _shows(desk, "Bea", "Abel", "Cleo")

    for column, names in (
        ("Client", ("Abel", "Bea", "Cleo")),
        ("Price", ("Bea", "Abel", "Cleo")),
        ("Created", ("Abel", "Cleo", "Bea")),
        ("Changed", ("Bea", "Abel", "Cleo")),
        ("Start", ("Cleo", "Abel", "Bea")),
    ):
        await desk.choose("Sorted by", column)
        await _shows(desk, *names)
        await desk.page.locator(".sorting").get_by_role("button", name="turn round").click()
        await _shows(desk, *reversed(names))

    await desk.choose("Sorted by", "Price")
    await _shows(desk, "Bea", "Abel", "Cleo")
    await see(desk.row("Bea Sorted")).to_contain_text("€30.00")
    await desk.page.reload()
    await _shows(desk, "Bea", "Abel", "Cleo")
    assert "sort=-price" in desk.page.url


async def test_the_head_of_a_column_sorts_and_says_so(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    for hours, name in enumerate(("Zoe Column", "Adam Column")):
        await practice.book(day + timedelta(hours=hours), name, staff=0)
    await desk.find("Column")
    head = desk.page.get_by_role("columnheader", name="Client")
    await see(head).to_have_attribute("aria-sort", "none")

    await desk.button("Client", within=head).click()
    await see(head).to_have_attribute("aria-sort", "ascending")
    await _shows(desk, "Adam", "Zoe")
    await head.get_by_role("button").click()

    await see(head).to_have_attribute("aria-sort", "descending")
    await _shows(desk, "Zoe", "Adam")


async def test_the_action_chip_narrows_the_list_and_names_what_it_lets_through(desk: Desk, practice: Practice) -> None:
    world = practice.world
    card, call = [
        expect(await world.booking.post("/v1/actions", json={"name": name}, headers=world.fresh_key()), 201)
        for name in ("Send a card", "Ask the lab")
    ]
    day = practice.a_day()
    for hours, (name, action) in enumerate((("Carl Chip", card), ("Cora Chip", call), ("Curt Chip", None))):
        more = {"action_id": action["id"]} if action else {}
        await practice.book(day + timedelta(hours=hours), name, staff=0, **more)
    await desk.find("Chip")
    chip = desk.page.locator(".filters").get_by_role("button", name="Action")

    await chip.click()
    await desk.page.get_by_role("dialog", name="Action").get_by_role("checkbox", name="Send a card").check(force=True)
    await desk.press("Escape")

    await _shows(desk, "Carl")
    await see(chip).to_contain_text("Send a card")
    await see(desk.page.get_by_role("navigation", name="By status").get_by_role("button", name="All 1")).to_be_visible()
    await desk.page.reload()
    await _shows(desk, "Carl")
    await chip.click()
    await desk.page.get_by_role("dialog", name="Action").get_by_role("checkbox", name="Ask the lab").check(force=True)
    await desk.press("Escape")
    await _shows(desk, "Cora", "Carl")
    for name in ("Send a card", "Ask the lab"):
        await see(chip).to_contain_text(name)


async def _shows(desk: Desk, *names: str) -> None:
    """The clients' first names, from top to bottom."""
    await see(desk.page.locator("[data-row]")).to_have_text([re.compile(rf"^{name}\b") for name in names])
