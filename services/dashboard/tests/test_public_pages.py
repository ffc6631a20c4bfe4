"""The public page's pages: what is no page, what is typed, who may frame them, in which language."""

import re
from datetime import timedelta
from html import unescape
from uuid import uuid4

import pytest
import pytest_asyncio
from dashboard_tenant import ORIGIN, Tenant
from portal_services import START
from public_pages import (
    WHO,
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

from dashboard.adapters.localization import texts_of
from dashboard.domain.public import PageAddress
from dashboard.domain.users import LOCALES
from slotstream_servicekit.settings import Rate

pytestmark = pytest.mark.service


@pytest_asyncio.fixture
async def services(tenant: Tenant) -> PublicServices:
    return public_services_of(tenant)


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
    tenant.upstream.is_down = True

    answer = await tenant.browser().get(path_of(tenant))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
