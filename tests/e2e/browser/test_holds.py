"""Slots that somebody is just choosing, as the calendar shows them."""

import re
from datetime import datetime, timedelta

from harness.desk import Desk, OpenDesk, see
from harness.practice import BERLIN, Practice
from harness.world import Json, expect, stamp, until_true

COUNTDOWN = re.compile(r"\d:\d\d$")


async def test_a_held_slot_says_who_holds_it_and_until_when_and_leaves_when_that_is_over(
    desk: Desk, practice: Practice
) -> None:
    day = practice.a_day()
    held = await _hold(practice, day, minutes=10)
    until = datetime.fromisoformat(held["expires_at"]).astimezone(BERLIN)
    await desk.page.clock.install()
    await desk.open_day(day)

    block = desk.page.locator(".blk.hold")
    await see(block).to_contain_text(f"Held by a colleague until {until:%H:%M}")
    left = block.get_by_role("timer")
    await see(left).to_have_text(COUNTDOWN)
    before = await left.text_content()
    await desk.page.clock.run_for(3_000)
    await see(left).not_to_have_text(before or "")

    # Booking still has it by its own clock: what takes it away here is the end that was shown.
    await desk.page.clock.fast_forward("10:00")

    await see(block).to_have_count(0)
    expect(await practice.world.booking.delete(f"/v1/holds/{held['id']}"), 204)


async def test_what_one_window_holds_is_ones_own_in_another_and_gone_when_it_is_given_back(
    desk: Desk, open_desk: OpenDesk, practice: Practice
) -> None:
    day = practice.a_day()
    service, staff = practice.world.service["id"], practice.world.staff[0]["id"]
    new = f"/appointments/new?service={service}&staff={staff}&start={stamp(day)}"
    await desk.goto(new)
    await see(desk.page.get_by_text("held for")).to_be_visible()

    async with open_desk() as other:
        await other.open_day(day)
        block = other.page.locator(".blk.hold")
        await see(block).to_contain_text("Held by you until")
        await see(other.page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        await desk.page.get_by_role("link", name="Appointments").click()
        await see(block).to_have_count(0, timeout=5_000)

        await desk.goto(new)
        await see(block).to_contain_text("Held by you until", timeout=5_000)
        await desk.page.goto("about:blank")
        await see(block).to_have_count(0, timeout=5_000)


async def test_a_hold_is_in_the_way_of_a_card_that_is_moved_onto_it(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Hanna Hold", staff=0)
    held = await _hold(practice, day + timedelta(minutes=30), minutes=10)
    await desk.open_day(day)
    await see(desk.page.locator(".blk.hold")).to_be_visible()
    await desk.card("Hanna Hold").focus()

    await desk.press("Space", "ArrowDown")

    await see(desk.page.locator("[aria-live=assertive]").filter(has_text="Held for somebody")).to_have_count(1)
    await desk.press("Escape")
    expect(await practice.world.booking.delete(f"/v1/holds/{held['id']}"), 204)


async def _hold(practice: Practice, starts_at: datetime, *, minutes: int) -> Json:
    """Of the first member of staff, by a user who is not the one in the browser."""
    world = practice.world
    body = {
        "business_id": world.business["id"],
        "service_id": world.service["id"],
        "resource_ids": [world.staff[0]["id"]],
        "starts_at": stamp(starts_at),
        "minutes": minutes,
    }
    held: Json = expect(await world.booking.post("/v1/holds", json=body, headers=world.fresh_key()), 201)
    return held


async def test_a_slot_is_kept_longer_or_stays_held_and_it_is_said_why_not(desk: Desk, practice: Practice) -> None:
    day, world = practice.a_day(), practice.world
    await desk.page.clock.install()
    await desk.goto(f"/appointments/new?service={world.service['id']}&staff={world.staff[0]['id']}&start={stamp(day)}")
    await see(desk.page.get_by_text("held for")).to_be_visible()
    [first] = await _held_on(practice, day)
    await desk.page.clock.fast_forward("04:10")
    keep = desk.button("Keep it longer")

    await desk.page.route("**/v1/holds", lambda route: route.abort())
    await keep.click()
    await see(desk.page.get_by_role("alert")).to_contain_text("The time could not be kept longer.")
    await see(desk.page.get_by_text("held for")).to_be_visible()
    assert [hold["id"] for hold in await _held_on(practice, day)] == [first["id"]]

    await desk.page.unroute("**/v1/holds")
    await keep.click()
    await see(desk.page.get_by_role("alert")).to_have_count(0)

    async def is_another() -> bool:
        return [hold["id"] != first["id"] for hold in await _held_on(practice, day)] == [True]

    await until_true(is_another, what="another hold has taken the first one's place")


async def _held_on(practice: Practice, day: datetime) -> list[Json]:
    at = {"from": stamp(day), "to": stamp(day + timedelta(hours=1))}
    return list(expect(await practice.world.booking.get("/v1/holds", params=at))["items"])
