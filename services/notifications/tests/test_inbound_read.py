"""What clients wrote is unread until somebody has seen it, for all desks alike."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from notifications_phone import Phone
from notifications_salon import Salon
from notifications_twilio import FakeTwilio
from test_answers import ask

from slotstream_servicekit.testing.limits import claims_of
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service


async def unread(client: httpx2.AsyncClient) -> int:
    count: int = (await client.get("/v1/inbound-messages/unread")).json()["unread"]
    listed = (await client.get("/v1/inbound-messages", params={"unread": True})).json()["items"]
    assert len(listed) == count
    return count


async def texts(salon: Salon) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await salon.http.get("/v1/inbound-messages")).json()["items"]
    return items


async def read(client: httpx2.AsyncClient, *ids: object) -> httpx2.Response:
    return await client.post("/v1/inbound-messages/read", json={"ids": [str(one) for one in ids]})


async def test_what_is_for_staff_is_unread_until_somebody_has_seen_it(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    await ask(salon, twilio)
    assert await unread(salon.http) == 0
    await phone.text("I may be late")
    await phone.text("Which door?")
    assert await unread(salon.http) == 2

    newest, oldest = await texts(salon)
    answer = await read(salon.http, oldest["id"])
    assert (answer.status_code, answer.json()) == (200, {"unread": 1})
    assert await unread(salon.http) == 1
    seen = await salon.http.get(f"/v1/inbound-messages/{oldest['id']}")
    assert (seen.json()["read_at"], seen.json()["version"]) == ("2026-03-10T08:00:00Z", oldest["version"] + 1)
    assert newest["read_at"] is None


async def test_what_was_done_by_itself_waits_for_no_reader(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    await ask(salon, twilio)
    await phone.text("1")
    await phone.text("STOP")
    assert len(await texts(salon)) == 2
    assert await unread(salon.http) == 0


async def test_two_desks_that_read_at_once_agree_and_the_first_moment_stays(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    await ask(salon, twilio)
    for words in ("a", "b", "c"):
        await phone.text(words)
    ids = [item["id"] for item in await texts(salon)]
    await salon.take_published()
    answers = await asyncio.gather(*[read(salon.http, *order) for order in (ids, ids[::-1], ids, ids[::-1])])
    assert {answer.status_code for answer in answers} == {200}
    assert await unread(salon.http) == 0
    told = [event for event in await salon.take_published() if event["type"] == "slotstream.message.read"]
    assert sorted(event["data"]["message_id"] for event in told) == sorted(ids)

    before = await texts(salon)
    salon.now = salon.now.replace(hour=23)
    await read(salon.http, *ids)
    assert await texts(salon) == before
    assert await salon.take_published() == []


async def test_a_text_and_its_reading_are_told_without_its_words(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    appointment = await ask(salon, twilio)
    await phone.text("My secret")
    [item] = await texts(salon)
    await read(salon.http, item["id"])
    told = [event for event in await salon.take_published() if event["data"].get("kind") == "inbound"]
    assert [event["type"] for event in told] == ["slotstream.message.received", "slotstream.message.read"]
    assert {event["data"]["appointment_id"] for event in told} == {str(appointment.id)}
    assert "secret" not in str(told)
    assert "7700900123" not in str(told)


async def test_who_may_not_see_a_text_cannot_read_it_away(
    salon: Salon, twilio: FakeTwilio, phone: Phone, api_client: ApiClientFactory, signer: Signer
) -> None:
    await ask(salon, twilio)
    await phone.text("Hello?")
    [item] = await texts(salon)
    assert (await read(salon.viewer, item["id"])).status_code == 403
    assert (await read(salon.anonymous, item["id"])).status_code == 401
    assert (await read(salon.stranger, item["id"])).json() == {"unread": 0}
    assert await unread(salon.stranger) == 0
    for kind in ("businesses", "calendar"):
        claims = claims_of(kind, business_id=uuid4(), resource_id=uuid4())
        token = signer.token(organization_id=salon.organization_id, role="manager", subject=kind, claims=claims)
        limited = await api_client(salon.app, token=token)
        assert (await read(limited, item["id"])).json() == {"unread": 0}
    assert await unread(salon.http) == await unread(salon.viewer) == 1


@pytest.mark.parametrize(
    "body", [{}, {"ids": []}, {"ids": ["x"]}, {"ids": ["\x00"]}, {"ids": [str(uuid4())] * 101}, {"ids": "all"}, []]
)
async def test_what_names_no_messages_is_refused(salon: Salon, body: object) -> None:
    assert (await salon.http.post("/v1/inbound-messages/read", json=body)).status_code == 422


async def test_ids_that_nothing_has_change_nothing(salon: Salon) -> None:
    assert (await read(salon.http, uuid4(), uuid4())).json() == {"unread": 0}


async def test_nothing_is_left_to_be_read_of_a_client_who_was_erased(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    await ask(salon, twilio)
    await phone.text("Forget me")
    assert await unread(salon.http) == 1
    await salon.erase(salon.client_id)
    assert await unread(salon.http) == 0
    [item] = await texts(salon)
    assert (item["text"], item["client_name"]) == (None, None)
    assert (await read(salon.http, item["id"])).status_code == 200
