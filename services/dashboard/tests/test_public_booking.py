"""The public page: service, staff, day, time, who one is, booked; and what visitors cannot get out of it."""

import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio
from dashboard_tenant import ORIGIN, Browser, Tenant
from portal_services import START
from public_services import BUSINESS_ID, PublicServices

from dashboard.adapters.localization import texts_of
from dashboard.domain.public import PageAddress
from dashboard.domain.users import LOCALES
from dashboard.domain.work import PIECES, is_done
from slotstream_servicekit.settings import Rate

pytestmark = pytest.mark.service

WHO = {"name": "Grace Hopper", "phone": "+49 30 901820"}
BITS = 4
"""As hard as the proof of work is in these tests."""


@pytest_asyncio.fixture
async def services(tenant: Tenant) -> PublicServices:
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
    again = place_of(await browser.submit(f"{path_of(tenant)}/hold", **fields_in(taken), at=buttons(taken)[0]))

    assert taken.status_code == 409
    assert "This time is not free any more" in taken.text
    assert "It was kept for you until 09:10" in taken.text
    assert len(buttons(taken)) == 2
    assert (await browser.get(again)).status_code == 200


def buttons(page: httpx2.Response) -> list[str]:
    return re.findall(r'name="at" value="(\d+)"', page.text)


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


def near_misses(tenant: Tenant) -> list[str]:
    right = path_of(tenant).removeprefix("/book/")
    other = PageAddress(organization_id=tenant.organization_id, business_id=uuid4()).handle
    foreign = PageAddress(organization_id=uuid4(), business_id=BUSINESS_ID).handle
    return [
        other,
        foreign,
        right[:-1],
        right + "A",
        right[:-1] + "%00",
        str(BUSINESS_ID),
        "x" * 5_000,
        "..%2f",
        "é" * 43,
    ]


async def test_all_that_is_no_page_is_answered_alike(tenant: Tenant, services: PublicServices) -> None:
    browser = tenant.browser()
    answers = [await browser.get(f"/book/{handle}") for handle in near_misses(tenant)]
    answers += [await browser.get(f"{path_of(tenant)}/nothing"), await browser.get(f"{path_of(tenant)}?service=x")]
    answers += [await browser.get(f"{path_of(tenant)}?service={uuid4()}")]
    services.is_on = False
    answers += [await browser.get(path_of(tenant)), await browser.submit(f"{path_of(tenant)}/hold", at="1")]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert "Salon" not in answers[0].text


async def test_drafts_and_bookings_are_one_pages_own_and_end(tenant: Tenant, services: PublicServices) -> None:
    browser = tenant.browser()
    details = await chosen(tenant, browser)
    token = details.rpartition("/")[2]
    booked = place_of(await browser.submit(details, **WHO, work=work_for(await browser.get(details))))
    for forged in (token[:-2] + "AA", token + "A", "A" * 200, "x" * 5_000, booked.rpartition("/")[2], "%00"):
        answer = await browser.get(f"{path_of(tenant)}/details/{forged}")
        assert answer.status_code in (404, 410)
        assert "Haircut" not in answer.text
    assert (await browser.get(f"{path_of(tenant)}/booked/{token}")).status_code == 410
    tenant.pass_time(timedelta(days=2))

    assert (await browser.get(details)).status_code == 410
    assert (await browser.submit(details, **WHO)).status_code == 410
    assert (await browser.get(booked)).status_code == 410


