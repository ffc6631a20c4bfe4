"""Signing in leads to a page of this origin, and nowhere else."""

from urllib.parse import quote, urljoin, urlsplit

import pytest
from dashboard_tenant import ORIGIN, Tenant

from dashboard.domain.redirects import safe_target

ELSEWHERE = [
    "//evil.test",
    "/\\evil.test",
    "///evil.test",
    "\\\\evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    " //evil.test",
    "\x00//evil.test",
    "https:evil.test",
    "https://evil.test",
    "https://desk.example.com@evil.test",
    "javascript:alert(1)",
    "data:text/html,x",
    "calendar",
    "",
    "/ä",
    "/" + "a" * 3_000,
]


@pytest.mark.parametrize("target", [*ELSEWHERE, *(quote(quote(target, safe=""), safe="") for target in ELSEWHERE[:12])])
def test_whatever_a_browser_would_take_elsewhere_leads_to_the_start_page(target: str) -> None:
    assert safe_target(target) == "/"


@pytest.mark.parametrize(
    "target",
    ["/", "/calendar/day/2027-06-15?staff=a%26b&q=%2B49", "/appointments#x", "/%2F/evil.test", "/a//b", "/@evil.test"],
)
def test_a_page_of_ours_arrives_unchanged_and_stays_with_us(target: str) -> None:
    assert safe_target(target) == target
    assert urlsplit(urljoin(f"{ORIGIN}/sign-in", target)).netloc == "desk.example.com"


@pytest.mark.service
async def test_neither_the_form_nor_a_session_that_is_there_leads_elsewhere(tenant: Tenant) -> None:
    browser = tenant.browser()
    for target in ELSEWHERE[:12]:
        signed_in = await browser.sign_in(next=target)
        again = await browser.get(f"/sign-in?next={quote(target, safe='')}")

        assert signed_in.headers["location"] == again.headers["location"] == "/", target
