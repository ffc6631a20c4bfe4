"""What an ID token of a company's provider may have wrong, and which keys are believed."""

from datetime import timedelta
from typing import Any

import pytest
from companies import Company
from joserfc.jwk import RSAKey

from slotstream_servicekit.testing.company_provider import (
    CLIENT_ID,
)

pytestmark = pytest.mark.service


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": None},
        {"aud": [CLIENT_ID, "another client"]},
        {"aud": [CLIENT_ID, "another client"], "azp": "another client"},
        {"azp": "another client"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": None},
        {"exp": 1},
        {"exp": "9999999999"},
        {"exp": True},
        {"iat": None},
        {"iat": 9_999_999_999},
        {"nbf": 9_999_999_999},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": "a\x00b"},
        {"sub": 7},
    ],
    ids=str,
)
async def test_an_id_token_with_something_wrong_signs_nobody_in(company: Company, wrong: dict[str, Any]) -> None:
    await company.tenant.invited("ada@example.com")
    company.provider.wrong = wrong
    browser = company.tenant.browser()

    answer = await company.sign_in(browser)

    assert answer.status_code == 401
    assert browser.cookie is None
    assert "token" in company.provider.asked


@pytest.mark.parametrize("way", ["none", "public key", "foreign key", "foreign key under its name", "broken", "no JWT"])
async def test_an_id_token_that_the_provider_did_not_sign_signs_nobody_in(company: Company, way: str) -> None:
    await company.tenant.invited("ada@example.com")
    provider = company.provider
    foreign = RSAKey.generate_key(2048, {"kid": str(provider.key.kid)})
    nameless = RSAKey.generate_key(2048, {"kid": "foreign"})
    provider.sign = {
        "none": provider.unsigned,
        "public key": provider.signed_with_the_public_key,
        "foreign key": lambda claims: provider.signed(claims, nameless),
        "foreign key under its name": lambda claims: provider.signed(claims, foreign),
        "broken": lambda claims: provider.signed(claims)[:-4] + "AAAA",
        "no JWT": lambda _claims: "x" * 100_000,
    }[way]
    browser = company.tenant.browser()

    assert (await company.sign_in(browser)).status_code == 401
    assert browser.cookie is None


async def test_a_minute_between_two_clocks_is_forgiven_and_not_more(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    now = int(company.tenant.now.timestamp())
    statuses = []
    for wrong in ({"exp": now - 59}, {"exp": now - 61}, {"iat": now + 59}, {"iat": now + 61}):
        company.provider.wrong = wrong
        statuses.append((await company.sign_in()).status_code)

    assert statuses == [303, 401, 303, 401]


async def test_keys_are_kept_and_read_again_for_a_new_one_but_not_for_every_made_up_one(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    assert [(await company.sign_in()).status_code for _ in range(2)] == [303, 303]
    assert (company.provider.asked.count("discovery"), company.provider.asked.count("jwks")) == (1, 1)

    company.provider.rotate()
    company.tenant.pass_time(timedelta(seconds=31))
    assert (await company.sign_in()).status_code == 303
    assert company.provider.asked.count("jwks") == 2

    foreign = RSAKey.generate_key(2048, {"kid": "made up"})
    company.provider.sign = lambda claims: company.provider.signed(claims, foreign)
    assert {(await company.sign_in()).status_code for _ in range(5)} == {401}
    assert company.provider.asked.count("jwks") == 2
