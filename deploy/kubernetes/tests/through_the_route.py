"""`make kube-test`: what people do first, through the one address: the demo, and a front desk at its browser.

The README's first booking is in on_a_cluster.py.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx2
from cluster.changing import make_kube
from cluster.looking import ADDRESS, mails, until
from harness.chromium import a_browser
from harness.desk import see, watched
from harness.practice import PASSWORD
from playwright.async_api import Page

from slotstream_local.kube.kubectl import Kubectl
from slotstream_local.kube.secrets import kept_secrets
from slotstream_local.kube.stage import stage_of
from slotstream_servicekit.ids import new_id


def test_the_demo_plays_and_its_mails_come(kubectl: Kubectl, shown: str) -> None:
    told = make_kube("demo")

    for words in ("Salon Nord", "Hudson Dental", "slot_taken", "Anna's appointments as a calendar", "alan@example.com"):
        assert words in told, told
    [feed] = re.findall(r"http://localhost:30105/feeds/\S+\.ics", told)
    calendar = httpx2.get(feed, timeout=30)
    assert (calendar.status_code, calendar.text[:15]) == (200, "BEGIN:VCALENDAR")


async def test_a_first_owner_opens_a_business_and_books_at_the_browser(kubectl: Kubectl, shown: str) -> None:
    organization_id, client_id = new_id(), new_id()
    with kept_secrets(kubectl) as secrets:
        token = stage_of(kubectl, secrets).token_for(organization_id)
    async with a_browser() as browser, await browser.new_context(locale="en-GB", timezone_id="UTC") as context:
        context.set_default_timeout(30_000)
        page = await context.new_page()
        with watched(page):
            await _accept(page, _invitation(kubectl, organization_id))
            await _open_business(page)
            service_id, starts_at = _staffed(token)
            await _book(page, service_id, starts_at, f"{client_id}@example.com")
            await page.goto(f"{ADDRESS}/appointments?period=all&q={quote('Grace Hopper')}")
            await see(page.get_by_role("row").filter(has_text="Grace Hopper").first).to_be_visible()

    until(lambda: mails(kubectl, str(client_id)), seconds=60, what="the client is not told")


def _invitation(kubectl: Kubectl, organization_id: UUID) -> str:
    return kubectl.here(
        *("exec", "deployment/dashboard-api", "--", "slotstream-first-owner"),
        *("--organization", str(organization_id), "--name", "Salon Nord", "--email", f"anna@{organization_id}.example"),
    ).strip()


async def _accept(page: Page, link: str) -> None:
    assert link.startswith(f"{ADDRESS}/invitation/")
    await page.goto(link)
    for field in await page.locator("input[type=password]").all():
        await field.fill(PASSWORD)
    await page.locator("form button").click()
    await see(page.get_by_role("heading", name="No business yet")).to_be_visible()


async def _open_business(page: Page) -> None:
    await page.get_by_label("Name").fill("Salon Nord")
    for label, typed, option in (
        ("Time zone", "vienna", "Europe/Vienna"),
        ("Country", "austria", "Austria"),
        ("Currency", "EUR", "EUR · Euro"),
    ):
        await page.get_by_role("combobox", name=label).fill(typed)
        await page.get_by_role("option", name=option).click()
    await page.get_by_role("button", name="Save", exact=True).click()
    await see(page.get_by_role("heading", name="Staff & resources")).to_be_visible()


def _staffed(token: str) -> tuple[str, datetime]:
    """Staff, hours and a service of what was just opened, by the APIs; the service, and a time that is free."""
    with httpx2.Client(base_url=f"{ADDRESS}/api", headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        [business] = client.get("/booking/v1/businesses").json()["items"]
        staff = {"name": "Anna Berg", "kind": "staff", "business_ids": [business["id"]], "zone": business["zone"]}
        _made(client.post, "/booking/v1/resources", staff)
        haircut = {"business_id": business["id"], "name": "Haircut", "duration_minutes": 30}
        service_id = str(_made(client.post, "/booking/v1/services", haircut)["id"])
        weekly = [{"weekday": day, "intervals": [{"from": "00:00", "to": "24:00"}]} for day in range(7)]

        def opened() -> bool:
            path = f"/availability/v1/businesses/{business['id']}/schedule"
            return client.put(path, json={"weekly": weekly}).status_code in {200, 201}

        until(opened, seconds=60, what="availability does not learn of the business")
        first = f"/availability/v1/slots/first?service_id={service_id}"
        until(lambda: client.get(first).json().get("slot"), seconds=60, what="no slots")
    return service_id, (datetime.now(UTC) + timedelta(days=3)).replace(hour=10, minute=0, second=0, microsecond=0)


def _made(post: Callable[..., httpx2.Response], path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = post(path, json=body, headers={"Idempotency-Key": str(new_id())})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _book(page: Page, service_id: str, starts_at: datetime, email: str) -> None:
    await page.goto(f"{ADDRESS}/appointments/new?service={service_id}&start={starts_at:%Y-%m-%dT%H:%M:%SZ}")
    await see(page.get_by_text("held for")).to_be_visible()
    await page.get_by_label("Client", exact=True).fill("Grace Hopper")
    await page.get_by_role("textbox", name="E-mail").fill(email)
    await page.get_by_role("button", name="Book", exact=True).click()
    await see(page.locator(".toasts")).to_contain_text("Booked")
