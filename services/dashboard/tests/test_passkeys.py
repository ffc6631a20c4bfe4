"""Passkeys: who may add one, what signing in with one takes, and what is refused."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from dashboard_tenant import OWNER, PASSWORD, Browser, Tenant
from passkey_device import ATTESTED, PRESENT, VERIFIED, Device
from sqlalchemy import text

from dashboard.adapters.base64url import text_of

pytestmark = pytest.mark.service


async def a_passkey(browser: Browser, device: Device | None = None, *, name: str = "Laptop") -> Device:
    device = device or Device()
    options = await browser.change("POST", "/api/passkeys/options")
    assert options.status_code == 200, options.text
    added = await browser.change("POST", "/api/passkeys", json=device.make(options.json(), name=name))
    assert added.status_code == 201, added.text
    return device


async def a_challenge(browser: Browser) -> str:
    answer = await browser.http.post("/sign-in/passkey/challenge", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["challenge"])


async def sign_in_with(browser: Browser, device: Device, **wrong: Any) -> httpx2.Response:
    return await browser.submit("/sign-in/passkey", **device.use(await a_challenge(browser), **wrong))


async def actions(tenant: Tenant) -> list[str]:
    return [entry["action"] for entry in (await tenant.api().get("/v1/audit")).json()["items"]]


async def test_a_passkey_signs_in_without_an_address_and_leads_to_where_one_wanted_to_go(tenant: Tenant) -> None:
    device = await a_passkey(await tenant.signed_in())
    browser = tenant.browser()

    fields = device.use(await a_challenge(browser))
    answer = await browser.submit("/sign-in/passkey", next="/calendar/day/2027-06-15", **fields)

    assert (answer.status_code, answer.headers["location"]) == (303, "/calendar/day/2027-06-15")
    assert (await browser.session())["user"]["email"] == OWNER
    newest = (await tenant.api().get("/v1/audit")).json()["items"][0]
    assert (newest["action"], newest["details"]) == ("signed_in", {"how": "passkey"})


async def test_passkeys_are_listed_with_their_last_use_and_removed_for_good(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    device = await a_passkey(browser, name="Phone")
    assert (await sign_in_with(tenant.browser(), device)).status_code == 303

    [listed] = (await browser.get("/api/passkeys")).json()["items"]
    removed = await browser.change("DELETE", f"/api/passkeys/{listed['id']}")
    again = await browser.change("DELETE", f"/api/passkeys/{listed['id']}")

    assert (listed["name"], listed["last_used_at"]) == ("Phone", "2026-11-02T08:00:00Z")
    assert set(listed) == {"id", "name", "created_at", "last_used_at"}
    assert (removed.status_code, again.status_code) == (204, 404)
    assert (await browser.get("/api/passkeys")).json() == {"items": []}
    assert (await sign_in_with(tenant.browser(), device)).status_code == 401


async def test_adding_and_removing_are_audited_and_mailed(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    await a_passkey(browser)
    [listed] = (await browser.get("/api/passkeys")).json()["items"]
    await browser.change("DELETE", f"/api/passkeys/{listed['id']}")

    await tenant.mailer.send_due()

    subjects = {mail.subject for mail in tenant.mails.caught if mail.recipient == OWNER}
    assert {"A passkey was added", "A passkey was removed"} <= subjects
    assert (await actions(tenant))[:2] == ["passkey_removed", "passkey_added"]


async def test_it_is_added_only_a_short_while_after_signing_in(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    options = (await browser.change("POST", "/api/passkeys/options")).json()
    tenant.pass_time(timedelta(minutes=16))

    asked = await browser.change("POST", "/api/passkeys/options")
    added = await browser.change("POST", "/api/passkeys", json=Device().make(options))

    assert (asked.status_code, asked.json()["code"]) == (403, "recent_sign_in_required")
    assert (added.status_code, added.json()["code"]) == (403, "recent_sign_in_required")
    shown = await browser.get("/sign-in?again=1&next=/settings/profile")
    assert shown.status_code == 200
    assert (await browser.sign_in()).status_code == 303
    await a_passkey(browser)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://desk.example.com.evil.test"},
        {"origin": "http://desk.example.com"},
        {"host": "evil.test"},
        {"type": "webauthn.get"},
        {"flags": PRESENT | ATTESTED},
        {"flags": VERIFIED | ATTESTED},
        {"flags": PRESENT | VERIFIED},
    ],
    ids=str,
)
async def test_a_passkey_for_another_place_or_without_verification_is_not_added(
    tenant: Tenant, wrong: dict[str, Any]
) -> None:
    browser = await tenant.signed_in()
    options = (await browser.change("POST", "/api/passkeys/options")).json()

    answer = await browser.change("POST", "/api/passkeys", json=Device().make(options, **wrong))

    assert (answer.status_code, answer.json()["code"]) == (422, "passkey_invalid")
    assert (await browser.get("/api/passkeys")).json() == {"items": []}


@pytest.mark.parametrize("attestation", ["AAAA", "o2NmbXRkbm9uZQ", "_" * 16_384, "AA=A"])
async def test_bytes_that_are_no_attestation_are_refused(tenant: Tenant, attestation: str) -> None:
    browser = await tenant.signed_in()
    options = (await browser.change("POST", "/api/passkeys/options")).json()

    answer = await browser.change("POST", "/api/passkeys", json=Device().make(options) | {"attestation": attestation})

    assert answer.status_code == 422


async def test_a_challenge_for_adding_is_used_once_by_the_session_that_asked(tenant: Tenant) -> None:
    browser, other = await tenant.signed_in(), await tenant.signed_in()
    options = (await browser.change("POST", "/api/passkeys/options")).json()

    stolen = await other.change("POST", "/api/passkeys", json=Device().make(options))
    first = await browser.change("POST", "/api/passkeys", json=Device().make(options))
    second = await browser.change("POST", "/api/passkeys", json=Device().make(options))

    assert (stolen.status_code, first.status_code, second.status_code) == (422, 201, 422)


async def test_a_challenge_lasts_for_five_minutes(tenant: Tenant) -> None:
    signed_in = await tenant.signed_in()
    device = await a_passkey(signed_in)
    options = (await signed_in.change("POST", "/api/passkeys/options")).json()
    browser = tenant.browser()
    challenge = await a_challenge(browser)
    tenant.pass_time(timedelta(minutes=5))

    added = await signed_in.change("POST", "/api/passkeys", json=Device().make(options))
    answer = await browser.submit("/sign-in/passkey", **device.use(challenge))

    assert (added.status_code, answer.status_code) == (422, 401)


async def test_a_challenge_for_signing_in_is_used_once_and_by_the_browser_that_asked(tenant: Tenant) -> None:
    device = await a_passkey(await tenant.signed_in())
    browser, thief = tenant.browser(), tenant.browser()
    challenge = await a_challenge(browser)
    await a_challenge(thief)

    stolen = await thief.submit("/sign-in/passkey", **device.use(challenge))
    # The cookie is taken away by the answer: a thief who has kept it gains nothing.
    kept = browser.http.cookies.get("__Host-slotstream-passkey")
    first = await browser.submit("/sign-in/passkey", **device.use(challenge))
    assert kept is not None
    again = tenant.browser(Cookie=f"__Host-slotstream-passkey={kept}")
    second = await again.submit("/sign-in/passkey", **device.use(challenge))

    assert (stolen.status_code, first.status_code, second.status_code) == (401, 303, 401)


async def test_a_challenge_for_adding_signs_nobody_in(tenant: Tenant) -> None:
    signed_in = await tenant.signed_in()
    device = await a_passkey(signed_in)
    options = (await signed_in.change("POST", "/api/passkeys/options")).json()
    browser = tenant.browser(Cookie=f"__Host-slotstream-passkey={signed_in.cookie}")

    assert (await browser.submit("/sign-in/passkey", **device.use(options["challenge"]))).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://evil.test"},
        {"origin": "https://desk.example.com:8443"},
        {"host": "example.com"},
        {"type": "webauthn.create"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"user_handle": b""},
        {"user_handle": b"somebody else's"},
        {"key": Device().key},
        {"credential_id": b"an unknown credential"},
        {"credential_id": b"x" * 5_000},
    ],
    ids=lambda wrong: next(iter(wrong.items()))[0] + str(next(iter(wrong.values())))[:30],
)
async def test_whatever_is_wrong_is_refused_in_one_and_the_same_way(tenant: Tenant, wrong: dict[str, Any]) -> None:
    device = await a_passkey(await tenant.signed_in())
    unknown = await sign_in_with(tenant.browser(), Device(user_handle=b"nobody's"))

    answer = await sign_in_with(tenant.browser(), device, **wrong)

    assert answer.status_code == unknown.status_code == 401
    assert answer.text == unknown.text
    assert not answer.cookies.get("__Host-slotstream")


async def test_forms_without_a_passkey_are_refused_likewise(tenant: Tenant) -> None:
    browser = tenant.browser()
    bare = await browser.submit("/sign-in/passkey", next="/")
    await a_challenge(browser)
    odd = await browser.submit("/sign-in/passkey", credential_id="ü\x00", client_data="=", signature="-")

    assert (bare.status_code, odd.status_code) == (401, 401)
    assert bare.text == odd.text


async def test_a_count_that_goes_back_is_refused_and_audited(tenant: Tenant) -> None:
    device = await a_passkey(await tenant.signed_in())
    copy = replace(device)
    for _ in range(3):
        assert (await sign_in_with(tenant.browser(), device)).status_code == 303

    answer = await sign_in_with(tenant.browser(), copy)

    assert answer.status_code == 401
    assert "passkey_refused" in await actions(tenant)
    assert (await sign_in_with(tenant.browser(), device)).status_code == 303


async def test_a_device_that_does_not_count_signs_in_again_and_again(tenant: Tenant) -> None:
    device = await a_passkey(await tenant.signed_in(), Device(count=None))

    assert [(await sign_in_with(tenant.browser(), device)).status_code for _ in range(2)] == [303, 303]


async def test_a_device_that_has_counted_and_says_nought_is_refused(tenant: Tenant) -> None:
    device = await a_passkey(await tenant.signed_in(), Device(count=5))
    device.count = None

    assert (await sign_in_with(tenant.browser(), device)).status_code == 401


async def test_a_credential_belongs_to_one_account(tenant: Tenant) -> None:
    device = await a_passkey(await tenant.signed_in())
    _, ada = await tenant.member()
    options = (await ada.change("POST", "/api/passkeys/options")).json()
    stolen = Device(credential_id=device.credential_id)

    answer = await ada.change("POST", "/api/passkeys", json=stolen.make(options))

    assert (answer.status_code, answer.json()["code"]) == (409, "passkey_exists")
    browser = tenant.browser()
    assert (await sign_in_with(browser, device)).status_code == 303
    assert (await browser.session())["user"]["email"] == OWNER


async def test_nobody_lists_or_removes_the_passkeys_of_another(tenant: Tenant) -> None:
    owner = await tenant.signed_in()
    await a_passkey(owner)
    [listed] = (await owner.get("/api/passkeys")).json()["items"]
    _, ada = await tenant.member()

    removed = await ada.change("DELETE", f"/api/passkeys/{listed['id']}")

    assert removed.status_code == 404
    assert (await ada.get("/api/passkeys")).json() == {"items": []}
    assert (await tenant.browser().get("/api/passkeys")).status_code == 401


async def test_the_user_handle_is_random_and_one_for_all_passkeys_of_an_account(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    first = await a_passkey(browser)
    second = await a_passkey(browser)
    _, ada = await tenant.member()
    other = await a_passkey(ada)

    assert first.user_handle == second.user_handle != other.user_handle
    assert len(first.user_handle) == 32
    options = (await browser.change("POST", "/api/passkeys/options")).json()
    assert options["known_credential_ids"] == [text_of(first.credential_id), text_of(second.credential_id)]


async def test_there_is_an_end_to_the_number_of_passkeys(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    for _ in range(20):
        await a_passkey(browser)

    asked = await browser.change("POST", "/api/passkeys/options")

    assert (asked.status_code, asked.json()["code"]) == (409, "too_many_passkeys")


async def test_a_passkey_of_somebody_who_was_deactivated_or_removed_opens_nothing(tenant: Tenant) -> None:
    user, ada = await tenant.member()
    device = await a_passkey(ada)
    await tenant.api().patch(f"/v1/users/{user['id']}", json={"active": False})
    deactivated = await sign_in_with(tenant.browser(), device)
    await tenant.api().delete(f"/v1/users/{user['id']}")
    removed = await sign_in_with(tenant.browser(), device)

    assert (deactivated.status_code, removed.status_code) == (401, 401)
    async with tenant.database.system_transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM passkeys"))).scalar_one() == 0


async def test_a_password_chosen_by_a_mailed_link_removes_every_passkey_and_a_mail_tells_of_it(tenant: Tenant) -> None:
    device = await a_passkey(await tenant.signed_in())
    await tenant.browser().submit("/reset", email=OWNER)
    await tenant.mailer.send_due()
    link = next(mail for mail in tenant.mails.caught if "/reset/" in mail.text).link

    assert (await tenant.browser().submit(link, password="another way to the harbour")).status_code == 303

    assert (await sign_in_with(tenant.browser(), device)).status_code == 401
    await tenant.mailer.send_due()
    assert "A passkey was removed" in [mail.subject for mail in tenant.mails.caught]
    entries = (await tenant.api().get("/v1/audit")).json()["items"]
    [entry] = [entry for entry in entries if entry["action"] == "password_set"]
    assert entry["details"] == {"passkeys_removed": 1}


async def test_a_changed_password_leaves_passkeys_as_they_are(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    device = await a_passkey(browser)
    passwords = {"current_password": PASSWORD, "new_password": "another way to the harbour"}

    assert (await browser.change("PUT", "/api/session/password", json=passwords)).status_code == 204

    assert (await sign_in_with(tenant.browser(), device)).status_code == 303


async def test_a_session_that_the_browser_had_ends_with_a_sign_in_by_passkey(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    device = await a_passkey(browser)
    planted = browser.cookie

    assert (await sign_in_with(browser, device)).status_code == 303

    assert browser.cookie != planted
    assert (await tenant.browser(Cookie=f"__Host-slotstream={planted}").get("/api/session")).status_code == 401


async def test_guessing_with_one_credential_is_slowed_down(tenant: Tenant) -> None:
    device = await a_passkey(await tenant.signed_in())
    browser = tenant.browser()
    guesses = [await sign_in_with(browser, device, key=Device().key) for _ in range(7)]

    delayed = await sign_in_with(browser, device)

    assert [answer.status_code for answer in guesses[:5]] == [401] * 5
    assert delayed.status_code == 429
    tenant.pass_time(timedelta(minutes=1))
    assert (await sign_in_with(browser, device)).status_code == 303


async def test_challenges_and_attempts_count_in_the_limit_of_an_address(tenant: Tenant) -> None:
    browser = tenant.browser()
    headers = {"Sec-Fetch-Site": "same-origin"}
    answers = [(await browser.http.post("/sign-in/passkey/challenge", headers=headers)) for _ in range(61)]

    assert answers[-1].status_code == 429
    assert (await browser.sign_in()).status_code == 429


async def test_another_site_gets_no_challenge_signs_nobody_in_and_adds_nothing(tenant: Tenant) -> None:
    signed_in = await tenant.signed_in()
    device = await a_passkey(signed_in)
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    browser = tenant.browser()
    asked = await browser.http.post("/sign-in/passkey/challenge", headers=elsewhere)
    challenge = await a_challenge(browser)

    answer = await browser.submit("/sign-in/passkey", site="cross-site", **device.use(challenge))
    added = await signed_in.change("POST", "/api/passkeys/options", headers=elsewhere)

    assert (asked.status_code, answer.status_code, added.status_code) == (403, 403, 403)


async def test_a_failed_attempt_with_a_known_passkey_is_in_the_audit_trail(tenant: Tenant) -> None:
    device = await a_passkey(await tenant.signed_in())

    await sign_in_with(tenant.browser(), device, key=Device().key)

    assert (await actions(tenant))[0] == "sign_in_failed"


@pytest.mark.parametrize("name", ["", "\x00", "x" * 300])
async def test_a_name_that_cannot_be_one_adds_nothing(tenant: Tenant, name: str) -> None:
    browser = await tenant.signed_in()
    options = (await browser.change("POST", "/api/passkeys/options")).json()

    answer = await browser.change("POST", "/api/passkeys", json=Device().make(options, name=name))

    assert answer.status_code == 422


async def test_the_page_has_the_button_and_its_script_and_works_without_it(tenant: Tenant) -> None:
    page = await tenant.browser().get("/sign-in")
    script = page.text.partition('<script type="module" src="')[2].partition('"')[0]

    answer = await tenant.browser().get(script)

    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert 'id="passkey" hidden' in page.text
    assert "innerHTML" not in answer.text
    assert "require-trusted-types-for 'script'" in page.headers["content-security-policy"]
