"""The public page: a visitor books without scripts and cookies, and what is held and proved meanwhile."""

from datetime import timedelta

import httpx2
import pytest
import pytest_asyncio
from dashboard_tenant import Tenant
from portal_services import START
from public_pages import (
    WHO,
    actions,
    buttons,
    chosen,
    fields_in,
    links_in,
    path_of,
    place_of,
    public_services_of,
    set_to,
    work_for,
)
from public_services import BUSINESS_ID, PublicServices

from dashboard.domain.work import is_done

pytestmark = pytest.mark.service


@pytest_asyncio.fixture
async def services(tenant: Tenant) -> PublicServices:
    return public_services_of(tenant)


async def test_a_visitor_books_without_scripts_and_without_cookies(tenant: Tenant, services: PublicServices) -> None:
    browser = tenant.browser()
    details = await chosen(tenant, browser)

    form = await browser.get(details)
    booked = await browser.get(place_of(await browser.submit(details, **WHO, work=work_for(form))))

    assert "Haircut" in form.text
    assert "This time is kept for you until 09:10" in form.text
    assert booked.status_code == 200
    assert all(word in booked.text for word in ("Booked", "Wednesday", "10:00", "Berlin", "Ada"))
    assert "Hopper" not in booked.text
    [sent] = services.requests
    assert (sent["client"], sent["asks_approval"]) == ({**WHO, "email": None, "locale": "en"}, False)
    assert sent["hold_id"] in services.holds
    assert {claims["role"] for claims in services.claims} == {"visitor"}
    assert {tuple(claims["businesses"]) for claims in services.claims} == {(str(BUSINESS_ID),)}
    assert browser.http.cookies == httpx2.Cookies()
    for answer in (form, booked):
        assert "set-cookie" not in answer.headers
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert len(answer.content) <= 20_000


async def test_the_booked_page_has_a_calendar_file(tenant: Tenant, services: PublicServices) -> None:
    browser = tenant.browser()
    details = await chosen(tenant, browser)
    booked = await browser.get(
        place_of(await browser.submit(details, **WHO, work=work_for(await browser.get(details))))
    )

    file = await browser.get(next(link for link in links_in(booked) if link.endswith("calendar.ics")))

    assert file.headers["content-type"].startswith("text/calendar")
    assert b"SUMMARY:Haircut\\, Salon Nord" in file.content


async def test_looking_changes_nothing(tenant: Tenant, services: PublicServices) -> None:
    browser = tenant.browser()
    pages = [path_of(tenant)]
    for page in pages:
        answer = await browser.get(page)
        assert answer.status_code == 200, answer.text
        pages += [link for link in links_in(answer) if link.startswith("/book/") and link not in pages][:12]
        assert len(pages) < 60
    assert len(pages) > 4
    assert services.holds == {}
    assert services.requests == []


async def test_whoever_proves_nothing_waits_for_approval(tenant: Tenant, services: PublicServices) -> None:
    browser = tenant.browser()
    details = await chosen(tenant, browser)

    booked = await browser.get(place_of(await browser.submit(details, **WHO)))

    assert services.requests[0]["asks_approval"] is True
    assert "Asked for" in booked.text
    assert "still to be approved" in booked.text


@pytest.mark.parametrize("work", ["", "0", ".".join(["0"] * 15), "x" * 40, "-1." * 15 + "0", "9" * 10_000, "٣." * 16])
async def test_what_is_no_work_proves_nothing(work: str) -> None:
    assert not is_done("challenge", work, bits=20)


async def test_work_for_another_form_proves_nothing(tenant: Tenant, services: PublicServices) -> None:
    set_to(tenant, public_work_bits=8)
    browser = tenant.browser()
    first = await chosen(tenant, browser)
    second = await chosen(tenant, browser, at=int((START + timedelta(minutes=30)).timestamp()))
    work = work_for(await browser.get(first), bits=8)

    await browser.submit(first, **WHO, work=work)
    await browser.submit(second, **WHO, work=work)

    assert [sent["asks_approval"] for sent in services.requests] == [False, True]


