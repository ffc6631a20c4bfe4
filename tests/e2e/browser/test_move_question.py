"""Where a card was dropped the calendar asks whether to move it and whether the client is told; it asks until told not to."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from harness.accessibility import BEYOND, axe_findings
from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice
from harness.world import Json, expect, until_true
from playwright.async_api import Locator, Route

Carry = Callable[[Desk, str, int], Awaitable[None]]


async def _by_pointer(desk: Desk, name: str, minutes: int) -> None:
    """Carries a client's card so far down, and lets go of it."""
    # Away from the edges, where a drag scrolls.
    await desk.card(name).evaluate("card => card.scrollIntoView({ block: 'center' })")
    box = await desk.card(name).bounding_box()
    assert box is not None
    pixels = await desk.page.locator(".col").first.evaluate("column => column.offsetHeight / 1440")
    x, y = box["x"] + 12, box["y"] + 6
    await desk.page.mouse.move(x, y)
    await desk.page.mouse.down()
    await desk.page.mouse.move(x, y + minutes * pixels, steps=5)
    await desk.page.mouse.up()


async def _by_keys(desk: Desk, name: str, minutes: int) -> None:
    await desk.card(name).focus()
    await desk.press("Space", *["ArrowDown"] * (minutes // 15), "Enter")


@pytest.mark.parametrize(("name", "carry"), [("Quentin Pointer", _by_pointer), ("Quentin Keys", _by_keys)])
async def test_a_client_is_told_of_a_move_or_not_as_it_is_answered(
    desk: Desk, practice: Practice, name: str, carry: Carry
) -> None:
    """Whoever is not told of a move is reminded of the appointment all the same."""
    day = practice.a_day()
    await practice.book(day, name, staff=0)
    await desk.open_day(day)

    await carry(desk, name, 60)

    await see(desk.sheet.get_by_role("heading", name="Move to 11:00, Ada 1")).to_be_visible()
    await see(_tell(desk, name)).to_be_checked()
    assert len(await practice.appointments_of(name)) == 1
    await _tell(desk, name).uncheck(force=True)
    sent: list[str] = []
    desk.page.on("request", lambda request: request.method != "GET" and sent.append(request.url.rpartition("/")[2]))
    await desk.agree()
    await desk.told(f"{name} moved to")
    # The move and nothing besides, but for what the calendar asks about it.
    assert [path for path in sent if path != "bookability"] == ["reschedule"]
    await desk.told("The client is not told.")
    _, quiet = await practice.appointments_of(name)
    assert datetime.fromisoformat(quiet["starts_at"]) == day + timedelta(hours=1)
    assert quiet["notify_client"]
    assert await _told(practice, name) == ["notify_off"]

    await see(desk.card(name)).to_have_attribute("data-card", quiet["id"])
    await carry(desk, name, 30)
    await desk.agree()
    await desk.told("The client is told.")
    assert await _told(practice, name) == ["notify_off", None]


async def test_the_history_tells_whether_the_client_was_told(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Hilda History", staff=0)
    await desk.open_day(day)

    await _by_keys(desk, "Hilda History", 60)
    await _tell(desk, "Hilda History").uncheck(force=True)
    await desk.agree()
    await desk.told("The client is not told.")
    before, _ = await practice.appointments_of("Hilda History")
    await desk.goto(f"/appointments/{before['id']}")
    await desk.drawer.get_by_role("tab", name="History").click()

    moved = desk.drawer.get_by_role("listitem").first
    await see(moved).to_contain_text("The client is not told.")
    await see(desk.drawer.get_by_role("listitem").last).not_to_contain_text("The client is")


async def test_put_back_moves_nothing(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Petra Putback", staff=0)
    await desk.open_day(day)
    ghost = desk.page.locator(".ghost")

    await _by_pointer(desk, "Petra Putback", 60)
    await see(ghost).to_contain_text("11:00–11:30")
    await desk.button("Put back", within=desk.sheet).click()
    await see(desk.sheet).to_have_count(0)
    await see(ghost).to_have_count(0)
    await _by_keys(desk, "Petra Putback", 60)
    await see(desk.button("Move", within=desk.sheet)).to_be_focused()
    await desk.press("Escape")

    await see(desk.sheet).to_have_count(0)
    await see(desk.card("Petra Putback")).to_be_focused()
    assert len(await practice.appointments_of("Petra Putback")) == 1


async def test_a_longer_appointment_is_asked_about_as_well_and_undone(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Lotte Longer", staff=0)
    await desk.open_day(day)
    await desk.card("Lotte Longer").focus()

    await desk.press("Space", "Shift+ArrowDown", "Enter")
    await see(desk.sheet.get_by_role("heading", name="Change to 10:00–10:45, Ada 1")).to_be_visible()
    await desk.agree()
    await desk.told("Lotte Longer moved to")
    assert (await practice.appointments_of("Lotte Longer"))[-1]["duration_minutes"] == 45
    await desk.button("Undo").click()

    await see(desk.page.get_by_role("button", name="10:00–10:30, Lotte Longer")).to_be_visible()


async def test_who_does_not_want_to_be_asked_is_not_until_they_do(
    desk: Desk, open_desk: OpenDesk, practice: Practice
) -> None:
    day = practice.a_day()
    await practice.book(day, "Nora Nomore", staff=0)
    await desk.open_day(day)

    await _by_keys(desk, "Nora Nomore", 15)
    await desk.sheet.get_by_text("Do not ask again").click()
    async with desk.page.expect_response("**/api/session/preferences") as kept:
        await desk.agree()
    assert (await kept.value).status == 200
    await desk.told("Nora Nomore moved to")
    await see(desk.card("Nora Nomore")).to_be_focused()
    async with open_desk() as other:
        await other.open_day(day)
        await other.button("View options").click()
        await see(other.sheet.get_by_role("radio", name="Tell the client")).to_be_checked()
    await desk.page.reload()
    await _by_keys(desk, "Nora Nomore", 15)
    await see(desk.page.get_by_role("button", name="10:30–11:00, Nora Nomore")).to_be_visible()
    assert "notify_off" not in await _told(practice, "Nora Nomore")

    await desk.button("View options").click()
    await see(desk.sheet.get_by_role("radio", name="Tell the client")).to_be_checked()
    asked = desk.sheet.get_by_role("radio", name="Ask", exact=True)
    async with desk.page.expect_response("**/api/session/preferences"):
        await asked.click()
    await see(asked).to_be_checked()
    await desk.press("Escape")
    await _by_keys(desk, "Nora Nomore", 15)
    await see(desk.sheet.get_by_role("heading", name="Move to 10:45, Ada 1")).to_be_visible()


async def test_what_is_in_the_way_is_said_and_can_be_overridden(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Olli Override", staff=0)
    await practice.book(day + timedelta(hours=1), "Ida Intheway", staff=0)
    await desk.open_day(day)

    await _by_keys(desk, "Olli Override", 60)
    await see(desk.sheet).to_contain_text("Overlaps Ida Intheway, 11:00–11:30.")
    await desk.sheet.get_by_role("button", name="Override").click()
    reason = desk.sheet.get_by_role("textbox", name="Reason")
    await reason.fill("They are sisters")

    # Lost on its way, the reason stays to be sent once more.
    async def lose(route: Route) -> None:
        await route.abort()

    await desk.page.route("**/reschedule", lose)
    await desk.button("Override", within=desk.sheet).click()
    await see(desk.sheet.get_by_role("alert")).to_contain_text("No answer.")
    await see(reason).to_have_value("They are sisters")
    await desk.page.unroute("**/reschedule")
    await desk.button("Override", within=desk.sheet).click()

    await desk.told("Olli Override moved to")
    _, moved = await practice.appointments_of("Olli Override")
    assert datetime.fromisoformat(moved["starts_at"]) == day + timedelta(hours=1)


@pytest.mark.parametrize("way", ["light", "dark", "phone", "arabic"])
async def test_the_question_can_be_used_by_everybody(open_desk: OpenDesk, practice: Practice, way: str) -> None:
    options: dict[str, object] = {"bypass_csp": True, "reduced_motion": "reduce"}
    options |= {"viewport": {"width": 320, "height": 640}} if way == "phone" else {}
    async with open_desk(**options) as desk:
        await desk.page.emulate_media(color_scheme="dark" if way == "dark" else "light")
        if way == "arabic":
            await desk.page.add_init_script("localStorage.setItem('slotstream-language', 'ar')")
        day = practice.a_day()
        await practice.book(day, "Anton Axe", staff=0)
        await practice.book(day + timedelta(minutes=45), "Beside Anton", staff=0)
        await desk.open_day(day)
        await see(desk.card("Anton Axe")).to_be_visible()
        await _by_keys(desk, "Anton Axe", 45)
        await see(desk.sheet.get_by_role("listitem")).to_have_count(1)

        assert await axe_findings(desk.page) == []
        assert await desk.page.evaluate(BEYOND, ".seg, .tg, .tabs, .people, table") == []


def _tell(desk: Desk, name: str) -> Locator:
    return desk.sheet.get_by_role("checkbox", name=f"Tell {name} by e-mail")


async def _told(practice: Practice, name: str) -> list[str | None]:
    """Of each move, the oldest first, why the client was not written to; None where they were, or are about to be."""
    client = await practice.client_named(name)
    appointments = await practice.appointments_of(name)
    moves = sum(item["status"] == "rescheduled" for item in appointments)

    async def messages() -> list[Json]:
        query = {"client_id": client["id"], "kind": "rescheduled"}
        items = expect(await practice.world.notifications.get("/v1/messages", params=query))["items"]
        return sorted(
            (item for item in items if item["audience"] == "client"), key=lambda item: str(item["created_at"])
        )

    async def all_there() -> bool:
        return len(await messages()) == moves

    await until_true(all_there, what="notifications has heard of each move")
    return [item["reason"] for item in await messages()]
