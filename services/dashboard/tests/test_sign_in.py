"""Signing in by password: what works, what is refused, and that nobody is told or locked out by it."""

import asyncio
import re
from datetime import timedelta
from urllib.parse import urlencode

import httpx2
import pytest
from dashboard_tenant import OWNER, PASSWORD, Tenant
from sqlalchemy import event
from starlette.types import Message, Receive, Scope

pytestmark = pytest.mark.service


async def test_address_and_password_open_a_session_and_lead_to_where_one_wanted_to_go(tenant: Tenant) -> None:
    browser = tenant.browser()

    shown = await browser.get("/sign-in?next=/calendar/day/2027-06-15")
    answer = await browser.sign_in(next="/calendar/day/2027-06-15?staff=a%26b&q=%2B49")

    assert shown.status_code == 200
    assert answer.status_code == 303
    assert answer.headers["location"] == "/calendar/day/2027-06-15?staff=a%26b&q=%2B49"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-slotstream=")
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie
    session = await browser.session()
    assert session["user"]["email"] == OWNER
    assert session["user"]["role"] == "owner"
    assert session["organization"] == {"id": str(tenant.organization_id), "name": "Salon Nord"}
    assert "administer" in session["rights"]


async def test_an_address_is_one_whatever_its_case(tenant: Tenant) -> None:
    assert (await tenant.browser().sign_in("  OWNER@Example.COM ")).status_code == 303


async def test_what_does_not_fit_is_refused_in_one_and_the_same_way(tenant: Tenant) -> None:
    attempts = [
        ("somebody@example.com", "else"),
        (OWNER, "a wrong one"),
        (OWNER, ""),
        ("nobody@example.com", PASSWORD),
        ("", ""),
        ("owner@example.com\x00", PASSWORD),
        (OWNER, "x" * 5_000),
        ("x" * 300 + "@example.com", PASSWORD),
    ]
    answers = [await tenant.browser().sign_in(email, password) for email, password in attempts]

    assert {answer.status_code for answer in answers} == {401}
    assert len({message_of(answer.text) for answer in answers}) == 1
    assert not [answer for answer in answers if "set-cookie" in answer.headers]


def message_of(html: str) -> str:
    found = re.search(r'role="alert"[^>]*>([^<]+)<', html)
    assert found is not None, html
    return found[1]


async def test_known_and_unknown_addresses_get_the_same_answer_to_the_letter(tenant: Tenant) -> None:
    gone, _ = await tenant.member("gone@example.com")
    await tenant.api().patch(f"/v1/users/{gone['id']}", json={"active": False})
    attempts = [
        (OWNER, "wrong password"),
        ("nobody@example.com", "wrong password"),
        ("gone@example.com", "wrong password"),
        ("gone@example.com", PASSWORD),
    ]

    answers = [await tenant.browser().sign_in(email, password) for email, password in attempts]

    told = zip(answers, attempts, strict=True)
    assert len({answer.text.replace(email, "…") for answer, (email, _) in told}) == 1
    assert {answer.status_code for answer in answers} == {401}
    differing = {"traceparent", "ratelimit", "content-length"}
    assert len({frozenset(answer.headers.items() - differing_items(answer, differing)) for answer in answers}) == 1


def differing_items(answer: httpx2.Response, names: set[str]) -> set[tuple[str, str]]:
    return {(name, value) for name, value in answer.headers.items() if name in names}


async def test_the_same_work_is_done_for_a_known_and_an_unknown_address_before_the_answer(tenant: Tenant) -> None:
    dependencies = tenant.app.state.dependencies
    work: list[str] = []

    def on_statement(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        work.append(statement)

    async def on_send(message: Message) -> None:
        if message["type"] == "http.response.body":
            done.append(list(work))

    done: list[list[str]] = []
    verify = dependencies.hasher.verify

    async def verify_and_count(password: str, stored: str | None) -> bool:
        work.append("a password is verified")
        return await verify(password, stored)  # type: ignore[no-any-return]

    event.listen(dependencies.database.engine.sync_engine, "before_cursor_execute", on_statement)
    dependencies.hasher.verify = verify_and_count
    for email in (OWNER, "nobody@example.com"):
        work.clear()
        await tenant.app(*a_form("/sign-in", email=email, password="wrong password"), on_send)

    known, unknown = done[0], done[1]
    assert "a password is verified" in known
    assert known == unknown


def a_form(path: str, **fields: str) -> tuple[Scope, Receive]:
    """A browser's POST, so that a test sees what was done when the answer left."""
    body = urlencode(fields).encode()
    headers = [
        (b"host", b"desk.example.com"),
        (b"content-type", b"application/x-www-form-urlencoded"),
        (b"sec-fetch-site", b"same-origin"),
    ]
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": ("192.0.2.7", 1),
        "server": ("desk.example.com", 443),
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return scope, receive


async def test_a_guesser_is_slowed_down_and_the_owner_is_not_locked_out(tenant: Tenant) -> None:
    guesser = tenant.browser()
    statuses = [(await guesser.sign_in(OWNER, f"guess {number}")).status_code for number in range(8)]
    delayed = await guesser.sign_in()

    assert statuses[:5] == [401] * 5
    assert set(statuses[6:]) == {429}
    assert delayed.status_code == 429
    assert 1 <= int(delayed.headers["retry-after"]) <= 60
    elsewhere = tenant.browser()
    elsewhere.http._transport.client = ("198.51.100.9", 1)  # type: ignore[attr-defined]
    assert (await elsewhere.sign_in()).status_code == 303
    tenant.pass_time(timedelta(minutes=1))
    assert (await guesser.sign_in()).status_code == 303


async def test_an_unknown_address_is_slowed_down_just_the_same(tenant: Tenant) -> None:
    browser = tenant.browser()
    statuses = [(await browser.sign_in("nobody@example.com", "guess")).status_code for _ in range(8)]

    assert statuses[:5] == [401] * 5
    assert set(statuses[6:]) == {429}


async def test_guesses_sent_all_at_once_do_not_slip_through_together(tenant: Tenant) -> None:
    browser = tenant.browser()
    answers = await asyncio.gather(*(browser.sign_in(OWNER, f"guess {number}") for number in range(20)))

    assert sum(answer.status_code == 401 for answer in answers) <= 6


async def test_stuffing_many_accounts_from_one_address_meets_a_limit(tenant: Tenant) -> None:
    browser = tenant.browser()
    answers = [await browser.sign_in(f"person{number}@example.com", "123456") for number in range(70)]

    limited = [answer for answer in answers if answer.status_code == 429]
    assert len(limited) >= 5
    assert all("retry-after" in answer.headers and "ratelimit" in answer.headers for answer in limited)


async def test_failures_and_sign_ins_are_in_the_audit_trail_without_the_address_that_was_typed(tenant: Tenant) -> None:
    await tenant.browser().sign_in(OWNER, "wrong")
    await tenant.signed_in()

    entries = (await tenant.api().get("/v1/audit")).json()["items"]

    assert [entry["action"] for entry in entries][:2] == ["signed_in", "sign_in_failed"]
    assert OWNER not in str(entries)


async def test_a_wrong_form_is_told_so(tenant: Tenant) -> None:
    browser = tenant.browser()
    too_long = await browser.http.post(
        "/sign-in", data={"email": "x" * 20_000}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    as_json = await browser.http.post("/sign-in", json={"email": OWNER, "password": PASSWORD})

    crowded = await browser.submit("/sign-in", **{f"field{number}": "x" for number in range(60)})

    assert (too_long.status_code, as_json.status_code, crowded.status_code) == (413, 415, 400)
