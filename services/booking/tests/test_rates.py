"""What costs much is limited per organization: one that asks too often is told when to come back, others are answered."""

from uuid import UUID, uuid4

import httpx2
import pytest
from booking_fixtures import Tenant

from slotstream_servicekit.http.limits import RateLimits
from slotstream_servicekit.settings import Rate

pytestmark = pytest.mark.service

MARCH = "from=2027-03-01T00:00:00Z&to=2027-04-01T00:00:00Z"


@pytest.mark.parametrize(
    ("kind", "method", "path"),
    [
        ("exports", "GET", "/v1/appointments/export"),
        *(
            ("reports", "GET", f"/v1/reports/{report}?{MARCH}")
            for report in ("no-shows", "volume", "revenue", "utilisation", "follow-ups")
        ),
        ("holds", "POST", "/v1/holds"),
        ("bookings", "POST", "/v1/appointments"),
        ("bookings", "POST", f"/v1/appointments/{UUID(int=7)}/reschedule"),
        ("series", "POST", "/v1/series"),
    ],
)
async def test_an_organization_that_asks_too_often_is_told_when_to_come_again(
    tenant: Tenant, kind: str, method: str, path: str
) -> None:
    tenant.app.state.rate_limits = RateLimits({kind: Rate(per_minute=60, burst=2)}, clock=lambda: 0.0)
    body = {"business_id": tenant.business["id"], "service_id": tenant.service["id"], "starts_at": tenant.at(9)}
    others = await tenant.client_as(organization=uuid4())

    async def asked(by: httpx2.AsyncClient | None = None) -> int:
        answer = await (by or tenant.api).request(method, path, json=body if method == "POST" else None)
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.json()["code"] == "rate_limited"
        return int(answer.status_code)

    assert 429 not in [await asked(), await asked()]
    assert await asked() == 429
    assert await asked(others) != 429


async def test_a_booking_that_came_too_soon_changes_nothing_and_is_made_under_its_key_later(tenant: Tenant) -> None:
    now = 0.0
    tenant.app.state.rate_limits = RateLimits({"bookings": Rate(per_minute=60, burst=1)}, clock=lambda: now)
    path, early, later = "/v1/appointments", tenant.request(tenant.at(9)), tenant.request(tenant.at(11))
    first = await tenant.api.post(path, json=early)
    assert (first.status_code, first.headers["ratelimit-policy"]) == (201, '"bookings";q=1;w=1')
    headers = {"Idempotency-Key": "once"}

    refused = await tenant.api.post(path, json=later, headers=headers)
    assert (refused.status_code, refused.json()["code"], refused.headers["ratelimit"]) == (
        429,
        "rate_limited",
        '"bookings";r=0;t=1',
    )
    assert [each["id"] for each in (await tenant.get(path))["items"]] == [first.json()["id"]]

    now += 1
    assert (await tenant.api.post(path, json=later, headers=headers)).status_code == 201


async def test_an_installation_may_do_without_a_limit_of_bookings(tenant: Tenant) -> None:
    tenant.app.state.rate_limits = RateLimits({"bookings": Rate(per_minute=0, burst=1)}, clock=lambda: 0.0)

    answers = [await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(hour))) for hour in (9, 10, 11)]

    assert {answer.status_code for answer in answers} == {201}
    assert "ratelimit" not in answers[0].headers
