"""How a visitor goes through a business's public page, for the tests of it."""

import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import httpx2
from dashboard_tenant import Browser, Tenant
from portal_services import START
from public_services import BUSINESS_ID, PublicServices

from dashboard.domain.public import PageAddress
from dashboard.domain.work import PIECES

WHO = {"name": "Grace Hopper", "phone": "+49 30 901820"}
BITS = 4
"""As hard as the proof of work is in these tests."""


def public_services_of(tenant: Tenant) -> PublicServices:
    """What the page's visitors meet: one service, three free times, and easy work."""
    made = PublicServices(organization_id=tenant.organization_id, now=tenant.now)
    made.add_service()
    made.free = [START, START + timedelta(minutes=30), START + timedelta(days=1)]
    tenant.upstream.answer = made
    set_to(tenant, public_work_bits=BITS)
    return made


def set_to(tenant: Tenant, **values: object) -> None:
    known = tenant.app.state.dependencies
    tenant.app.state.dependencies = replace(known, settings=known.settings.model_copy(update=values))


def path_of(tenant: Tenant) -> str:
    return "/book/" + PageAddress(organization_id=tenant.organization_id, business_id=BUSINESS_ID).handle


def place_of(answer: httpx2.Response) -> str:
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def links_in(answer: httpx2.Response) -> list[str]:
    return [unescape(address) for address in re.findall(r'<a [^>]*href="([^"]+)"', answer.text)]


def fields_in(answer: httpx2.Response) -> dict[str, str]:
    """What the last form of the page carries unseen."""
    form = answer.text.split("<form")[1]
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)}


def actions(page: httpx2.Response) -> list[str]:
    """Where its forms go to."""
    return [unescape(address) for address in re.findall(r'<form [^>]*action="([^"]+)"', page.text)]


def work_for(page: httpx2.Response, *, bits: int = BITS) -> str:
    found = re.search(r'data-challenge="([^"]+)"', page.text)
    assert found is not None, page.text
    numbers = []
    for piece in range(PIECES):
        number = 0
        while int.from_bytes(hashlib.sha256(f"{found[1]}.{piece}.{number}".encode()).digest()) >> (256 - bits):
            number += 1
        numbers.append(str(number))
    return ".".join(numbers)


async def chosen(tenant: Tenant, browser: Browser, *, path: str | None = None, at: int | None = None) -> str:
    """The form's path, once the first service and a time are chosen as a person does it."""
    page = await browser.get(path or path_of(tenant))
    days = await browser.get(next(link for link in links_in(page) if "service=" in link))
    times = await browser.get(next(link for link in links_in(days) if "day=" in link))
    assert times.status_code == 200, times.text
    start = at or int(re.findall(r'name="at" value="(\d+)"', times.text)[0])
    return place_of(await browser.submit((path or path_of(tenant)) + "/hold", **fields_in(times), at=str(start)))


def buttons(page: httpx2.Response) -> list[str]:
    return re.findall(r'name="at" value="(\d+)"', page.text)


async def code_page(tenant: Tenant, browser: Browser, details: str, **fields: str) -> tuple[httpx2.Response, str]:
    """The page that asks for a code, and the code that was mailed."""
    page = await browser.submit(details, name="Grace Hopper", email="grace@example.com", **fields)
    assert page.status_code == 200, page.text
    await tenant.mailer.send_due()
    mail = tenant.mails.caught.pop()
    assert mail.recipient == "grace@example.com"
    found = re.match(r"(\d{6}) ", mail.subject)
    assert found is not None
    assert found[1] in mail.text
    return page, found[1]