async def test_a_form_that_is_sent_again_books_once(tenant: Tenant, services: PublicServices) -> None:
    browser = tenant.browser()
    details = await chosen(tenant, browser)
    work = work_for(await browser.get(details))

    places = [place_of(await browser.submit(details, name=name, phone=WHO["phone"], work=work)) for name in "AAB"]

    assert len(services.requests) == 1
    for place in places:
        assert "Booked" in (await browser.get(place)).text


async def test_a_time_that_somebody_took_is_told_with_the_next_free_ones(
    tenant: Tenant, services: PublicServices
) -> None:
    browser = tenant.browser()
    details = await chosen(tenant, browser)
    work = work_for(await browser.get(details))
    services.free.remove(START)
    tenant.pass_time(timedelta(minutes=11))

    taken = await browser.submit(details, **WHO, work=work)

    assert taken.status_code == 409
    assert "This time is not free any more" in taken.text
    assert "It was kept for you until 09:10" in taken.text
    assert len(buttons(taken)) == 2


async def test_who_a_visitor_is_comes_back_in_the_form_for_another_time_and_stands_in_no_address(
    tenant: Tenant, services: PublicServices
) -> None:
    browser = tenant.browser()
    details = await chosen(tenant, browser)
    work = work_for(await browser.get(details))
    services.free.remove(START)
    tenant.pass_time(timedelta(minutes=11))
    who = {**WHO, "email": "grace@example.com"}
    taken = await browser.submit(details, **who, work=work)

    form = await browser.submit(f"{path_of(tenant)}/hold", **fields_in(taken), at=buttons(taken)[0])

    assert form.status_code == 200
    assert form.headers["cache-control"] == "no-store"
    assert all(f'name="{field}"' in form.text and f'value="{text}"' in form.text for field, text in who.items())
    assert not any(text in address for address in [*links_in(form), *actions(form)] for text in ("Grace", "grace"))
    [address] = actions(form)
    booked = await browser.get(place_of(await browser.submit(address, **who, work=work_for(form))))
    assert "Booked" in booked.text
    assert "10:30" in booked.text


async def test_a_time_that_is_taken_as_well_keeps_who_the_visitor_is(tenant: Tenant, services: PublicServices) -> None:
    browser = tenant.browser()
    details = await chosen(tenant, browser)
    work = work_for(await browser.get(details))
    services.free.remove(START)
    tenant.pass_time(timedelta(minutes=11))
    taken = await browser.submit(details, **WHO, work=work)
    services.free.remove(START + timedelta(minutes=30))

    again = await browser.submit(f"{path_of(tenant)}/hold", **fields_in(taken), at=buttons(taken)[0])

    assert again.status_code == 409
    assert fields_in(again).items() >= WHO.items()


async def test_a_time_that_is_not_offered_is_not_held(tenant: Tenant, services: PublicServices) -> None:
    browser, service = tenant.browser(), services.services[0]["id"]
    for at in (START + timedelta(minutes=7), START - timedelta(days=9), START + timedelta(days=999)):
        answer = await browser.submit(f"{path_of(tenant)}/hold", service=service, at=str(int(at.timestamp())))
        assert answer.status_code == 409
    for text in ("", "x", "-1", "1e5", "٣", "9" * 40, "\x00"):
        answer = await browser.submit(f"{path_of(tenant)}/hold", service=service, at=text)
        assert answer.status_code == 404
    assert services.holds == {}


async def test_where_no_more_can_be_held_the_form_works_and_says_so(tenant: Tenant, services: PublicServices) -> None:
    services.hold_refusal = "too_many_holds"
    browser = tenant.browser()
    details = await chosen(tenant, browser)
    form = await browser.get(details)

    booked = place_of(await browser.submit(details, **WHO, work=work_for(form)))

    assert "not kept while you fill in" in form.text
    assert services.requests[0]["hold_id"] is None
    assert (await browser.get(booked)).status_code == 200


async def test_choosing_another_time_gives_the_first_one_back(tenant: Tenant, services: PublicServices) -> None:
    browser = tenant.browser()
    form = await browser.get(await chosen(tenant, browser))
    times = await browser.get(next(link for link in links_in(form) if "was=" in link))

    second = await browser.submit(f"{path_of(tenant)}/hold", **fields_in(times), at=buttons(times)[1])

    assert second.status_code == 303
    assert len(services.holds) == 1
