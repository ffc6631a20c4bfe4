"""A client answers from the link in a mail: through the dashboard, booking, Kafka, notifications and SMTP."""

import re
from datetime import timedelta
from email.message import EmailMessage
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import pytest
from harness.mailbox import Mailbox, body_text
from harness.platform import Platform
from harness.world import Json, World, expect, next_weekday, stamp, until_true

pytestmark = pytest.mark.e2e

OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}


def link_in(mail: EmailMessage) -> str:
    found = re.search(r"https?://[^\s/]+(/p/[\w-]+)\s", body_text(mail))
    assert found is not None, body_text(mail)
    return found[1]


async def history_of(world: World, appointment_id: str) -> Json:
    history: Json = expect(await world.booking.get(f"/v1/appointments/{appointment_id}/history"))
    return history


async def status_of(world: World, appointment_id: str) -> str:
    return str(expect(await world.booking.get(f"/v1/appointments/{appointment_id}"))["status"])


async def sent(browser: httpx2.AsyncClient, path: str, **fields: str) -> str:
    """Where the browser is sent on to after a form."""
    answer = await browser.post(path, data=fields, headers=OWN_PAGE)
    assert answer.status_code == 303, answer.text
    return urlsplit(answer.headers["location"]).path


async def ask_for_confirmations(world: World, mailbox: Mailbox) -> None:
    """The service asks its clients to confirm; until notifications knows it, mails do not."""
    path = f"/v1/services/{world.service['id']}"
    expect(await world.booking.patch(path, json={"client_confirms": True}))
    address = f"{uuid4().hex}@example.com"

    async def is_told() -> bool:
        before = len(mailbox.to(address))
        probe = await world.book(next_weekday(6), client={"name": "Probe", "email": address})
        mails = await mailbox.expect(address, count=before + 1)
        await world.act(probe["id"], "cancel", reason="probe", notify=False)
        return "Confirm here" in body_text(mails[-1])

    await until_true(is_told, what="mails ask for a confirmation")


async def test_a_client_confirms_moves_and_cancels_by_the_links_of_mails(platform: Platform, mailbox: Mailbox) -> None:
    world = await platform.a_world()
    await ask_for_confirmations(world, mailbox)
    address, starts_at = f"{uuid4().hex}@example.com", next_weekday(10)
    later = starts_at + timedelta(hours=2)
    booked = await world.book(starts_at, client={"name": "Grace Hopper", "email": address})
    [mail] = await mailbox.expect(address)
    path = link_in(mail)

    async with httpx2.AsyncClient(base_url=platform.url("dashboard"), timeout=30) as browser:
        for _ in range(2):
            page = await browser.get(path)
            assert page.status_code == 200, page.text
            assert "Haircut" in page.text
        assert await status_of(world, booked["id"]) == "scheduled"

        assert await sent(browser, f"{path}/confirm") == path
        assert await status_of(world, booked["id"]) == "confirmed"
        confirmed = (await history_of(world, booked["id"]))["items"][-1]
        assert (confirmed["verb"], confirmed["actor"]["type"]) == ("confirm", "client")
        assert confirmed["actor"]["id"] == booked["client_id"]
        # Before the move: what is no longer so is not told.
        await mailbox.expect(address, count=2)

        question = await browser.get(f"{path}/move", params={"to": stamp(later)})
        assert f"{path}/move" in question.text
        moved_path = await sent(browser, f"{path}/move", starts_at=stamp(later))
        assert await sent(browser, f"{path}/move", starts_at=stamp(later)) == moved_path
        history = await history_of(world, booked["id"])
        assert (history["items"][-1]["verb"], history["items"][-1]["actor"]["type"]) == ("reschedule", "client")
        assert len(history["chain"]) == 2
        moved_id = history["chain"][-1]["id"]

        for verb in ("confirm", "cancel"):
            old = await browser.post(f"{path}/{verb}", headers=OWN_PAGE)
            assert old.status_code == 410
            assert "Haircut" not in old.text
        assert await status_of(world, moved_id) == "scheduled"
        mails = await mailbox.expect(address, count=3)
        assert (await browser.get(link_in(mails[-1]))).status_code == 200

        await sent(browser, f"{moved_path}/cancel", reason="I am ill")
        assert (await browser.get(moved_path)).status_code == 410
        cancelled = (await history_of(world, moved_id))["items"][-1]
        assert (cancelled["verb"], cancelled["reason"], cancelled["actor"]["type"]) == ("cancel", "I am ill", "client")


async def test_a_revoked_link_leads_nowhere_and_no_token_is_in_a_log(platform: Platform, mailbox: Mailbox) -> None:
    world = await platform.a_world()
    address = f"{uuid4().hex}@example.com"
    booked = await world.book(next_weekday(10), client={"name": "Grace Hopper", "email": address})
    [mail] = await mailbox.expect(address)
    path, client = link_in(mail), {"client_id": booked["client_id"]}

    async with httpx2.AsyncClient(base_url=platform.url("dashboard"), timeout=30) as browser:
        assert (await browser.get(path)).status_code == 200
        assert (await browser.get(f"{path}/preferences")).status_code == 200
        expect(await world.dashboard.post("/v1/client-links/revoke", json=client), 204)
        for answer in (await browser.get(path), await browser.post(f"{path}/confirm", headers=OWN_PAGE)):
            assert answer.status_code == 410
            assert "Haircut" not in answer.text
        assert await status_of(world, booked["id"]) == "scheduled"
        made = expect(await world.dashboard.post("/v1/client-links", json={**client, "appointment_id": booked["id"]}))
        assert (await browser.get(urlsplit(made["url"]).path)).status_code == 200

    token = path.removeprefix("/p/")
    logs = [process.log.read_text() for process in platform.processes.values()]
    assert not [log for log in (*logs, platform.trace_file.read_text()) if token in log]
