"""One origin: what reaches a service, what comes back, and who is let through."""

from datetime import timedelta
from uuid import uuid4

import pytest
from dashboard_tenant import Tenant

pytestmark = pytest.mark.service


async def test_a_session_becomes_a_token_and_no_cookie_goes_on(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    answer = await browser.get(
        "/api/booking/v1/appointments?status=scheduled&q=M%C3%BCller%20%26&q=b",
        **{"X-Forwarded-For": "1.2.3.4", "X-Custom": "x", "Accept-Language": "de", "Connection": "keep-alive"},
    )
    sent = tenant.upstream.last

    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert str(sent.url) == "http://booking.test:8001/v1/appointments?status=scheduled&q=M%C3%BCller%20%26&q=b"
    assert sent.headers["authorization"].startswith("Bearer ey")
    assert sent.headers["accept-language"] == "de"
    assert sent.headers["traceparent"].split("-")[1] == answer.headers["traceparent"].split("-")[1]
    assert not {"cookie", "x-forwarded-for", "x-custom", "x-csrf-token", "sec-fetch-site"} & set(sent.headers)


async def test_the_answer_arrives_as_the_service_gave_it(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    tenant.upstream.status = 409
    tenant.upstream.content = b'{"code":"slot_taken","reasons":[{"code":"slot_taken"}],"status":409}'
    tenant.upstream.headers = {
        "Content-Type": "application/problem+json",
        "ETag": '"7"',
        "Retry-After": "3",
        "Idempotency-Replayed": "true",
        "Location": "/v1/appointments/1",
        "Slotstream-Stale": "true",
        "RateLimit": '"slots";r=1;t=1',
        "Set-Cookie": "planted=1",
        "Server": "secret/1.0",
        "Access-Control-Allow-Origin": "*",
        "X-Powered-By": "snake",
    }

    answer = await browser.change(
        "POST", "/api/booking/v1/appointments", json={"a": 1}, headers={"Idempotency-Key": "k", "If-Match": '"6"'}
    )

    assert (answer.status_code, answer.content) == (409, tenant.upstream.content)
    for name in ("content-type", "etag", "retry-after", "idempotency-replayed", "slotstream-stale"):
        assert answer.headers[name] == {key.lower(): value for key, value in tenant.upstream.headers.items()}[name]
    assert answer.headers["location"] == "/api/booking/v1/appointments/1"
    assert len(answer.headers.get_list("ratelimit")) == 2
    assert not {"set-cookie", "server", "access-control-allow-origin", "x-powered-by"} & set(answer.headers)
    sent = tenant.upstream.last
    assert (sent.headers["idempotency-key"], sent.headers["if-match"]) == ("k", '"6"')
    assert tenant.upstream.bodies[-1] in (b'{"a":1}', b'{"a": 1}')


async def test_nobody_is_let_through_without_a_session_or_a_token(tenant: Tenant) -> None:
    answers = [
        await tenant.browser().get("/api/booking/v1/appointments"),
        await tenant.browser(Authorization="Bearer nonsense").get("/api/booking/v1/appointments"),
        await tenant.browser(Authorization="Basic b3duZXI6eA==").get("/api/booking/v1/appointments"),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}
    assert tenant.upstream.requests == []


async def test_a_providers_call_reaches_the_service_with_its_signature_and_without_a_token(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    path = "/api/notifications/v1/providers/twilio/sms-status?message=1&note=it%27s+here"
    headers = {"X-Twilio-Signature": "sig=", "Content-Type": "application/x-www-form-urlencoded", "X-Other": "1"}
    answer = await browser.http.post(path, content=b"A=&B=%2B1", headers=headers)
    sent = tenant.upstream.last

    assert answer.status_code == 200
    assert sent.url.raw_path == b"/v1/providers/twilio/sms-status?message=1&note=it%27s+here"
    assert (tenant.upstream.bodies[-1], sent.headers["x-twilio-signature"]) == (b"A=&B=%2B1", "sig=")
    assert not {"authorization", "cookie", "x-other"} & set(sent.headers)
    assert (await browser.http.post(path, content=b"x" * 65_537, headers=headers)).status_code == 413


async def test_a_mail_server_hands_in_long_mails_with_the_services_secret(tenant: Tenant) -> None:
    """The secret is the service's to judge: nobody's session or token."""
    browser = await tenant.signed_in()
    headers = {"Authorization": "Bearer of-the-mail-server", "Content-Type": "message/rfc822"}
    path = "/api/notifications/v1/providers/mail/inbound"
    answer = await browser.http.post(path, content=b"x" * 90_000, headers=headers)
    sent = tenant.upstream.last

    assert (answer.status_code, len(tenant.upstream.bodies[-1])) == (200, 90_000)
    assert (sent.headers["authorization"], sent.headers["content-type"]) == (
        "Bearer of-the-mail-server",
        "message/rfc822",
    )
    assert "cookie" not in sent.headers
    assert (await browser.http.post(path, content=b"x" * 100_001, headers=headers)).status_code == 413


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/notifications/v1/providers/twilio/sms-status"),
        ("GET", "/api/notifications/v1/providers/mail/inbound"),
        ("POST", "/api/booking/v1/providers/mail/inbound"),
        ("POST", "/api/booking/v1/providers/twilio/sms-status"),
        ("POST", "/api/notifications/v1/providers/twilio/sms-status/more"),
        ("POST", "/api/notifications/v1/providers/../messages"),
        ("POST", "/api/notifications/v1/providers/twilio/%2e%2e"),
        ("POST", "/api/notifications/v1/messages"),
    ],
)
async def test_the_providers_door_leads_nowhere_else(tenant: Tenant, method: str, path: str) -> None:
    answer = await tenant.browser().http.request(method, path, headers={"X-Twilio-Signature": "x"})
    assert answer.status_code in (401, 404)
    assert tenant.upstream.requests == []


async def test_a_program_is_let_through_by_its_own_token_and_its_cookie_counts_for_nothing(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    token = tenant.signer.token(organization_id=uuid4(), role="agent", now=tenant.now)

    answer = await browser.http.post(
        "/api/booking/v1/holds", json={}, headers={"Authorization": f"Bearer {token}", "Slotstream-Call-Id": "call-1"}
    )

    assert answer.status_code == 200
    assert tenant.upstream.last.headers["authorization"] == f"Bearer {token}"
    assert tenant.upstream.last.headers["slotstream-call-id"] == "call-1"


async def test_a_page_of_another_site_changes_nothing(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example.com"}, {"Origin": "null"}):
        answer = await browser.http.post("/api/booking/v1/appointments", json={}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_request")

    assert tenant.upstream.requests == []


async def test_paths_that_say_two_things_or_lead_out_of_the_api_lead_nowhere(tenant: Tenant) -> None:
    api = tenant.api()
    for path in (
        "/api/booking/metrics",
        "/api/booking/v1/../metrics",
        "/api/booking/v1/%2e%2e/metrics",
        "/api/booking/v1/..%2fmetrics",
        "/api/booking/v1/a%5cb",
        "/api/booking/v1/a%00",
        "/api/booking//v1/appointments",
        "/api/booking/v1//evil.test/",
        "/api/booking/v2/appointments",
        "/api/booking@evil.test/v1/x",
        "/api/evil.test/v1/x",
        "/api/BOOKING/v1/x",
        "/api/booking/v1",
        "/api/",
        "/api",
    ):
        request = api.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = await api.send(request)
        assert answer.status_code == 404, path

    assert tenant.upstream.requests == []


async def test_a_service_that_does_not_answer_is_told_as_such(tenant: Tenant) -> None:
    tenant.upstream.is_down = True

    answer = await (await tenant.signed_in()).get("/api/booking/v1/appointments")

    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
    assert "retry-after" in answer.headers


async def test_a_body_that_is_too_long_is_refused_whether_it_says_so_or_not(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    token = (await browser.session())["csrf_token"]
    headers = {"X-CSRF-Token": token, "Sec-Fetch-Site": "same-origin", "Content-Type": "text/csv"}

    async def parts() -> "object":
        for _ in range(11):
            yield b"x" * 10_000

    declared = await browser.http.post("/api/booking/v1/files", content=b"x" * 100_001, headers=headers)
    undeclared = await browser.http.post("/api/booking/v1/files", content=parts(), headers=headers)  # type: ignore[arg-type]
    fitting = await browser.http.post("/api/booking/v1/files", content=b"x" * 100_000, headers=headers)

    assert [answer.status_code for answer in (declared, undeclared, fitting)] == [413, 413, 200]
    assert len(tenant.upstream.bodies[-1]) == 100_000


async def test_a_session_and_a_program_are_limited_each_by_itself(tenant: Tenant) -> None:
    here, there = await tenant.signed_in(), await tenant.signed_in()
    answers = [await here.get("/api/booking/v1/appointments") for _ in range(tenant.settings.session_rate.burst + 1)]

    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[0].headers["ratelimit-policy"] == '"session";q=300;w=15'
    assert (await there.get("/api/booking/v1/appointments")).status_code == 200
    tenant.pass_time(timedelta(seconds=2))
    assert (await here.get("/api/booking/v1/appointments")).status_code == 200


async def test_our_own_api_is_one_of_the_services(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    invited = await browser.change(
        "POST",
        "/api/dashboard/v1/users",
        json={"email": "ada@example.com", "name": "Ada", "role": "staff"},
        headers={"Idempotency-Key": "k"},
    )
    listed = await browser.get("/api/dashboard/v1/users?limit=1")
    missing = await browser.get(f"/api/dashboard/v1/users/{uuid4()}")
    wrong = await browser.get("/api/dashboard/v1/users?nonsense=1")

    assert (invited.status_code, listed.status_code) == (201, 200)
    assert (missing.status_code, missing.json()["code"]) == (404, "user_not_found")
    assert wrong.status_code == 422
    _, staff = await tenant.member("bo@example.com", role="staff")
    assert (await staff.get("/api/dashboard/v1/users")).status_code == 403


async def test_a_demoted_users_next_request_carries_the_new_role_and_an_ended_sessions_none(tenant: Tenant) -> None:
    user, browser = await tenant.member(role="owner")
    assert (await browser.get("/api/dashboard/v1/users")).status_code == 200
    await tenant.api().patch(f"/v1/users/{user['id']}", json={"role": "viewer"})
    demoted = await browser.get("/api/dashboard/v1/users")
    await tenant.api().delete(f"/v1/users/{user['id']}")
    removed = await browser.get("/api/dashboard/v1/users")

    assert (demoted.status_code, removed.status_code) == (403, 401)
