"""Sessions: planted, listed, ended, outlived; and how soon a change of rights is felt."""

import asyncio
from datetime import datetime, timedelta

import pytest
from dashboard_tenant import OWNER, PASSWORD, Tenant
from sqlalchemy import text

from dashboard.api.sessions_memory import SessionMemory
from dashboard.domain.sessions import SignedIn

pytestmark = pytest.mark.service


async def test_a_planted_session_is_worth_nothing_after_signing_in(tenant: Tenant) -> None:
    attacker = await tenant.signed_in()
    planted = str(attacker.cookie)
    victim = tenant.browser()
    victim.http.cookies.set("__Host-slotstream", planted, domain="desk.example.com", path="/")

    await victim.submit("/sign-in", email=OWNER, password=PASSWORD, next="/calendar")

    cookies = {cookie.value for cookie in victim.http.cookies.jar if cookie.name == "__Host-slotstream"}
    assert len(cookies - {planted}) == 1
    tenant.pass_time(timedelta(seconds=6))
    assert (await attacker.get("/api/session")).status_code == 401


async def test_a_made_up_cookie_is_nobodys_and_signing_in_gives_another(tenant: Tenant) -> None:
    browser = tenant.browser(Cookie="__Host-slotstream=chosen-by-somebody-else")

    assert (await browser.get("/api/session")).status_code == 401
    answer = await browser.sign_in()

    assert "chosen-by-somebody-else" not in answer.headers["set-cookie"]


async def test_two_cookies_of_one_name_are_nobodys(tenant: Tenant) -> None:
    secret = (await tenant.signed_in()).cookie
    doubled = tenant.browser(Cookie=f"__Host-slotstream={secret}; __Host-slotstream=another")

    assert (await doubled.get("/api/session")).status_code == 401


