"""A company's provider ends the sessions that it opened: OpenID Connect Back-Channel Logout 1.0."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from companies import Company
from dashboard_tenant import Browser
from joserfc.jwk import RSAKey

from slotstream_servicekit.testing.company_provider import Person

pytestmark = pytest.mark.service

EVENT = "http://schemas.openid.net/event/backchannel-logout"


async def _logs_out(company: Company, token: str | None = None, **changed: Any) -> httpx2.Response:
    """The provider sends a token, straight and without a browser's cookies."""
    token = company.provider.signed(company.provider.logout_claims(**changed)) if token is None else token
    answer = await company.tenant.browser().http.post(f"{company.address}/logout", data={"logout_token": token})
    assert isinstance(answer, httpx2.Response)
    assert answer.headers["cache-control"] == "no-store"
    return answer


async def _signed_in(company: Company, **claims: Any) -> Browser:
    company.provider.person = Person(claims=claims)
    browser = company.tenant.browser()
    assert (await company.sign_in(browser)).status_code == 303
    return browser


async def _is_signed_in(browser: Browser) -> bool:
    return bool((await browser.get("/api/session")).status_code == 200)


async def test_signing_out_at_the_provider_ends_every_session_that_it_opened_for_the_person(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    desk, phone = await _signed_in(company), await _signed_in(company)

    assert (await _logs_out(company)).status_code == 200

    assert [await _is_signed_in(browser) for browser in (desk, phone)] == [False, False]
    [entry] = [entry for entry in await company.audit() if entry["action"] == "provider_ended_sessions"]
    assert entry["details"] == {"sessions": 2}


async def test_one_session_at_the_provider_ends_the_one_that_it_opened(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    desk, phone = await _signed_in(company, sid="desk"), await _signed_in(company, sid="phone")

    assert (await _logs_out(company, sub=None, sid="desk")).status_code == 200
    assert [await _is_signed_in(browser) for browser in (desk, phone)] == [False, True]

    assert (await _logs_out(company, sid="phone")).status_code == 200
    assert not await _is_signed_in(phone)


async def test_whoever_is_not_known_is_not_signed_in_and_that_is_fine(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    desk = await _signed_in(company)

    assert (await _logs_out(company, sub="nobody")).status_code == 200
    assert (await _logs_out(company, sub=None, sid="nothing")).status_code == 200

    assert await _is_signed_in(desk)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"iss": "https://evil.example"}, "issuer_wrong"),
        ({"aud": "another client"}, "audience_wrong"),
        ({"aud": None}, "audience_wrong"),
        ({"iat": None}, "issued_wrong"),
        ({"iat": 1}, "issued_wrong"),
        ({"iat": 9_999_999_999}, "issued_wrong"),
        ({"iat": True}, "issued_wrong"),
        ({"exp": 1}, "expired"),
        ({"exp": "soon"}, "expired"),
        ({"jti": None}, "token_id_wrong"),
        ({"jti": ""}, "token_id_wrong"),
        ({"jti": "x" * 256}, "token_id_wrong"),
        ({"events": None}, "event_wrong"),
        ({"events": [EVENT]}, "event_wrong"),
        ({"events": {EVENT: None}}, "event_wrong"),
        ({"events": {"http://schemas.openid.net/event/another": {}}}, "event_wrong"),
        ({"nonce": "n"}, "nonce_there"),
        ({"sub": None}, "nobody_named"),
        ({"sub": 7}, "nobody_named"),
        ({"sub": "a\x00b"}, "nobody_named"),
        ({"sid": ""}, "nobody_named"),
    ],
    ids=str,
)
async def test_a_logout_token_with_something_wrong_ends_nothing(
    company: Company, wrong: dict[str, Any], reason: str
) -> None:
    await company.tenant.invited("ada@example.com")
    desk = await _signed_in(company)

    answer = await _logs_out(company, **wrong)

    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_request", "error_description": reason}
    assert await _is_signed_in(desk)


@pytest.mark.parametrize("way", ["none", "public key", "foreign key", "ID token", "another type", "no JWT", "nothing"])
async def test_a_logout_token_that_the_provider_did_not_sign_as_one_ends_nothing(company: Company, way: str) -> None:
    await company.tenant.invited("ada@example.com")
    desk = await _signed_in(company)
    provider, claims = company.provider, company.provider.logout_claims()
    id_token = {name: value for name, value in claims.items() if name not in {"events", "jti"}} | {"nonce": "n"}
    token = {
        "none": lambda: provider.unsigned(claims),
        "public key": lambda: provider.signed_with_the_public_key(claims),
        "foreign key": lambda: provider.signed(claims, RSAKey.generate_key(2048, {"kid": str(provider.key.kid)})),
        "ID token": lambda: provider.signed(id_token),
        "another type": lambda: provider.signed(claims, kind="at+jwt"),
        "no JWT": lambda: "x" * 10_000,
        "nothing": str,
    }[way]()

    assert (await _logs_out(company, token)).status_code == 400
    assert await _is_signed_in(desk)


async def test_a_token_is_used_once_and_ends_nothing_that_began_later(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    await _signed_in(company)
    used = company.provider.signed(company.provider.logout_claims(exp=None), kind="logout+jwt")
    assert (await _logs_out(company, used)).status_code == 200
    late = company.provider.signed(company.provider.logout_claims(exp=None))
    company.tenant.pass_time(timedelta(minutes=3))
    again = await _signed_in(company)

    assert (await _logs_out(company, used)).json()["error_description"] == "token_used"
    assert (await _logs_out(company, late)).status_code == 200

    assert await _is_signed_in(again)


async def test_a_token_that_is_sent_twice_is_refused_the_second_time(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    token = company.provider.signed(company.provider.logout_claims())

    assert (await _logs_out(company, token)).status_code == 200
    assert (await _logs_out(company, token)).json()["error_description"] == "token_used"


async def test_another_companys_provider_ends_nothing_here(company: Company, other_company: Company) -> None:
    """Neither at its own address, for the same subject, nor at this organization's."""
    await company.tenant.invited("ada@example.com")
    desk = await _signed_in(company)
    token = other_company.provider.signed(other_company.provider.logout_claims())

    assert (await _logs_out(company, token)).status_code == 400
    assert (await _logs_out(other_company, token)).status_code == 200
    assert await _is_signed_in(desk)


async def test_sessions_by_password_are_out_of_the_providers_reach(company: Company) -> None:
    owner = await company.tenant.signed_in()

    assert (await _logs_out(company)).status_code == 200

    assert (await owner.get("/api/session")).status_code == 200


async def test_where_no_provider_is_set_or_no_form_is_sent_it_is_refused(company: Company) -> None:
    browser = company.tenant.browser().http
    answers = [
        await browser.post("/sign-in/o/00000000-0000-7000-8000-000000000001/logout", data={"logout_token": "x"}),
        await browser.post(f"{company.address}/logout", json={"logout_token": "x"}),
    ]
    assert [(answer.status_code, answer.json()["error_description"]) for answer in answers] == [
        (400, "no_provider"),
        (400, "form_unreadable"),
    ]
    provider = await company.tenant.api(organization_id=company.organization_id).get("/v1/identity-provider")
    assert provider.json()["backchannel_logout_uri"].endswith(f"{company.address}/logout")
