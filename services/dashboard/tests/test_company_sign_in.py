"""Who may sign in by a company's own provider, as what, and what stays shut to it."""

from typing import Any
from urllib.parse import urlencode

import pytest
from companies import Company
from dashboard_tenant import OWNER, PASSWORD
from sqlalchemy import text

from slotstream_servicekit.testing.company_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Person,
    query_of,
)

pytestmark = pytest.mark.service


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


async def test_whom_the_provider_no_longer_gives_a_role_is_out_in_every_browser(company: Company) -> None:
    """They learn of it where they sign in next, and not where a session of theirs runs on."""
    await company.configure(role_claim="groups", role_values={"leads": "manager"}, creates_users=True)
    company.provider.person.claims = {"groups": ["leads"]}
    at_the_desk, ada = company.tenant.browser(), company.provider.person
    assert (await company.sign_in(at_the_desk)).status_code == 303
    company.provider.person = Person(email="bo@example.com", subject="bo", claims={"groups": ["leads"]})
    bo = company.tenant.browser()
    assert (await company.sign_in(bo)).status_code == 303

    company.provider.person = ada
    ada.claims = {"groups": []}
    assert (await company.sign_in()).status_code == 401

    assert (await at_the_desk.get("/api/session")).status_code == 401
    assert (await bo.get("/api/session")).status_code == 200


async def test_a_lower_role_by_the_claim_is_felt_in_the_sessions_before(company: Company) -> None:
    await company.configure(role_claim="groups", role_values={"leads": "manager", "desk": "viewer"}, creates_users=True)
    company.provider.person.claims = {"groups": ["leads"]}
    before = company.tenant.browser()
    assert (await company.sign_in(before)).status_code == 303
    assert "book" in (await before.session())["rights"]

    company.provider.person.claims = {"groups": ["desk"]}
    assert (await company.sign_in()).status_code == 303

    assert "book" not in (await before.session())["rights"]


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
    company: Company, other_company: Company
) -> None:
    """The owner here has an account with this address; the other organization's provider says it is them."""
    other_company.provider.person = Person(email=OWNER)
    browser = company.tenant.browser()

    assert (await other_company.sign_in(browser)).status_code == 401, "the owner there has not accepted"
    other_company.provider.person = Person(email="ada@example.com")
    await company.tenant.member("ada@example.com")
    assert (await other_company.sign_in(browser)).status_code == 303

    session = await browser.session()
    assert session["organization"]["id"] == str(other_company.organization_id)
    assert session["has_account"] is False
    async with company.tenant.database.system_transaction() as db:
        memberships = await db.execute(text("SELECT organization_id FROM memberships"))
        assert set(memberships.scalars()) == {company.organization_id}


async def test_a_session_by_a_provider_reaches_nothing_of_the_person_s_account(
    company: Company, other_company: Company
) -> None:
    """Ada has a password and a session here; the other organization's provider signs in as Ada there."""
    _, ada = await company.tenant.member("ada@example.com")
    thief = company.tenant.browser()
    assert (await other_company.sign_in(thief)).status_code == 303

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


async def test_who_has_a_password_sees_and_ends_the_sessions_that_their_company_s_provider_opened(
    company: Company,
) -> None:
    """The other way round it is not so: what a company vouches for reaches nothing of the person's account."""
    _, ada = await company.tenant.member("ada@example.com")
    theirs, gone = company.tenant.browser(), company.tenant.browser()
    assert (await company.sign_in(theirs)).status_code == 303
    assert (await company.sign_in(gone)).status_code == 303
    far_id = (await gone.session())["session_id"]

    listed = (await ada.get("/api/sessions")).json()["items"]
    of_theirs = (await theirs.get("/api/sessions")).json()["items"]
    ended = await ada.change("DELETE", f"/api/sessions/{far_id}")

    assert (len(listed), len(of_theirs)) == (3, 2)
    assert ended.status_code == 204
    assert (await gone.get("/api/session")).status_code == 401
    assert (await theirs.get("/api/session")).status_code == 200


async def test_a_new_password_ends_the_sessions_that_a_provider_opened_too(company: Company) -> None:
    _, ada = await company.tenant.member("ada@example.com")
    theirs, others = company.tenant.browser(), await company.tenant.signed_in()
    assert (await company.sign_in(theirs)).status_code == 303

    passwords = {"current_password": PASSWORD, "new_password": "another way to the harbour"}
    answer = await ada.change("PUT", "/api/session/password", json=passwords)

    assert answer.status_code == 204, answer.text
    assert (await theirs.get("/api/session")).status_code == 401
    assert (await ada.get("/api/session")).status_code == 200
    assert (await others.get("/api/session")).status_code == 200


async def test_a_changed_role_is_felt_by_a_session_that_a_provider_opened(company: Company) -> None:
    user, _ = await company.tenant.member("ada@example.com", role="manager")
    theirs = company.tenant.browser()
    assert (await company.sign_in(theirs)).status_code == 303
    assert "book" in (await theirs.session())["rights"]

    await company.tenant.api().patch(f"/v1/users/{user['id']}", json={"role": "viewer"})

    assert "book" not in (await theirs.session())["rights"]


async def test_an_answer_of_one_organization_s_provider_is_not_taken_at_another_s_address(
    company: Company, other_company: Company
) -> None:
    await company.tenant.invited("ada@example.com")
    browser = company.tenant.browser()
    query = await other_company.begin(browser)
    returned = query_of(other_company.provider.send_back(query))

    answer = await browser.get(f"{company.address}/callback?{urlencode(returned)}")

    assert answer.status_code == 401
    assert company.provider.asked.count("token") == other_company.provider.asked.count("token") == 0


async def test_an_answer_that_names_another_issuer_is_refused_before_its_code_is_sent_anywhere(
    company: Company, other_company: Company
) -> None:
    browser = company.tenant.browser()
    query = await company.begin(browser)

    answer = await company.come_back(browser, query, iss=other_company.provider.issuer)

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