async def test_signing_out_ends_the_session_on_the_server(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    secret = str(browser.cookie)
    token = (await browser.session())["csrf_token"]

    answer = await browser.submit("/sign-out", csrf_token=token)

    assert answer.headers["location"] == "/sign-in?notice=signed_out&lang=en"
    stolen = tenant.browser(Cookie=f"__Host-slotstream={secret}")
    assert (await stolen.get("/api/session")).status_code == 401


async def test_sessions_are_listed_and_ended_by_whose_they_are(tenant: Tenant) -> None:
    here, there = await tenant.signed_in(), await tenant.signed_in()
    _, other = await tenant.member("ada@example.com")

    listed = (await here.get("/api/sessions")).json()["items"]
    of_others = (await other.get("/api/sessions")).json()["items"]
    far_id = (await there.session())["session_id"]
    far = next(session for session in listed if session["id"] == far_id)
    foreign = await other.change("DELETE", f"/api/sessions/{far['id']}")
    ended = await here.change("DELETE", f"/api/sessions/{far['id']}")

    # The third is the one that was opened when the owner chose a password.
    assert (len(listed), len(of_others)) == (3, 1)
    assert sum(session["current"] for session in listed) == 1
    assert (foreign.status_code, ended.status_code) == (404, 204)
    assert (await there.get("/api/session")).status_code == 401
    assert (await here.get("/api/session")).status_code == 200


async def test_all_others_can_be_ended_at_once(tenant: Tenant) -> None:
    here, there = await tenant.signed_in(), await tenant.signed_in()

    assert (await here.change("DELETE", "/api/sessions")).status_code == 204

    assert (await there.get("/api/session")).status_code == 401
    assert len((await here.get("/api/sessions")).json()["items"]) == 1


async def test_a_session_ends_when_it_is_not_used_and_at_the_latest_after_two_weeks(tenant: Tenant) -> None:
    idle, used = await tenant.signed_in(), await tenant.signed_in()
    for _ in range(13):
        tenant.pass_time(timedelta(hours=1))
        assert (await used.get("/api/session")).status_code == 200
    assert (await idle.get("/api/session")).status_code == 401
    for _ in range(33):
        tenant.pass_time(timedelta(hours=10))
        last = await used.get("/api/session")

    assert last.status_code == 401


async def test_a_changed_role_is_seen_at_once_and_a_deactivated_user_is_out(tenant: Tenant) -> None:
    user, browser = await tenant.member(role="manager")
    path = f"/v1/users/{user['id']}"

    assert (await browser.session())["user"]["role"] == "manager"
    await tenant.api().patch(path, json={"role": "viewer"})
    session = await browser.session()
    await tenant.api().patch(path, json={"active": False})
    after = await browser.get("/api/session")
    await tenant.api().patch(path, json={"active": True})

    assert session["user"]["role"] == "viewer"
    assert "book" not in session["rights"]
    assert after.status_code == 401
    # The session ended for good: being active again means signing in again.
    assert (await browser.get("/api/session")).status_code == 401
    assert (await tenant.browser().sign_in("ada@example.com")).status_code == 303


async def test_another_process_follows_within_the_time_that_a_session_is_remembered(tenant: Tenant) -> None:
    user, browser = await tenant.member(role="manager")
    await browser.session()
    async with tenant.database.transaction(tenant.organization_id) as session:
        await session.execute(text("UPDATE users SET role = 'viewer', version = version + 1 WHERE name = 'Ada'"))

    before = (await browser.session())["user"]["role"]
    tenant.pass_time(timedelta(seconds=6))

    assert before == "manager"
    assert (await browser.session())["user"]["role"] == "viewer"
    assert user["role"] == "manager"


async def test_a_session_that_was_read_while_it_ended_is_not_remembered(tenant: Tenant) -> None:
    """Somebody signs out between another request's reading of the session and its remembering it."""
    browser = await tenant.signed_in()
    memory = tenant.app.state.dependencies.sessions
    memory.forget()
    read, ended = asyncio.Event(), asyncio.Event()

    class Slow(SessionMemory):
        async def _read(self, secret: str, now: datetime) -> SignedIn | None:
            found = await super()._read(secret, now)
            read.set()
            await ended.wait()
            return found

    memory.__class__ = Slow
    reading = asyncio.ensure_future(memory.find(browser.cookie))
    await asyncio.wait_for(read.wait(), 60)
    memory.__class__ = SessionMemory
    signed_out = await browser.change("DELETE", "/api/session")
    ended.set()

    assert (signed_out.status_code, (await reading) is None) == (204, False)
    assert await memory.find(browser.cookie) is None


async def test_a_change_needs_this_origin_and_the_sessions_token(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    right = (await browser.session())["csrf_token"]
    refused: list[dict[str, str]] = [
        {},
        {"X-CSRF-Token": right},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": "wrong"},
        {"Sec-Fetch-Site": "cross-site", "X-CSRF-Token": right},
        {"Sec-Fetch-Site": "same-site", "X-CSRF-Token": right, "Origin": "https://desk.example.com"},
        {"Origin": "null", "X-CSRF-Token": right},
        {"Origin": "https://evil.example.com", "X-CSRF-Token": right},
        {"Origin": "https://desk.example.com.evil.test", "X-CSRF-Token": right},
    ]
    for headers in refused:
        answer = await browser.http.delete("/api/sessions", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_request"), headers


async def test_a_browser_without_fetch_metadata_is_known_by_its_origin(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    token = (await browser.session())["csrf_token"]

    headers = {"Origin": "https://desk.example.com", "X-CSRF-Token": token}

    assert (await browser.http.delete("/api/sessions", headers=headers)).status_code == 204


async def test_a_token_of_another_session_is_not_this_ones(tenant: Tenant) -> None:
    browser, other = await tenant.signed_in(), await tenant.signed_in()
    headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": (await other.session())["csrf_token"]}

    assert (await browser.http.delete("/api/sessions", headers=headers)).status_code == 403


async def test_another_sites_form_does_nothing(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    for path in ("/sign-in", "/reset", "/sign-out"):
        answer = await browser.submit(
            path, site="cross-site", origin="https://evil.example.com", email=OWNER, password=PASSWORD
        )

        assert answer.status_code == 403, path
        assert "set-cookie" not in answer.headers
        assert (await browser.get("/api/session")).status_code == 200
    await tenant.mailer.send_due()
    assert tenant.mails.caught == []
