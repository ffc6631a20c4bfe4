"""A series at the front desk: booked, moved from one date on, and cancelled, as booking has it afterwards."""

from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import pytest_asyncio
from harness.accessibility import BEYOND, axe_findings
from harness.desk import Desk, OpenDesk, accept_invitation, see
from harness.platform import Platform
from harness.practice import BERLIN, Practice
from harness.world import Json, expect, stamp
from playwright.async_api import Browser, Request, StorageState

DATES: Final = 15
WEEK: Final = timedelta(days=7)
MORE: Final = "Price, repeat, internal notes"
LOOKS: Final = (
    {"color_scheme": "dark"},
    {"viewport": {"width": 390, "height": 844}, "has_touch": True},
    {"locale": "ar"},
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice(built: None, running_platform: Platform) -> Practice:
    """Of these tests alone: a series takes time on the days of other tests."""
    own = Practice(running_platform, running_platform.an_empty_world())
    await own.world.set_up(staff=2)
    return own


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def signed_in(browser: Browser, practice: Practice) -> StorageState:
    async with await browser.new_context(locale="en-GB") as context:
        page = await context.new_page()
        await accept_invitation(page, practice)
        return await context.storage_state()


async def test_a_series_is_booked_changed_from_one_date_on_and_cancelled(desk: Desk, practice: Practice) -> None:
    name, first = _a_client(), practice.a_day()
    taken = [await practice.book(first + week * WEEK, f"In the way {uuid4().hex[:6]}", staff=0) for week in (1, 13)]
    await _fill_in(desk, first, name)
    await desk.page.get_by_label("How many").fill(str(DATES))
    await desk.choose("If a date is not free", "Leave it out")

    await desk.button("Book").click()

    # The report names the dates that were left out, and why.
    await see(desk.sheet).to_contain_text(f"{DATES - 2} dates booked, 2 skipped")
    for date in (first + WEEK, first + 13 * WEEK):
        await see(desk.sheet.get_by_role("listitem").filter(has_text=f"{date:%-d} {date:%b}")).to_contain_text("taken")
    await desk.button("Close", within=desk.sheet).last.click()
    series = await _series_of(practice, name)
    assert [date["outcome"] for date in series["occurrences"]].count("booked") == DATES - 2

    await _open_at(desk, series["occurrences"][2])
    dates = desk.drawer.locator(".dates-list li")
    await see(dates).to_have_count(12)
    await see(dates.nth(1)).to_contain_text("This time is taken.")
    await desk.button("Later", within=desk.drawer).click()
    await see(dates).to_have_count(DATES - 12)

    # All or nothing: what stands in the way at the new time is named, and nothing is changed.
    blocked = await practice.book(first + 4 * WEEK + timedelta(hours=2), f"At noon {uuid4().hex[:6]}", staff=0)
    await desk.button("Change the series", within=desk.drawer).click()
    await desk.sheet.get_by_label("Time").fill("12")
    await desk.button("Save", within=desk.sheet).click()
    await see(desk.sheet.get_by_role("alert")).to_contain_text("Nothing was done. Not free: 1")
    fifth = first + 4 * WEEK
    await see(desk.sheet.get_by_role("alert").get_by_role("listitem")).to_contain_text(f"{fifth:%-d} {fifth:%b}")
    assert (await _series_of(practice, name))["version"] == series["version"]

    # The others alone, and once however often it is pressed.
    changes: list[Request] = []
    desk.page.on("request", lambda request: changes.append(request) if request.method == "PATCH" else None)
    await desk.sheet.get_by_role("radio", name="Change the others").check(force=True)
    await desk.button("Save", within=desk.sheet).dblclick()
    await see(desk.sheet.get_by_role("heading", name="What became of the dates")).to_be_visible()
    await see(desk.sheet).to_contain_text("Not free: 1")
    await desk.button("Close", within=desk.sheet).last.click()
    assert len(changes) == 1
    assert changes[0].headers["if-match"] == f'"{series["version"]}"'
    assert changes[0].headers["idempotency-key"]
    changed = await _series_of(practice, name)
    hours = {
        date["occurs_on"]: datetime.fromisoformat(date["appointment_starts_at"]).astimezone(BERLIN).hour
        for date in changed["occurrences"]
        if date["appointment_id"]
    }
    left = (first.date(), fifth.date())
    assert {hours.pop(date.isoformat()) for date in left} == {10}
    assert set(hours.values()) == {12}

    await _open_at(desk, changed["occurrences"][6])
    await desk.drawer.get_by_role("button", name="More").click()
    await desk.page.get_by_role("menuitem", name="Cancel appointment").click()
    await desk.sheet.get_by_role("radio", name="All to come").check(force=True)
    await desk.sheet.get_by_role("textbox", name="Reason").fill("Moves to another town")
    to_come = sum(date["appointment_status"] == "scheduled" for date in changed["occurrences"])
    await desk.button(f"Cancel {to_come} appointments", within=desk.sheet).click()
    await desk.told(f"Cancelled: {to_come}")
    await see(desk.sheet).to_have_count(0)
    await see(desk.drawer.locator("dl")).to_contain_text("Moves to another town")
    ended = await _series_of(practice, name)
    assert ended["status"] == "cancelled"
    booked = [date["appointment_status"] for date in ended["occurrences"] if date["appointment_id"]]
    assert set(booked) == {"cancelled"}
    for other in (*taken, blocked):
        assert expect(await practice.world.booking.get(f"/v1/appointments/{other['id']}"))["status"] == "scheduled"


async def test_one_date_or_the_following_are_cancelled_and_the_others_stay(desk: Desk, practice: Practice) -> None:
    name, first = _a_client(), practice.a_day(hour=8)
    series = await _book(practice, name, first, count=5)
    for at, scope, told in ((1, "This one", "Cancelled"), (3, "This and the following", "Cancelled: 2")):
        await _open_at(desk, series["occurrences"][at])
        await desk.drawer.get_by_role("button", name="More").click()
        await desk.page.get_by_role("menuitem", name="Cancel appointment").click()
        await desk.sheet.get_by_role("radio", name=scope).check(force=True)
        await desk.button("Client asked", within=desk.sheet).click()
        await desk.sheet.get_by_role("checkbox", name="Tell the client").uncheck(force=True)
        await desk.sheet.get_by_role("button", name="Cancel ").click()
        await desk.told(told)
        await see(desk.sheet).to_have_count(0)

    now = await _series_of(practice, name)
    statuses = [date["appointment_status"] for date in now["occurrences"]]
    assert statuses == ["scheduled", "cancelled", "scheduled", "cancelled", "cancelled"]
    assert now["status"] == "active"
    assert now["recurrence"]["until"] == (first + 3 * WEEK - timedelta(days=1)).date().isoformat()


async def test_a_series_ends_on_a_day_or_goes_without_an_end(desk: Desk, practice: Practice) -> None:
    name, first = _a_client(), practice.a_day(hour=6)
    await _fill_in(desk, first, name)
    await desk.choose("Ends", "On a date")
    await desk.page.get_by_label("Until").fill((first - timedelta(days=1)).date().isoformat())
    await see(desk.page.get_by_text("Not before the first date.")).to_be_visible()
    await see(desk.button("Book")).to_be_disabled()
    await desk.page.get_by_label("Until").fill((first + 3 * WEEK).date().isoformat())
    await desk.button("Book").click()
    await desk.told("4 dates booked")
    until = await _series_of(practice, name)
    assert until["recurrence"]["until"] == (first + 3 * WEEK).date().isoformat()

    name, first = _a_client(), practice.a_day(hour=5)
    await _fill_in(desk, first, name)
    await desk.choose("Ends", "Without end")
    await see(desk.page.get_by_text("Booked for half a year")).to_be_visible()
    await desk.button("Book").click()
    await desk.told("dates booked")
    assert (await _series_of(practice, name))["recurrence"]["until"] is None


async def test_the_sheets_of_a_series_can_be_read_by_everybody(open_desk: OpenDesk, practice: Practice) -> None:
    name, first = _a_client(), practice.a_day(hour=4)
    series = await _book(practice, name, first, count=3)
    for looks in LOOKS:
        async with open_desk(**looks) as desk:
            await desk.page.add_init_script(
                f"localStorage.setItem('slotstream-language', '{looks.get('locale', 'en')}')"
            )
            await _open_at(desk, series["occurrences"][1])
            await see(desk.page.locator(".drawer .dates-list li")).to_have_count(3)
            assert await axe_findings(desk.page) == []
            await desk.page.locator(".drawer .dates-list ~ .btn").click()
            await see(desk.sheet).to_be_visible()
            await see(desk.sheet.get_by_role("radio")).to_have_count(4)
            assert await desk.page.evaluate(BEYOND, "") == []
            assert await axe_findings(desk.page) == []


def _a_client() -> str:
    return f"Serena {uuid4().hex[:6]}"


async def _fill_in(desk: Desk, starts_at: datetime, name: str) -> None:
    """The form for a weekly series with the first of the staff."""
    world = desk.practice.world
    await desk.goto(
        f"/appointments/new?service={world.service['id']}&staff={world.staff[0]['id']}&start={stamp(starts_at)}"
    )
    await desk.page.get_by_label("Client", exact=True).fill(name)
    await desk.page.get_by_role("textbox", name="Phone").fill(f"+49151{uuid4().int % 10**8:08d}")
    await desk.page.get_by_text(MORE).click()
    await desk.choose("Repeat", "Weekly")


async def _book(practice: Practice, name: str, first: datetime, *, count: int) -> Json:
    client = {"name": name, "phone": f"+49151{uuid4().int % 10**8:08d}"}
    staff = [practice.world.staff[1]["id"]]
    body = practice.world.booking_of(first, client=client, resource_ids=staff)
    weekly = {"recurrence": {"freq": "weekly", "count": count}}
    return dict(
        expect(await practice.world.booking.post("/v1/series", json=body | weekly, headers=practice.world.fresh_key()))
    )


async def _series_of(practice: Practice, name: str) -> Json:
    """The only series of a client, with all of its dates."""
    client = await practice.client_named(name)
    booking = practice.world.booking
    [series] = expect(await booking.get("/v1/series", params={"client_id": client["id"]}))["items"]
    return dict(expect(await booking.get(f"/v1/series/{series['id']}")))


async def _open_at(desk: Desk, occurrence: Json) -> None:
    await desk.goto(f"/appointments/{occurrence['appointment_id']}")
    await see(desk.page.locator(".drawer .dates-list")).to_be_visible()
