"""A visitor books on the public page: without scripts, by a code in a mail, and never what somebody else has."""

import base64
import re
from html import unescape
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx2
import pytest
from harness.mailbox import Mailbox, body_text
from harness.platform import Platform
from harness.world import Json, World, expect, next_weekday, stamp

pytestmark = pytest.mark.e2e

OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}


async def open_page(world: World, **more: object) -> str:
    """Switches the page on, and gives its path."""
    for path in (f"/v1/businesses/{world.business['id']}", f"/v1/services/{world.service['id']}"):
        body = {"public_booking": True, **(more if "businesses" in path else {})}
        expect(await world.booking.patch(path, json=body))
    both = world.organization_id.bytes + UUID(world.business["id"]).bytes
    return "/book/" + base64.urlsafe_b64encode(both).rstrip(b"=").decode()


def link_in(page: httpx2.Response, part: str) -> str:
    links = [unescape(link) for link in re.findall(r'<a [^>]*href="([^"]+)"', page.text)]
    return next(link for link in links if part in link)


def fields_in(page: httpx2.Response) -> dict[str, str]:
    form = page.text.split("<form")[1]
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)}


async def times_of(browser: httpx2.AsyncClient, path: str, day: str) -> httpx2.Response:
    page = await browser.get(path)
    assert page.status_code == 200, page.text
    service = link_in(page, "service=")
    times = await browser.get(f"{service}&day={day}")
    assert times.status_code == 200, times.text
    return times


async def sent(browser: httpx2.AsyncClient, path: str, **fields: str) -> str:
    """Where the browser is sent on to after a form."""
    answer = await browser.post(path, data=fields, headers=OWN_PAGE)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_a_visitor_books_by_a_code_in_a_mail_and_is_the_client(platform: Platform, mailbox: Mailbox) -> None:
    world = await platform.a_world()
    path = await open_page(world, verify_by_code=True)
    start, address, name = next_weekday(10), f"{uuid4().hex}@example.com", f"Grace {uuid4().hex}"
    at, day = str(int(start.timestamp())), f"{start:%Y-%m-%d}"

    async with httpx2.AsyncClient(base_url=platform.url("dashboard"), timeout=30) as browser:
        times = await times_of(browser, path, day)
        assert f'value="{at}"' in times.text
        details = await sent(browser, f"{path}/hold", **fields_in(times), at=at)
        # The slot is kept while the form is filled in: from staff, and from the next visitor.
        refused = await world.booking.post("/v1/appointments", json=world.booking_of(start), headers=world.fresh_key())
        assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
        taken = await browser.post(f"{path}/hold", data={**fields_in(times), "visit": "b", "at": at}, headers=OWN_PAGE)
        assert taken.status_code == 409, taken.text
        assert "not free any more" in taken.text
        assert len(re.findall(r'name="at" value="\d+"', taken.text)) == 6

        asked = await browser.post(details, data={"name": name, "email": address}, headers=OWN_PAGE)
        assert asked.status_code == 200, asked.text
        [mail] = await mailbox.expect(address)
        code = re.search(r"^\d{6}", str(mail["Subject"]))
        assert code is not None
        wrong = await browser.post(
            details, data={**fields_in(asked), "code": f"{(int(code[0]) + 1) % 1_000_000:06}"}, headers=OWN_PAGE
        )
        assert wrong.status_code == 422
        booked_path = await sent(browser, details, **fields_in(asked), code=code[0])
        assert await sent(browser, details, **fields_in(asked), code=code[0])
        booked = await browser.get(booked_path)
        assert "Booked" in booked.text
        file = await browser.get(link_in(booked, "calendar.ics"))
        assert f"DTSTART:{start:%Y%m%dT%H%M%SZ}" in file.text
        portal = await browser.get(link_in(booked, "/p/"))
        assert "Haircut" in portal.text
        assert browser.cookies == httpx2.Cookies()

    [appointment] = await appointments_of(world, stamp(start))
    assert (appointment["source"], appointment["status"]) == ("portal", "scheduled")
    history = expect(await world.booking.get(f"/v1/appointments/{appointment['id']}/history"))["items"]
    assert (history[0]["verb"], history[0]["actor"]["type"]) == ("create", "client")
    client = expect(await world.booking.get(f"/v1/clients/{appointment['client_id']}"))
    assert (client["name"], client["email"], client["locale"]) == (name, address, "en")
    # The confirmation comes by mail as always, with the client's own link.
    mails = await mailbox.expect(address, count=2)
    assert re.search(r"/p/[\w-]+", body_text(mails[-1])) is not None
    told = [process.log.read_text() for process in platform.processes.values()]
    words = (address, name, urlsplit(details).path.rpartition("/")[2], code[0] + " ")
    assert not [word for word in words[:3] for text in (*told, platform.trace_file.read_text()) if word in text]


async def test_what_nobody_proves_waits_for_approval_and_foreign_pages_are_not_there(platform: Platform) -> None:
    world = await platform.a_world()
    start, phone = next_weekday(11), "+4930901820"
    both = world.organization_id.bytes + UUID(world.business["id"]).bytes
    path = "/book/" + base64.urlsafe_b64encode(both).rstrip(b"=").decode()

    async with httpx2.AsyncClient(base_url=platform.url("dashboard"), timeout=30) as browser:
        assert (await browser.get(path)).status_code == 404
        assert await open_page(world, embed_origins=["https://www.example.com"]) == path
        framed = await browser.get(f"{path}/embed")
        assert "frame-ancestors https://www.example.com" in framed.headers["content-security-policy"]
        assert (await browser.get(path)).headers["x-frame-options"] == "DENY"
        times = await times_of(browser, f"{path}/embed", f"{start:%Y-%m-%d}")
        details = await sent(browser, f"{path}/embed/hold", **fields_in(times), at=str(int(start.timestamp())))
        booked = await browser.get(await sent(browser, details, name="Alan Turing", phone=phone))
        assert "Asked for" in booked.text

    [appointment] = await appointments_of(world, stamp(start))
    assert appointment["status"] == "pending"
    approved = expect(
        await world.booking.post(f"/v1/appointments/{appointment['id']}/approve", headers=world.fresh_key())
    )
    assert approved["status"] == "scheduled"


async def appointments_of(world: World, starts_at: str) -> list[Json]:
    items = expect(await world.booking.get("/v1/appointments", params={"limit": "50"}))["items"]
    return [item for item in items if item["starts_at"] == starts_at]
