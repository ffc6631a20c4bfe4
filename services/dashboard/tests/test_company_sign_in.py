"""Signing in by a company's own provider, and what a provider or somebody in between may try."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx2
import pytest
import pytest_asyncio
from company_provider import CLIENT_ID, CLIENT_SECRET, CompanyProvider, Person, a_company_provider, query_of
from cryptography.fernet import Fernet
from dashboard_tenant import ORIGIN, OWNER, PASSWORD, Browser, Tenant, fresh_organization, owner_of, path_of
from joserfc.jwk import RSAKey
from sqlalchemy import text

from dashboard import first_owner

pytestmark = pytest.mark.service


@dataclass(kw_only=True)
class Company:
    """An organization of the dashboard with a provider of its own."""

    tenant: Tenant
    provider: CompanyProvider
    organization_id: UUID
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"/sign-in/o/{self.organization_id}"

    async def configure(self, **settings: Any) -> httpx2.Response:
        self.settings |= settings
        body = {
            "issuer": self.provider.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "email_domains": ["example.com"],
            **self.settings,
        }
        api = self.tenant.api(organization_id=self.organization_id)
        answer = await api.put("/v1/identity-provider", json=body)
        assert answer.status_code == 200, answer.text
        return answer

    async def begin(self, browser: Browser, *, target: str = "/") -> dict[str, str]:
        """The browser is sent to the provider: what it is sent with."""
        answer = await browser.get(f"{self.address}?{urlencode({'next': target})}")
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].startswith(f"{self.provider.issuer}/authorize?")
        return query_of(answer.headers["location"])

    async def come_back(self, browser: Browser, query: dict[str, str], **changed: str) -> httpx2.Response:
        """The provider signs its person in and sends the browser back, perhaps with something changed."""
        returned = query_of(self.provider.send_back(query)) | changed
        answer = await browser.get(f"{self.address}/callback?{urlencode(returned)}")
        assert isinstance(answer, httpx2.Response)
        return answer

    async def sign_in(self, browser: Browser | None = None, *, target: str = "/") -> httpx2.Response:
        browser = browser or self.tenant.browser()
        return await self.come_back(browser, await self.begin(browser, target=target))

    async def audit(self) -> list[dict[str, Any]]:
        api = self.tenant.api(organization_id=self.organization_id)
        return (await api.get("/v1/audit")).json()["items"]  # type: ignore[no-any-return]

    async def reason(self) -> str:
        """Why the newest refusal was one."""
        return next(entry["details"]["reason"] for entry in await self.audit() if entry["action"] == "identity_refused")


@pytest_asyncio.fixture
async def company(tenant: Tenant) -> AsyncIterator[Company]:
    async with a_company_provider(lambda: tenant.now) as provider:
        company = Company(tenant=tenant, provider=provider, organization_id=tenant.organization_id)
        await company.configure()
        yield company


@pytest_asyncio.fixture
async def other(tenant: Tenant) -> AsyncIterator[Company]:
    """Another organization, whose provider says what it likes."""
    organization_id = fresh_organization()
    await first_owner.make_first_owner(tenant.settings, owner_of(organization_id))
    async with a_company_provider(lambda: tenant.now) as provider:
        company = Company(tenant=tenant, provider=provider, organization_id=organization_id)
        await company.configure(creates_users=True, default_role="manager")
        yield company


async def test_an_invited_user_signs_in_without_ever_having_a_password(company: Company) -> None:
    user, mail = await company.tenant.invited("ada@example.com")
    browser = company.tenant.browser()

    answer = await company.sign_in(browser, target="/calendar/day/2027-06-15")

    assert (answer.status_code, answer.headers["location"]) == (303, "/calendar/day/2027-06-15")
    session = await browser.session()
    assert (session["user"]["id"], session["user"]["role"], session["has_account"]) == (user["id"], "staff", False)
    assert (await company.tenant.browser().get(mail.link)).status_code == 404
    actions = [(entry["action"], entry["details"]) for entry in await company.audit()]
    assert actions[:2] == [("signed_in", {"how": "company"}), ("invitation_accepted", {"how": "company"})]
    assert company.provider.refused == []


async def test_the_second_time_the_subject_counts_and_not_the_address(company: Company) -> None:
    user, _ = await company.tenant.invited("ada@example.com")
    await company.sign_in()
    company.provider.person = Person(email="ada.l@example.com")
    browser = company.tenant.browser()

    assert (await company.sign_in(browser)).status_code == 303

    assert (await browser.session())["user"]["id"] == user["id"]


async def test_an_address_that_was_given_to_a_successor_opens_nothing_of_the_former_s(company: Company) -> None:
    await company.tenant.invited("ada@example.com")
    await company.sign_in()
    company.provider.person = Person(subject="successor")

    assert (await company.sign_in()).status_code == 401
    assert await company.reason() == "user_has_another_identity"


async def test_who_was_not_invited_is_refused_unless_the_owner_lets_everybody_in(company: Company) -> None:
    refused = await company.sign_in()
    assert (refused.status_code, await company.reason()) == (401, "not_invited")

    await company.configure(creates_users=True)
    without_role = await company.sign_in()
    assert (without_role.status_code, await company.reason()) == (401, "no_role")

    await company.configure(default_role="viewer")
    browser = company.tenant.browser()
    assert (await company.sign_in(browser)).status_code == 303
    assert (await browser.session())["user"]["role"] == "viewer"
    async with company.tenant.database.system_transaction() as session:
        accounts = await session.execute(text("SELECT email FROM accounts"))
        assert list(accounts.scalars()) == [OWNER], "a provider makes no account"


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"email_verified": False}, "ada@example.com"),
        ({"email_verified": None}, "ada@example.com"),
        ({"email_verified": 1}, "ada@example.com"),
        ({}, "ada@evil.example"),
        ({}, "ada@sub.example.com"),
        ({}, "ada@example.com@evil.example"),
        ({}, "ada@evil.example\x00@example.com"),
        ({}, "@example.com"),
        ({}, ""),
        ({"email": ["ada@example.com"]}, ""),
    ],
)
async def test_only_a_verified_address_in_a_listed_domain_counts(
    company: Company, claims: dict[str, Any], email: str
) -> None:
    await company.tenant.invited("ada@example.com")
    company.provider.person = Person(email=email)
    company.provider.wrong = claims

    answer = await company.sign_in()

    assert answer.status_code == 401
    assert await company.reason() == "email_not_allowed"


async def test_roles_follow_the_claim_at_each_sign_in_and_are_audited(company: Company) -> None:
    await company.configure(role_claim="groups", role_values={"desk": "staff", "leads": "manager"}, creates_users=True)
    browser = company.tenant.browser()
    for groups, role in ((["desk"], "staff"), (["x", "desk", "leads"], "manager"), ("desk", "staff")):
        company.provider.person.claims = {"groups": groups}
        assert (await company.sign_in(browser)).status_code == 303
        assert (await browser.session())["user"]["role"] == role

    company.provider.person.claims = {"groups": ["strangers", 7, None, {"leads": 1}]}
    assert (await company.sign_in(browser)).status_code == 401
    assert await company.reason() == "no_role"
    changes = [entry["details"] for entry in await company.audit() if entry["action"] == "user_changed"]
    assert changes[0] == {"role": {"old": "manager", "new": "staff"}, "how": "company"}


async def test_nobody_becomes_an_owner_by_a_claim_and_no_owner_stops_being_one(company: Company) -> None:
    body = {
        "issuer": company.provider.issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "email_domains": ["example.com"],
        "role_claim": "groups",
        "role_values": {"desk": "owner"},
    }
    refused = await company.tenant.api().put("/v1/identity-provider", json=body)
    await company.configure(role_claim="groups", role_values={"desk": "viewer"})
    company.provider.person = Person(email=OWNER, claims={"groups": ["desk"]})
    browser = company.tenant.browser()

    assert refused.status_code == 422
    assert (await company.sign_in(browser)).status_code == 303
    assert (await browser.session())["user"]["role"] == "owner"


async def test_an_owner_accepts_the_invitation_before_the_provider_signs_them_in(company: Company) -> None:
    await company.tenant.invited("ada@example.com", role="owner")

    assert (await company.sign_in()).status_code == 401
    assert await company.reason() == "owner_has_not_accepted"


async def test_a_deactivated_user_is_refused_and_open_sessions_end(company: Company) -> None:
    user, _ = await company.tenant.invited("ada@example.com")
    browser = company.tenant.browser()
    await company.sign_in(browser)

    await company.tenant.api().patch(f"/v1/users/{user['id']}", json={"active": False})

    assert (await browser.get("/api/session")).status_code == 401
    assert (await company.sign_in(browser)).status_code == 401
    assert await company.reason() == "user_not_active"


# Other organizations


async def test_another_organization_s_provider_opens_nothing_here_whatever_address_it_vouches_for(
    company: Company, other: Company
) -> None:
    """The owner here has an account with this address; the other organization's provider says it is them."""
    other.provider.person = Person(email=OWNER)
    browser = company.tenant.browser()

    assert (await other.sign_in(browser)).status_code == 401, "the owner there has not accepted"
    other.provider.person = Person(email="ada@example.com")
    await company.tenant.member("ada@example.com")
    assert (await other.sign_in(browser)).status_code == 303

    session = await browser.session()
    assert session["organization"]["id"] == str(other.organization_id)
    assert session["has_account"] is False
    async with company.tenant.database.system_transaction() as db:
        memberships = await db.execute(text("SELECT organization_id FROM memberships"))
        assert set(memberships.scalars()) == {company.organization_id}


