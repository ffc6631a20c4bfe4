"""What costs much is limited per organization: one that asks too often is told when to come back, others are answered."""

from uuid import uuid4

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
