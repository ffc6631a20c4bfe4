"""A feed that is read too often is refused for a while, before its calendar is written; others are read as ever."""

import pytest
from calendar_tenant import Tenant

from slotstream_servicekit.http.limits import RateLimits
from slotstream_servicekit.settings import Rate

pytestmark = pytest.mark.service


def path_of(feed: dict[str, str]) -> str:
    return feed["url"].removeprefix("https://sync.example.com")


async def test_a_feed_that_is_read_too_often_says_when_to_come_again_and_no_other_does(tenant: Tenant) -> None:
    now = 0.0
    tenant.app.state.rate_limits = RateLimits({"feed": Rate(per_minute=60, burst=2)}, clock=lambda: now)
    feed, other = await tenant.a_feed(), await tenant.a_feed(name="Another")
    first = await tenant.anonymous.get(path_of(feed))
    again = await tenant.anonymous.head(path_of(feed), headers={"If-None-Match": first.headers["etag"]})
    refused = await tenant.anonymous.get(path_of(feed))

    assert (first.status_code, again.status_code) == (200, 304)
    assert first.headers["ratelimit-policy"] == '"feed";q=2;w=2'
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1
    assert (await tenant.anonymous.get(path_of(other))).status_code == 200
    now = float(refused.headers["retry-after"])
    assert (await tenant.anonymous.get(path_of(feed))).status_code == 200


async def test_a_feed_has_a_limit_by_itself_which_an_operator_may_lift(tenant: Tenant) -> None:
    feed = await tenant.a_feed()
    assert "ratelimit" in (await tenant.anonymous.get(path_of(feed))).headers
    tenant.app.state.rate_limits = RateLimits({"feed": Rate(per_minute=0, burst=1)})
    answers = [await tenant.anonymous.get(path_of(feed)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