async def test_a_session_by_a_provider_reaches_nothing_of_the_person_s_account(
    company: Company, other: Company
) -> None:
    """Ada has a password and a session here; the other organization's provider signs in as Ada there."""
    _, ada = await company.tenant.member("ada@example.com")
    thief = company.tenant.browser()
    assert (await other.sign_in(thief)).status_code == 303

    passwords = {"current_password": PASSWORD, "new_password": "a thief's way to the harbour"}
    attempts = [
        await thief.change("PUT", "/api/session/password", json=passwords),
        await thief.get("/api/passkeys"),
        await thief.change("POST", "/api/passkeys/options"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in attempts] == [(403, "signed_in_by_company")] * 3
    listed = (await thief.get("/api/sessions")).json()["items"]
    assert [session["current"] for session in listed] == [True]
    [own] = (await ada.get("/api/sessions")).json()["items"]
    assert (await thief.change("DELETE", f"/api/sessions/{own['id']}")).status_code == 404
    assert (await thief.change("DELETE", "/api/sessions")).status_code == 204
    assert (await thief.change("PATCH", "/api/session/user", json={"locale": "ar"})).status_code == 200
    assert (await ada.get("/api/session")).status_code == 200
    async with company.tenant.database.system_transaction() as db:
        assert (await db.execute(text("SELECT locale FROM accounts WHERE email = 'ada@example.com'"))).scalar() == "en"


async def test_an_answer_of_one_organization_s_provider_is_not_taken_at_another_s_address(
    company: Company, other: Company
) -> None:
    await company.tenant.invited("ada@example.com")
    browser = company.tenant.browser()
    query = await other.begin(browser)
    returned = query_of(other.provider.send_back(query))

    answer = await browser.get(f"{company.address}/callback?{urlencode(returned)}")

    assert answer.status_code == 401
    assert company.provider.asked.count("token") == other.provider.asked.count("token") == 0


async def test_an_answer_that_names_another_issuer_is_refused_before_its_code_is_sent_anywhere(
    company: Company, other: Company
) -> None:
    browser = company.tenant.browser()
    query = await company.begin(browser)

    answer = await company.come_back(browser, query, iss=other.provider.issuer)

    assert answer.status_code == 401
    assert "token" not in company.provider.asked


async def test_a_provider_that_promises_to_name_itself_has_to(company: Company) -> None:
    company.provider.metadata = {"authorization_response_iss_parameter_supported": True}
    browser = company.tenant.browser()
    query = await company.begin(browser)
    returned = query_of(company.provider.send_back(query))
    del returned["iss"]

    assert (await browser.get(f"{company.address}/callback?{urlencode(returned)}")).status_code == 401
    assert "token" not in company.provider.asked


# What an ID token may have wrong


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


# What somebody between browser and provider may try


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


# What owners set


async def test_the_secret_is_sealed_for_this_organization_and_never_told(company: Company) -> None:
    told = await company.tenant.api().get("/v1/identity-provider")
    assert told.json()["redirect_uri"] == f"{ORIGIN}{company.address}/callback"
    assert "client_secret" not in told.json()
    async with company.tenant.database.system_transaction() as session:
        stored = (await session.execute(text("SELECT row_to_json(p)::text FROM identity_providers AS p"))).scalar_one()
        audited = (await session.execute(text("SELECT string_agg(details::text, '') FROM audit_entries"))).scalar_one()
    assert CLIENT_SECRET not in stored + audited


async def test_a_secret_that_was_copied_from_another_organization_stays_shut(company: Company, other: Company) -> None:
    async with company.tenant.database.system_transaction() as session:
        await session.execute(
            text(
                "UPDATE identity_providers SET sealed_client_secret = (SELECT sealed_client_secret FROM "
                "identity_providers WHERE organization_id = :here) WHERE organization_id = :there"
            ),
            {"here": company.organization_id, "there": other.organization_id},
        )

    assert (await other.sign_in()).status_code == 401
    assert "token" not in other.provider.asked


async def test_a_secret_that_an_older_key_sealed_is_sealed_anew_by_a_sign_in(company: Company) -> None:
    """The box of this process gets a newer key; the older one still opens."""
    await company.tenant.invited("ada@example.com")
    box = company.tenant.app.state.dependencies.box
    box._keys.insert(0, Fernet(Fernet.generate_key()))

    assert (await company.sign_in()).status_code == 303

    box._keys.pop()
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


async def test_visits_count_in_the_limit_of_an_address(company: Company) -> None:
    browser = company.tenant.browser()
    answers = [await browser.get(company.address) for _ in range(61)]

    assert answers[-1].status_code == 429
    assert path_of(str(answers[-1].url)) == company.address
