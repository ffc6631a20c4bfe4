"""A client who waits is told of a freed slot and takes it: booking, Kafka, notifications, SMTP and the dashboard's page."""

import re
from email.message import EmailMessage
from uuid import uuid4

import httpx2
import pytest
from harness.mailbox import Mailbox, body_text
from harness.platform import Platform
from harness.world import Json, World, expect, next_weekday, stamp

pytestmark = pytest.mark.e2e

OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
MOST_BYTES = 20_000


def link_in(mail: EmailMessage) -> str:
    found = re.search(r"https?://[^\s/]+(/p/[\w-]+/offers/[\w-]+)\s", body_text(mail))
    assert found is not None, body_text(mail)
    return found[1]


async def waits(world: World, name: str) -> tuple[Json, str]:
    address = f"{uuid4().hex}@example.com"
    client = expect(
        await world.booking.post("/v1/clients", json={"name": name, "email": address}, headers=world.fresh_key())
    )
    body = {
        "business_id": world.business["id"],
        "service_id": world.service["id"],
        "client_id": client["id"],
        "window_from": stamp(next_weekday(8)),
        "window_to": stamp(next_weekday(18)),
    }
    entry = expect(await world.booking.post("/v1/waiting-list", json=body, headers=world.fresh_key()))
    return entry, address


async def state(world: World, entry: Json) -> Json:
    found: Json = expect(await world.booking.get(f"/v1/waiting-list/{entry['id']}"))
    return found


async def test_a_freed_slot_is_offered_in_order_and_booked_by_the_link(platform: Platform, mailbox: Mailbox) -> None:
    world = await platform.a_world()
    booked = await world.book(next_weekday(10), client={"name": "Barbara", "email": f"{uuid4().hex}@example.com"})
    (first, first_address), (second, second_address) = await waits(world, "Ada"), await waits(world, "Alan")
    await world.act(booked["id"], "cancel", reason="ill", notify=False)

    [mail] = await mailbox.expect(first_address)
    path = link_in(mail)
    async with httpx2.AsyncClient(base_url=platform.url("dashboard"), timeout=30) as browser:
        for _ in range(2):
            page = await browser.get(path)
            assert page.status_code == 200, page.text
            assert "Haircut" in page.text
            assert "<script" not in page.text
            assert len(page.content) <= MOST_BYTES
        assert (await state(world, first))["status"] == "offered"

        assert (await browser.post(f"{path}/decline", data={"wait": "1"}, headers=OWN_PAGE)).status_code == 303
        [mail] = await mailbox.expect(second_address)
        assert (await browser.get(path)).status_code == 410
        answers = [await browser.post(f"{link_in(mail)}/accept", headers=OWN_PAGE) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [303, 303]
        assert (await browser.get(answers[0].headers["location"])).status_code == 200

    done = await state(world, second)
    assert (done["status"], (await state(world, first))["status"]) == ("booked", "waiting")
    made = expect(await world.booking.get(f"/v1/appointments/{done['appointment_id']}"))
    assert (made["client_id"], made["starts_at"]) == (second["client_id"], booked["starts_at"])
    assert len(await mailbox.expect(second_address, count=2)) == 2
