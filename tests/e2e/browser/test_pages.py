"""Every page: no finding of axe in light, dark, on a phone and right to left; nothing beyond the edge where it is narrow."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from harness.accessibility import BEYOND, axe_findings
from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice
from harness.world import expect, stamp

PHONE = {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 640}
PAGES = (
    "/calendar/day/{day}",
    "/calendar/week/{day}",
    "/appointments?period=all",
    "/appointments?period=all&appointment={appointment}",
    "/appointments/new?service={service}&start={start}",
    "/appointments/{appointment}",
    "/clients",
    "/clients/{client}",
    "/messages",
    "/reports/no-shows",
    "/reports/volume",
    "/reports/volume?by=weekday_hour",
    "/imports",
    "/imports/{file}",
    "/services",
    "/staff",
    "/actions",
    "/availability",
    "/availability/{hours}",
    "/reminders",
    "/texts",
    "/waiting-list",
    "/calendars",
    "/settings/users",
    "/settings/api-clients",
    "/settings/profile",
    "/settings/businesses",
    "/settings/channels",
    "/settings/identity-provider",
)
ALLOWED_TO_SCROLL = ".tabs, .seg, table, .tg, .weekstrip, .dt, .filters, .people"
"""Boxes that may be wider than the screen: grids, tables and rows of choices scroll inside themselves."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def places(practice: Practice) -> AsyncIterator[dict[str, str]]:
    """What stands in the pages' addresses: a day with something in it, and one of each thing."""
    day = practice.a_day()
    booked = await practice.book(day, "Ada Axe", staff=0, notes="Rings twice", internal_notes="Pays late")
    await practice.book(day, "Ben Buffer", staff=1)
    cancelled = await practice.book(day + timedelta(hours=1), "Cleo Cancelled", staff=1)
    await practice.world.act(cancelled["id"], "cancel", reason="Ill")
    done = await practice.book(day + timedelta(hours=2), "Dan Done", staff=2)
    await practice.world.act(done["id"], "complete")
    confirmed = await practice.book(day + timedelta(hours=3), "Eva Confirmed", staff=2)
    await practice.world.act(confirmed["id"], "confirm")
    # A slot that somebody keeps, and a file of which nobody can tell in which order its dates are written.
    held = {
        "business_id": practice.world.business["id"],
        "service_id": practice.world.service["id"],
        "resource_ids": [practice.world.staff[0]["id"]],
        "starts_at": stamp(day + timedelta(hours=5)),
        "minutes": 60,
    }
    expect(await practice.world.booking.post("/v1/holds", json=held, headers=practice.world.fresh_key()), 201)
    # Somebody whose address is longer than a phone is wide.
    invited = {
        "email": f"a-rather-long-address-{uuid4().hex}@example.com",
        "name": "Manuela Manager",
        "role": "manager",
    }
    expect(await practice.world.dashboard.post("/v1/users", json=invited, headers=practice.world.fresh_key()), 201)
    file = {"file": ("clients.csv", b"Client,Date,Time,Phone\nAda,02.03.2031,10:00,030 5550190\n", "text/csv")}
    uploaded = expect(
        await practice.world.imports.post(
            "/v1/imports",
            data={"business_id": practice.world.business["id"]},
            files=file,
            headers=practice.world.fresh_key(),
        )
    )
    [read] = [expect(await practice.world.booking.get(f"/v1/appointments/{booked['id']}"))]
    async with practice.a_colleague("Dora Drawn") as drawn:
        weekly = [{"weekday": 0, "intervals": [{"from": "09:00", "to": "12:00"}, {"from": "13:00", "to": "17:30"}]}]
        expect(await practice.world.availability.put(f"/v1/resources/{drawn['id']}/schedule", json={"weekly": weekly}))
        yield {
            "day": f"{day:%Y-%m-%d}",
            "start": read["starts_at"],
            "appointment": booked["id"],
            "client": read["client_id"],
            "service": practice.world.service["id"],
            "file": uploaded["id"],
            "hours": drawn["id"],
        }


@pytest.mark.parametrize("path", PAGES)
async def test_page_can_be_used_by_everybody(path: str, open_desk: OpenDesk, places: dict[str, str]) -> None:
    async with open_desk(bypass_csp=True, reduced_motion="reduce") as desk:
        await _show(desk, path.format(**places))
        found = {"light": await axe_findings(desk.page)}
        await desk.page.emulate_media(color_scheme="dark")
        # The same document: only its colours are others.
        found["dark"] = await axe_findings(desk.page, only=["color-contrast"])
        await desk.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        await desk.page.emulate_media(color_scheme="light")
        found["phone"] = await axe_findings(desk.page)
        assert found == {"light": [], "dark": [], "phone": []}
        await desk.page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        assert await desk.page.evaluate(BEYOND, ALLOWED_TO_SCROLL) == []


@pytest.mark.parametrize("path", PAGES)
async def test_page_reads_from_right_to_left_and_with_large_text(
    path: str, open_desk: OpenDesk, places: dict[str, str]
) -> None:
    async with open_desk(bypass_csp=True, reduced_motion="reduce", locale="ar") as desk:
        await desk.page.add_init_script("localStorage.setItem('slotstream-language', 'ar')")
        await _show(desk, path.format(**places))
        await see(desk.page.locator("html")).to_have_attribute("dir", "rtl")
        assert await axe_findings(desk.page) == []
        await desk.page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert await desk.page.evaluate(BEYOND, ALLOWED_TO_SCROLL) == []


async def _show(desk: Desk, path: str) -> None:
    await desk.goto(path)
    await see(desk.page.locator("main :is(h1, h2)").first).to_be_visible()
    await see(desk.page.locator(".skeleton")).to_have_count(0)
