"""What owners set about their company's provider, and what a change of it ends."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from companies import Company
from cryptography.fernet import Fernet
from dashboard_tenant import ORIGIN, OWNER
from sqlalchemy import text

from dashboard.adapters.sealing import SecretBox
from slotstream_servicekit.testing.company_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Person,
)

pytestmark = pytest.mark.service


async def test_the_secret_is_sealed_for_this_organization_and_never_told(company: Company) -> None:
    told = await company.tenant.api().get("/v1/identity-provider")
    assert told.json()["redirect_uri"] == f"{ORIGIN}{company.address}/callback"
    assert "client_secret" not in told.json()
    async with company.tenant.database.system_transaction() as session:
        stored = (await session.execute(text("SELECT row_to_json(p)::text FROM identity_providers AS p"))).scalar_one()
        audited = (await session.execute(text("SELECT string_agg(details::text, '') FROM audit_entries"))).scalar_one()
    assert CLIENT_SECRET not in stored + audited


async def test_a_secret_that_was_copied_from_another_organization_stays_shut(
    company: Company, other_company: Company
) -> None:
    async with company.tenant.database.system_transaction() as session:
        await session.execute(
            text(
                "UPDATE identity_providers SET sealed_client_secret = (SELECT sealed_client_secret FROM "
                "identity_providers WHERE organization_id = :here) WHERE organization_id = :there"
            ),
            {"here": company.organization_id, "there": other_company.organization_id},
        )

    assert (await other_company.sign_in()).status_code == 401
    assert "token" not in other_company.provider.asked


async def test_a_secret_that_an_older_key_sealed_is_sealed_anew_by_a_sign_in(company: Company) -> None:
    """The box of this process gets a newer key; the older one still opens."""
    await company.tenant.invited("ada@example.com")
    older = [key.get_secret_value() for key in company.tenant.settings.secret_keys]
    newest = Fernet.generate_key().decode()
    state = company.tenant.app.state

    for keys in ([newest, *older], [newest]):
        state.dependencies = replace(state.dependencies, box=SecretBox(keys))
        assert (await company.sign_in()).status_code == 303


async def test_a_secret_stays_unless_issuer_or_client_change_and_then_has_to_be_given(company: Company) -> None:
    kept = await company.configure(client_secret=None, email_domains=["example.org"])
    assert kept.json()["email_domains"] == ["example.org"]
    body = {"issuer": "https://login.example.net", "client_id": CLIENT_ID, "email_domains": ["example.com"]}

    refused = await company.tenant.api().put("/v1/identity-provider", json=body)

    assert (refused.status_code, refused.json()["code"]) == (422, "client_secret_required")


@pytest.mark.parametrize("role", ["manager", "staff", "viewer"])
async def test_only_owners_set_it(company: Company, role: str) -> None:
    api = company.tenant.api(role=role)
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/test")):
        answer = await api.request(method, f"/v1/identity-provider{path}")
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.example.com",
        "http://169.254.169.254",
        "https://user:password@login.example.com",
        "https://login.example.com/?a=b",
        "https://login.example.com/#a",
        "ftp://login.example.com",
        "https://login.example.com\\@evil.test",
        "https://lögin.example.com",
        "https:///x",
        "https://login.example.com:99999",
    ],
)
async def test_an_issuer_is_an_https_address_and_nothing_else(company: Company, issuer: str) -> None:
    body = {"issuer": issuer, "client_id": "c", "client_secret": "s", "email_domains": ["example.com"]}

    answer = await company.tenant.api().put("/v1/identity-provider", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "issuer_invalid")


@pytest.mark.parametrize("domain", ["", "com", "*.com", "@example.com", "exa mple.com", "-a.com", "a..com", "x" * 300])
async def test_a_domain_is_a_domain(company: Company, domain: str) -> None:
    body = {"issuer": "https://login.example.com", "client_id": "c", "client_secret": "s", "email_domains": [domain]}

    assert (await company.tenant.api().put("/v1/identity-provider", json=body)).status_code == 422


async def test_the_test_says_what_is_wrong_with_a_provider(company: Company) -> None:
    api = company.tenant.api()
    assert (await api.post("/v1/identity-provider/test")).json() == {"ok": True, "reason": None}
    for metadata, reason in (
        ({"issuer": "https://evil.example"}, "issuer_wrong"),
        ({"token_endpoint": None}, "token_endpoint_invalid"),
        ({"jwks_uri": "http://169.254.169.254/"}, "jwks_uri_invalid"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint_invalid"),
        ({"code_challenge_methods_supported": ["plain"]}, "pkce_unsupported"),
    ):
        company.provider.metadata = metadata
        assert (await api.post("/v1/identity-provider/test")).json() == {"ok": False, "reason": reason}


async def test_a_provider_in_a_private_network_is_not_reached(company: Company) -> None:
    await company.configure(issuer="https://10.1.2.3", client_secret="s")

    answer = await company.tenant.api().post("/v1/identity-provider/test")

    assert answer.json() == {"ok": False, "reason": "unreachable"}
    assert (await company.tenant.browser().get(company.address)).status_code == 503


async def test_where_it_is_required_nobody_but_owners_signs_in_otherwise_and_open_sessions_end(
    company: Company,
) -> None:
    _, ada = await company.tenant.member("ada@example.com")
    owner = await company.tenant.signed_in()

    await company.configure(required=True)

    assert (await ada.get("/api/session")).status_code == 401
    assert (await owner.get("/api/session")).status_code == 200
    refused = await company.tenant.browser().sign_in("ada@example.com")
    wrong = await company.tenant.browser().sign_in("ada@example.com", "a wrong password")
    assert refused.status_code == wrong.status_code == 401
    assert refused.text == wrong.text
    assert (await company.tenant.browser().sign_in()).status_code == 303
    assert (await company.sign_in()).status_code == 303


async def test_a_session_that_slipped_in_before_it_was_required_is_no_session(company: Company) -> None:
    _, ada = await company.tenant.member("ada@example.com")
    async with company.tenant.database.system_transaction() as session:
        await session.execute(text("UPDATE identity_providers SET is_required = true"))
    company.tenant.pass_time(timedelta(seconds=6))

    assert (await ada.get("/api/session")).status_code == 401


async def test_its_sessions_end_when_it_is_removed_or_becomes_another(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    browser, password = company.tenant.browser(), await company.tenant.signed_in()
    await company.sign_in(browser)
    await company.configure(client_id="another client")
    assert (await browser.get("/api/session")).status_code == 401

    await company.configure(client_id=CLIENT_ID)
    await company.sign_in(browser)
    assert (await company.tenant.api().delete("/v1/identity-provider")).status_code == 204

    assert (await browser.get("/api/session")).status_code == 401
    assert (await password.get("/api/session")).status_code == 200
    assert (await company.tenant.browser().get(company.address)).status_code == 503
    assert (await company.tenant.api().delete("/v1/identity-provider")).status_code == 404


@pytest.mark.parametrize(
    "changed",
    [{"role_values": {"leads": "viewer"}}, {"role_claim": "teams"}, {"email_domains": ["example.org"]}],
    ids=["the role of a value", "another claim", "a domain less"],
)
async def test_what_the_provider_gave_ends_when_the_owner_wants_it_to_give_something_else(
    company: Company, changed: dict[str, Any]
) -> None:
    await company.configure(role_claim="groups", role_values={"leads": "manager"}, creates_users=True)
    company.provider.person.claims = {"groups": ["leads"]}
    theirs, owner, by_password = company.tenant.browser(), company.tenant.browser(), await company.tenant.signed_in()
    assert (await company.sign_in(theirs)).status_code == 303
    company.provider.person = Person(email=OWNER, subject="the owner")
    assert (await company.sign_in(owner)).status_code == 303

    await company.configure(**changed)

    assert (await theirs.get("/api/session")).status_code == 401
    assert (await owner.get("/api/session")).status_code == 200, "whom no provider gives anything"
    assert (await by_password.get("/api/session")).status_code == 200


async def test_a_change_that_takes_nothing_from_anybody_ends_no_session(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    browser = company.tenant.browser()
    await company.sign_in(browser)

    await company.configure(email_domains=["example.org", "example.com"], creates_users=True)

    assert (await browser.get("/api/session")).status_code == 200


async def test_a_change_while_somebody_is_on_the_way_refuses_their_answer(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    browser = company.tenant.browser()
    query = await company.begin(browser)
    await company.configure(client_id="another client")

    assert (await company.come_back(browser, query)).status_code == 401
    assert "token" not in company.provider.asked


async def test_a_version_that_is_no_longer_right_changes_nothing(company: Company) -> None:
    body = {"issuer": company.provider.issuer, "client_id": CLIENT_ID, "email_domains": ["example.com"]}

    answer = await company.tenant.api().put("/v1/identity-provider", json=body, headers={"If-Match": '"7"'})

    assert answer.status_code == 412


async def test_a_removed_user_is_forgotten_with_their_identity(company: Company) -> None:
    user, _ = await company.tenant.invited("ada@example.com")
    await company.sign_in()
    await company.tenant.api().delete(f"/v1/users/{user['id']}")

    async with company.tenant.database.system_transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM identities"))).scalar_one() == 0
    assert (await company.sign_in()).status_code == 401