async def test_another_sites_form_is_refused(tenant: Tenant, services: PublicServices) -> None:
    browser = tenant.browser()
    details = await chosen(tenant, browser)
    held = len(services.holds)

    for path in (details, f"{path_of(tenant)}/hold"):
        for site, origin in (("cross-site", "https://evil.test"), (None, "https://evil.test"), ("same-site", ORIGIN)):
            answer = await browser.submit(path, site=site, origin=origin, **WHO)
            assert answer.status_code == 403

    assert services.requests == []
    assert len(services.holds) == held


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "", "phone": "+49 30 901820"},
        {"name": "\x00\x07", "phone": "+49 30 901820"},
        {"name": "Grace"},
        {"name": "x" * 201, "phone": "1"},
        {"name": "Grace", "phone": "1" * 65},
        {"name": "Grace", "email": "a@b.c\r\nBcc: eve@example.com"},
        {"name": "Grace", "email": "a@b.c, eve@example.com"},
        {"name": "Grace", "email": "no address"},
        {"name": "Grace", "email": "a" * 250 + "@example.com"},
    ],
)
async def test_what_cannot_be_right_is_said_and_stays_in_the_form(
    tenant: Tenant, services: PublicServices, fields: dict[str, str]
) -> None:
    browser = tenant.browser()
    details = await chosen(tenant, browser)

    answer = await browser.submit(details, **fields, work=work_for(await browser.get(details)))

    assert answer.status_code == 422, answer.text
    assert 'role="alert"' in answer.text
    assert services.requests == []
    assert tenant.mails.caught == []


async def test_what_booking_cannot_read_is_said_in_the_form(tenant: Tenant, services: PublicServices) -> None:
    services.refusal = (422, "invalid_phone")
    browser = tenant.browser()
    details = await chosen(tenant, browser)

    answer = await browser.submit(details, name="Grace", phone="12", work=work_for(await browser.get(details)))

    assert answer.status_code == 422
    assert "not a phone number that can be called" in answer.text
    assert 'value="Grace"' in answer.text


async def test_nothing_that_is_typed_becomes_markup(tenant: Tenant, services: PublicServices) -> None:
    evil = '"><script>alert(1)</script>'
    services.services.clear()
    services.add_service(evil, staff=(evil, "Bob"))
    services.name = evil
    browser = tenant.browser()
    page = await browser.get(path_of(tenant))
    staff = await browser.get(next(link for link in links_in(page) if "service=" in link))
    days = await browser.get(links_in(staff)[1])
    times = await browser.get(next(link for link in links_in(days) if "day=" in link))
    details = place_of(await browser.submit(f"{path_of(tenant)}/hold", **fields_in(times), at=buttons(times)[0]))
    form = await browser.submit(details, name=evil, phone=evil * 9)

    for answer in (
        page,
        staff,
        days,
        times,
        form,
        await browser.get(
            f"{path_of(tenant)}?lang={evil}&was={evil}&day=2026-11-04&service={services.services[0]['id']}&staff=any"
        ),
    ):
        assert "<script>alert" not in answer.text
        assert "&lt;script&gt;" in answer.text


async def test_somebody_can_be_asked_for(tenant: Tenant, services: PublicServices) -> None:
    services.services.clear()
    service = services.add_service(staff=("Ada", "Bob"))
    browser = tenant.browser()
    staff = await browser.get(f"{path_of(tenant)}?service={service['id']}")
    bob = next(link for link in links_in(staff) if service["staff"][1]["id"] in link)
    days = await browser.get(bob)
    times = await browser.get(next(link for link in links_in(days) if "day=" in link))

    details = place_of(await browser.submit(f"{path_of(tenant)}/hold", **fields_in(times), at=buttons(times)[0]))
    forged = await browser.submit(
        f"{path_of(tenant)}/hold", **{**fields_in(times), "staff": str(uuid4())}, at=buttons(times)[0]
    )

    assert "Bob" in (await browser.get(details)).text
    assert [hold["resource_id"] for hold in services.holds.values()] == [service["staff"][1]["id"]]
    assert forged.status_code == 404


