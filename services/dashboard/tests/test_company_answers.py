"""What somebody between a browser and a company's provider may try."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from companies import Company
from dashboard_tenant import ORIGIN, path_of

from slotstream_servicekit.testing.company_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    query_of,
)

pytestmark = pytest.mark.service


async def test_an_answer_counts_once_and_in_the_browser_that_asked(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    browser, thief = company.tenant.browser(), company.tenant.browser()
    query = await company.begin(browser)
    returned = f"{company.address}/callback?{urlencode(query_of(company.provider.send_back(query)))}"
    await company.begin(thief)

    stolen = await thief.get(returned)
    bare = await company.tenant.browser().get(returned)
    first = await browser.get(returned)
    second = await browser.get(returned)

    assert [answer.status_code for answer in (stolen, bare, first, second)] == [401, 401, 303, 401]
    assert company.provider.asked.count("token") == 1


@pytest.mark.parametrize(
    "changed", [{"state": "another"}, {"state": ""}, {"code": ""}, {"code": "x" * 5_000}, {"error": "access_denied"}]
)
async def test_an_answer_that_was_changed_on_its_way_is_refused(company: Company, changed: dict[str, str]) -> None:
    await company.tenant.invited("ada@example.com")
    browser = company.tenant.browser()

    answer = await company.come_back(browser, await company.begin(browser), **changed)

    assert answer.status_code == 401
    assert "token" not in company.provider.asked


async def test_an_answer_after_ten_minutes_comes_too_late(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    browser = company.tenant.browser()
    query = await company.begin(browser)
    company.tenant.pass_time(timedelta(minutes=10))

    assert (await company.come_back(browser, query)).status_code == 401


async def test_a_code_of_another_browser_s_visit_is_refused_by_its_verifier(company: Company) -> None:
    """Code injection: the victim's browser is given the attacker's code with the victim's own state."""
    await company.tenant.invited("ada@example.com")
    victim, attacker = company.tenant.browser(), company.tenant.browser()
    query = await company.begin(victim)
    stolen = query_of(company.provider.send_back(await company.begin(attacker)))

    answer = await company.come_back(victim, query, code=stolen["code"])

    assert answer.status_code == 401
    assert company.provider.refused == ["verifier"]


@pytest.mark.parametrize("target", ["//evil.test", "https://evil.test", "/\\evil.test", "javascript:alert(1)", "/\t/x"])
async def test_signing_in_leads_to_no_other_site(company: Company, target: str) -> None:
    await company.tenant.invited("ada@example.com")

    answer = await company.sign_in(target=target)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_the_sign_in_page_of_a_browser_that_came_by_a_company_leads_there_again(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    browser = company.tenant.browser()
    assert company.address not in (await browser.get("/sign-in")).text
    await company.sign_in(browser)

    page = await browser.get("/sign-in?again=1&next=/a%26b%3Fc")

    assert f'href="{company.address}?next=/a%26b%3Fc"' in page.text
    odd = company.tenant.browser(Cookie='__Host-slotstream-company="><script>alert(1)</script>')
    assert "/sign-in/o/" not in (await odd.get("/sign-in")).text


async def test_what_the_browser_is_sent_with(company: Company) -> None:
    browser = company.tenant.browser()
    first, second = await company.begin(browser), await company.begin(browser)

    assert first["redirect_uri"] == f"{ORIGIN}{company.address}/callback"
    assert (first["response_type"], first["code_challenge_method"], first["client_id"]) == ("code", "S256", CLIENT_ID)
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) == 43
        assert first[name] != second[name]
    assert CLIENT_SECRET not in str(first)


async def test_a_cookie_that_was_planted_gives_nobody_a_session_of_the_planter(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    browser = await company.tenant.signed_in()
    planted = browser.cookie

    assert (await company.sign_in(browser)).status_code == 303

    assert browser.cookie != planted
    assert (await company.tenant.browser(Cookie=f"__Host-slotstream={planted}").get("/api/session")).status_code == 401


async def test_visits_count_in_the_limit_of_an_address(company: Company) -> None:
    browser = company.tenant.browser()
    answers = [await browser.get(company.address) for _ in range(61)]

    assert answers[-1].status_code == 429
    assert path_of(str(answers[-1].url)) == company.address
