"""Codes by mail on the public page, and how much of it one visitor, address or network gets."""

from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from dashboard_tenant import Browser, Tenant
from portal_services import START
from public_pages import (
    WHO,
    chosen,
    code_page,
    fields_in,
    links_in,
    path_of,
    place_of,
    public_services_of,
    set_to,
    work_for,
)
from public_services import PublicServices

from slotstream_servicekit.settings import Rate

pytestmark = pytest.mark.service


@pytest_asyncio.fixture
async def services(tenant: Tenant) -> PublicServices:
    return public_services_of(tenant)


async def test_a_code_by_mail_books_and_gives_the_link_to_manage(tenant: Tenant, services: PublicServices) -> None:
    services.verify_by_code = True
    browser = tenant.browser()
    details = await chosen(tenant, browser)
    work = work_for(await browser.get(details))
    page, code = await code_page(tenant, browser, details, work=work)
    assert services.requests == []

    wrong = await browser.submit(details, **fields_in(page), code="1" + code[1:] if code[0] != "1" else "2" + code[1:])
    booked = await browser.get(
        place_of(await browser.submit(details, **fields_in(page), code=f" {code[:3]} {code[3:]}"))
    )

    assert wrong.status_code == 422
    assert "This code is not right" in wrong.text
    assert services.requests[0]["asks_approval"] is False
    assert any(link.startswith("/p/") for link in links_in(booked))


async def test_only_a_phone_where_codes_are_demanded_waits_for_approval(
    tenant: Tenant, services: PublicServices
) -> None:
    services.verify_by_code = True
    browser = tenant.browser()
    details = await chosen(tenant, browser)

    place_of(await browser.submit(details, **WHO, work=work_for(await browser.get(details))))

    assert services.requests[0]["asks_approval"] is True


async def test_without_proof_of_being_somebody_nobody_gets_a_link(tenant: Tenant, services: PublicServices) -> None:
    browser = tenant.browser()
    details = await chosen(tenant, browser)
    work = work_for(await browser.get(details))

    booked = await browser.get(place_of(await browser.submit(details, **WHO, email="grace@example.com", work=work)))

    assert not any(link.startswith("/p/") for link in links_in(booked))
    assert "The mail about it has a link" in booked.text


async def test_a_code_is_for_one_form_and_one_address_and_a_few_attempts(
    tenant: Tenant, services: PublicServices
) -> None:
    services.verify_by_code = True
    browser = tenant.browser()
    details = await chosen(tenant, browser)
    page, code = await code_page(tenant, browser, details)
    other = await chosen(tenant, browser, at=int((START + timedelta(minutes=30)).timestamp()))
    carried = fields_in(page)

    of_another_form = await browser.submit(other, **carried, code=code)
    of_another_address = await browser.submit(details, **{**carried, "email": "eve@example.com"}, code=code)
    of_nobody = await browser.submit(details, **{**carried, "code_id": str(uuid4())}, code=code)
    guesses = [
        (await browser.submit(details, **carried, code=f"{(int(code) + 1 + n) % 1_000_000:06}")).status_code
        for n in range(5)
    ]
    exhausted = await browser.submit(details, **carried, code=code)

    for answer in (of_another_form, of_another_address, of_nobody, exhausted):
        assert "does not work any more" in answer.text
    assert guesses == [422] * 5
    assert services.requests == []


async def test_a_code_expires(tenant: Tenant, services: PublicServices) -> None:
    services.verify_by_code = True
    browser = tenant.browser()
    details = await chosen(tenant, browser)
    page, code = await code_page(tenant, browser, details)
    tenant.pass_time(timedelta(minutes=16))

    answer = await browser.submit(details, **fields_in(page), code=code)

    assert "does not work any more" in answer.text
    assert services.requests == []


async def test_nobodys_mailbox_is_filled_and_no_address_is_kept(tenant: Tenant, services: PublicServices) -> None:
    services.verify_by_code = True
    browsers = [tenant.browser(), tenant.browser(**{"X-Forwarded-For": "198.51.100.1"})]
    details = await chosen(tenant, browsers[0])

    answers = [
        await browsers[number % 2].submit(details, name="Eve", email=f"{' ' * number}Victim@example.com")
        for number in range(7)
    ]
    another = await browsers[0].submit(details, name="Eve", email="other@example.com")
    await tenant.mailer.send_due()

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert another.status_code == 200
    assert [mail.recipient for mail in tenant.mails.caught].count("victim@example.com") == 5
    async with tenant.database.system_transaction() as session:
        connection = await session.connection()
        rows = (await connection.exec_driver_sql("SELECT booking_codes::text FROM booking_codes")).scalars().all()
    assert len(rows) == 6
    assert not any("example.com" in row or b"victim".hex() in row for row in rows)


async def test_codes_are_bounded_by_network_too(tenant: Tenant, services: PublicServices) -> None:
    services.verify_by_code = True
    set_to(tenant, public_codes_per_address=3)
    browser = tenant.browser()
    details = await chosen(tenant, browser)

    statuses = [
        (await browser.submit(details, name="Eve", email=f"victim{number}@example.com")).status_code
        for number in range(5)
    ]

    assert statuses == [200] * 3 + [429] * 2


async def test_what_waits_for_approval_is_bounded_but_proved_bookings_go_on(
    tenant: Tenant, services: PublicServices
) -> None:
    set_to(tenant, public_unproven_rate=Rate(per_minute=1, burst=1))
    browser = tenant.browser()
    await browser.submit(await chosen(tenant, browser), **WHO)
    details = await chosen(tenant, browser)

    refused = await browser.submit(details, **WHO)
    proved = await browser.submit(details, **WHO, work=work_for(await browser.get(details)))

    assert refused.status_code == 429
    assert refused.headers["retry-after"]
    assert proved.status_code == 303


async def test_one_address_books_so_many_and_no_more_however_much_it_works(
    tenant: Tenant, services: PublicServices
) -> None:
    set_to(tenant, public_booking_rate=Rate(per_minute=1, burst=2))
    browser, elsewhere = tenant.browser(), tenant.browser_at("203.0.113.9")

    async def book(visitor: Browser) -> int:
        details = await chosen(tenant, visitor)
        work = work_for(await visitor.get(details))
        return (await visitor.submit(details, **WHO, work=work)).status_code

    assert [await book(browser), await book(browser), await book(browser)] == [303, 303, 429]
    assert await book(elsewhere) == 303


async def test_fifty_people_behind_one_address_are_served(tenant: Tenant, services: PublicServices) -> None:
    services.free = [START + timedelta(minutes=number) for number in range(50)]
    browser = tenant.browser()

    for number in range(50):
        at = int((START + timedelta(minutes=number)).timestamp())
        details = await chosen(tenant, browser, at=at)
        assert (await browser.submit(details, **WHO, work=work_for(await browser.get(details)))).status_code == 303

    assert len(services.requests) == 50


async def test_a_flood_of_one_address_is_told_to_wait(tenant: Tenant, services: PublicServices) -> None:
    set_to(tenant, public_rate=Rate(per_minute=1, burst=2))
    browser = tenant.browser()

    answers = [await browser.get(path_of(tenant)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"]
    assert "Too many requests" in answers[2].text