async def test_only_the_embedded_page_is_framed_and_only_by_listed_origins(
    tenant: Tenant, services: PublicServices
) -> None:
    services.embed_origins = ["https://www.example.com", "https://evil.test; script-src *"]
    browser = tenant.browser()
    path = f"{path_of(tenant)}/embed"
    plain, framed = await browser.get(path_of(tenant)), await browser.get(path)
    details = await chosen(tenant, browser, path=path)
    form = await browser.get(details)
    booked = place_of(await browser.submit(details, **WHO, work=work_for(form)))
    services.embed_origins = []
    unlisted = await browser.get(path)

    assert "frame-ancestors 'none'" in plain.headers["content-security-policy"]
    assert plain.headers["x-frame-options"] == "DENY"
    for answer in (framed, form, await browser.get(booked)):
        assert answer.url.path.startswith(path)
    for answer in (framed, form):
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors https://www.example.com; require-trusted-types-for 'script'" in policy
        assert "script-src 'self';" in policy
        assert "x-frame-options" not in answer.headers
        assert "set-cookie" not in answer.headers
        assert all(link.startswith(path) for link in links_in(answer) if link.startswith("/book/"))
    assert "frame-ancestors 'none'" in unlisted.headers["content-security-policy"]
    assert unlisted.headers["x-frame-options"] == "DENY"
    assert tenant.mails.caught == []


async def test_what_a_frame_is_refused_it_is_told_in_the_frame(tenant: Tenant, services: PublicServices) -> None:
    services.embed_origins = ["https://www.example.com"]
    set_to(tenant, public_rate=Rate(per_minute=1, burst=1))
    browser = tenant.browser()
    path = path_of(tenant)

    shown, refused, plain = [await browser.get(place) for place in (f"{path}/embed", f"{path}/embed", path)]

    assert [answer.status_code for answer in (shown, refused, plain)] == [200, 429, 429]
    for answer in (shown, refused):
        assert "frame-ancestors https://www.example.com;" in answer.headers["content-security-policy"]
        assert "x-frame-options" not in answer.headers
    assert plain.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("locale", LOCALES)
async def test_every_page_is_in_the_visitors_language(tenant: Tenant, services: PublicServices, locale: str) -> None:
    browser, texts = tenant.browser(), texts_of(locale)
    page = await browser.get(f"{path_of(tenant)}?lang={locale}")
    details = await chosen(tenant, browser, path=f"{path_of(tenant)}")
    in_language = await browser.get(f"{details}?lang={locale}")
    booked = await browser.get(place_of(await browser.submit(details, **WHO, lang=locale, work=work_for(in_language))))

    assert texts["public.title"] in unescape(page.text)
    assert f'dir="{"rtl" if locale == "ar" else "ltr"}"' in page.text
    assert texts["public.name"] in unescape(in_language.text)
    assert texts["public.booked_title"] in unescape(booked.text)
    assert services.requests[0]["client"]["locale"] == locale
    assert all("{{" not in answer.text for answer in (page, in_language, booked))


async def test_a_long_day_and_many_services_stay_small(tenant: Tenant, services: PublicServices) -> None:
    services.services.clear()
    for number in range(100):
        services.add_service(
            f"{number} " + "Very long name " * 6, staff=tuple("Somebody with a long name " * 3 for _ in range(60))
        )
    services.free = [START + timedelta(minutes=number) for number in range(600)]
    browser = tenant.browser()
    page = await browser.get(path_of(tenant))
    staff = await browser.get(next(link for link in links_in(page) if "service=" in link))
    days = await browser.get(links_in(staff)[0])
    times = await browser.get(next(link for link in links_in(days) if "day=" in link))

    for answer in (page, staff, days, times):
        assert answer.status_code == 200
        assert len(answer.content) <= 20_000, answer.text[:300]
        assert "More" in answer.text or answer is days


async def test_the_script_is_small_and_kept(tenant: Tenant, services: PublicServices) -> None:
    browser = tenant.browser()
    form = await browser.get(await chosen(tenant, browser))
    found = re.search(r'<script src="([^"]+)"', form.text)
    assert found is not None

    script = await browser.get(found[1])

    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]
    assert len(script.content) < 3_000
    assert all(word not in script.text for word in ("innerHTML", "eval", "cookie", "localStorage", "sessionStorage"))


async def test_a_service_that_does_not_answer_has_a_page(tenant: Tenant, services: PublicServices) -> None:
    tenant.upstream.failure = httpx2.ConnectError("down")

    answer = await tenant.browser().get(path_of(tenant))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
