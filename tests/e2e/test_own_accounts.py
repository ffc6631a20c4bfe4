"""Two organizations send by mail servers of their own, a third by the installation's, and a broken account harms nobody."""

from typing import Any

import httpx2
import pytest
from harness.mailbox import Mailbox
from harness.own_mail import own_mail_server
from harness.platform import Platform
from harness.world import World, next_weekday

pytestmark = pytest.mark.e2e


async def email_failure(world: World) -> Any:
    items = (await world.notifications.get("/v1/channels")).json()["items"]
    return next(item["failure"] for item in items if item["channel"] == "email")


async def set_own(world: World, account: dict[str, Any]) -> httpx2.Response:
    answer = await world.notifications.put("/v1/channel-accounts/smtp", json=account)
    assert answer.status_code == 200, answer.text
    return answer


async def book(world: World, name: str) -> str:
    address = f"{name}@example.com"
    await world.book(next_weekday(10), client={"name": name, "email": address})
    return address


async def test_each_organizations_mails_go_by_its_own_server_and_a_broken_account_harms_nobody(
    platform: Platform, mailbox: Mailbox, until: Any
) -> None:
    nord, ost, sued = [await platform.a_world() for _ in range(3)]
    with (
        own_mail_server(platform.mail_certificate, username="nord") as north,
        own_mail_server(platform.mail_certificate, username="ost") as east,
    ):
        await set_own(nord, north.account())
        await set_own(ost, east.account(password="wrong"))
        addresses = [await book(world, name) for world, name in ((ost, "olga"), (nord, "nina"), (sued, "sven"))]

        await north.expect(addresses[1])
        await mailbox.expect(addresses[2])
        assert {mail["From"].addresses[0].addr_spec for mail in north.mails} == {"nord@own.example"}

        async def is_failing() -> bool:
            return (await email_failure(ost) or {}).get("code") == "smtp_authentication"

        await until(is_failing, what="the broken account is shown")
        assert (east.mails, await email_failure(nord), await email_failure(sued)) == ([], None, None)

        await set_own(ost, east.account())
        await east.expect(addresses[0])
        assert await email_failure(ost) is None
        assert mailbox.to(addresses[0]) == mailbox.to(addresses[1]) == []
