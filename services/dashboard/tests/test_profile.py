"""What people change of themselves: name, language, password."""

from datetime import timedelta

import pytest
from dashboard_tenant import OWNER, PASSWORD, Tenant

pytestmark = pytest.mark.service

NEW_PASSWORD = "another way to the harbour"
PASSWORDS = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}


async def test_a_name_and_a_language_are_ones_own_to_change_and_role_and_limits_are_not(tenant: Tenant) -> None:
    user, browser = await tenant.member()

    changed = await browser.change("PATCH", "/api/session/user", json={"name": "Ada L.", "locale": "de"})
    raised = await browser.change("PATCH", "/api/session/user", json={"role": "owner"})

    assert (changed.status_code, changed.json()["name"], changed.json()["locale"]) == (200, "Ada L.", "de")
    assert raised.status_code == 422
    shown = (await browser.session())["user"]
    assert (shown["name"], shown["locale"], shown["role"]) == ("Ada L.", "de", "staff")
    listed = (await tenant.api().get(f"/v1/users/{user['id']}")).json()
    assert (listed["name"], listed["version"]) > (user["name"], user["version"])


@pytest.mark.parametrize("name", ["", "A\x00da", "A\nda", "x" * 300])
async def test_a_name_that_cannot_be_one_changes_nothing(tenant: Tenant, name: str) -> None:
    _, browser = await tenant.member()

    refused = await browser.change("PATCH", "/api/session/user", json={"name": name})

    assert refused.status_code == 422
    assert (await browser.session())["user"]["name"] == "Ada"


async def test_a_new_password_signs_out_every_other_browser_and_a_mail_tells_of_it(tenant: Tenant) -> None:
    here, there = await tenant.signed_in(), await tenant.signed_in()

    answer = await here.change("PUT", "/api/session/password", json=PASSWORDS)

    assert answer.status_code == 204
    assert (await here.get("/api/session")).status_code == 200
    assert (await there.get("/api/session")).status_code == 401
    assert (await tenant.browser().sign_in()).status_code == 401
    assert (await tenant.browser().sign_in(password=NEW_PASSWORD)).status_code == 303
    await tenant.mailer.send_due()
    assert tenant.mails.caught[-1].recipient == OWNER
    entries = (await tenant.api().get("/v1/audit")).json()["items"]
    assert "password_set" in [entry["action"] for entry in entries]


async def test_a_reset_link_that_was_asked_for_before_is_dead_after_a_new_password(tenant: Tenant) -> None:
    await tenant.browser().submit("/reset", email=OWNER)
    await tenant.mailer.send_due()
    link = tenant.mails.caught[-1].link
    browser = await tenant.signed_in()

    await browser.change("PUT", "/api/session/password", json=PASSWORDS)

    assert (await tenant.browser().submit(link, password="a third way to the harbour")).status_code == 404


async def test_without_the_present_password_nothing_changes_and_guessing_is_slowed_down(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    wrong = {**PASSWORDS, "current_password": "not the way to the harbour"}

    refused = await browser.change("PUT", "/api/session/password", json=wrong)
    guesses = [(await browser.change("PUT", "/api/session/password", json=wrong)) for _ in range(12)]
    right_too_soon = await browser.change("PUT", "/api/session/password", json=PASSWORDS)

    assert (refused.status_code, refused.json()["code"]) == (422, "password_refused")
    assert guesses[-1].status_code == right_too_soon.status_code == 429
    assert int(right_too_soon.headers["retry-after"]) > 0
    assert (await tenant.browser().sign_in()).status_code == 303, "guessing here does not keep anybody from signing in"
    tenant.pass_time(timedelta(hours=1))
    assert (await browser.change("PUT", "/api/session/password", json=PASSWORDS)).status_code == 204


async def test_a_weak_new_password_is_refused_and_says_why(tenant: Tenant) -> None:
    browser = await tenant.signed_in()

    refused = await browser.change("PUT", "/api/session/password", json={**PASSWORDS, "new_password": "password123"})

    assert (refused.status_code, refused.json()["code"]) == (422, "password_too_weak")
    assert (await tenant.browser().sign_in()).status_code == 303


async def test_another_site_changes_neither_password_nor_name(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    elsewhere = {"Sec-Fetch-Site": "cross-site"}

    password = await browser.change("PUT", "/api/session/password", json=PASSWORDS, headers=elsewhere)
    name = await browser.change("PATCH", "/api/session/user", json={"name": "Eve"}, headers=elsewhere)

    assert (password.status_code, name.status_code) == (403, 403)
    assert (await tenant.browser().sign_in()).status_code == 303
