"""Browsers that subscribe to push messages: whose they are, and what others would make of them."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from notifications_push import OWN, Browser, FakePushService, remind, reminders, subscribed, unpadded
from notifications_salon import Salon
from sqlalchemy import text

from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service


ENDPOINTS_REFUSED = (
    "http://push.example.com/w/1",
    "ftp://push.example.com/w/1",
    "javascript:alert(1)",
    "https://user:secret@push.example.com/w/1",
    "https://push.services.mozilla.com:22/w/1",
    "https://127.0.0.1/w/1",
    "https://127.1/w/1",
    "https://2130706433/w/1",
    "https://0x7f000001/w/1",
    "https://10.0.0.1/w/1",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/w/1",
    "https://[::ffff:10.0.0.1]/w/1",
    "https://[fe80::1%25eth0]/w/1",
    "https://localhost/w/1",
    "https://localhost./w/1",
    "https://redis.svc.cluster.local/w/1",
    "https://metadata.google.internal/w/1",
    "https://notifications-api/w/1",
    "https://push.example.com\\@10.0.0.1/w/1",
    "https://push.example.com/w/1#x",
    "https://push.example.com:99999/w/1",
    "https:///w/1",
    "https://[/w/1",
    "https://пуш.рф/w/1",
    "https://push.example.com/w/1\r\nHost: x",
)


async def test_an_endpoint_that_is_no_public_push_service_is_refused(
    salon: Salon, push_service: FakePushService, grace: httpx2.AsyncClient
) -> None:
    # The salon's own may be on this machine; nobody else's.
    salon.app.state.dependencies = replace(salon.app.state.dependencies, push_networks=())
    for endpoint in ENDPOINTS_REFUSED:
        answer = await grace.post(OWN, json={**push_service.browser().subscription, "endpoint": endpoint})
        assert (answer.status_code, answer.json()["code"]) == (422, "endpoint_invalid"), endpoint
    huge = {**push_service.browser().subscription, "endpoint": f"https://push.example.com/{'x' * 5000}"}
    assert (await grace.post(OWN, json=huge)).json()["errors"][0]["code"] == "too_long"
    assert (await grace.get(OWN)).json()["items"] == []


async def test_a_name_that_leads_inside_is_not_sent_to(
    salon: Salon, push_service: FakePushService, grace: httpx2.AsyncClient
) -> None:
    """As with a push service whose owner has its name lead to the operator's network afterwards."""
    gateway: Any = salon.sender.channels.get("push")  # type: ignore[arg-type]
    backend = gateway._gateway._http._client._transport._pool._network_backend

    async def inside(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    backend._resolve, backend._allowed, backend._connect_seconds = inside, (), 0.05
    browser = Browser(f"https://push.services.example.com:{push_service.port}/w/1")
    await subscribed(grace, browser)
    await remind(salon)
    await salon.sender.send_due()

    assert await reminders(salon) == [("planned", "push_unreachable")]
    assert push_service.pushes == []


KEYS_REFUSED: tuple[tuple[dict[str, str], str], ...] = (
    ({"p256dh": unpadded(bytes(65)), "auth": unpadded(bytes(16))}, "push_keys_invalid"),
    ({"p256dh": unpadded(b"\x04" + bytes(64)), "auth": unpadded(bytes(16))}, "push_keys_invalid"),
    ({"p256dh": "", "auth": ""}, "push_keys_invalid"),
    ({"auth": unpadded(bytes(15))}, "push_keys_invalid"),
    ({"auth": "!" * 22}, "push_keys_invalid"),
    ({"auth": "ä" * 22}, "push_keys_invalid"),
    ({"auth": "A" * 5000}, "too_long"),
    ({"auth": "A\0"}, "nul_character"),
)


async def test_keys_that_no_browser_makes_are_refused(push_service: FakePushService, grace: httpx2.AsyncClient) -> None:
    body = push_service.browser().subscription
    for keys, code in KEYS_REFUSED:
        answer = await grace.post(OWN, json={**body, "keys": {**body["keys"], **keys}})
        problem = answer.json()
        assert (problem.get("errors") or [problem])[0]["code"] == code, answer.text
        assert answer.status_code in (400, 422)
    assert (await grace.get(OWN)).json()["items"] == []


async def test_a_person_has_ten_browsers_at_most_and_the_same_one_counts_once(
    push_service: FakePushService, grace: httpx2.AsyncClient
) -> None:
    browsers = [push_service.browser() for _ in range(11)]
    first = await subscribed(grace, browsers[0])
    made = await asyncio.gather(*(grace.post(OWN, json=each.subscription) for each in browsers[1:]))
    assert sorted(answer.status_code for answer in made) == [201] * 9 + [409]
    [refused] = [answer for answer in made if answer.status_code == 409]
    assert refused.json()["code"] == "too_many_subscriptions"

    again = Browser(browsers[0].endpoint)
    assert (await subscribed(grace, again))["id"] == first["id"]
    assert len((await grace.get(OWN)).json()["items"]) == 10


async def test_a_subscription_is_nobody_elses(
    salon: Salon,
    push_service: FakePushService,
    grace: httpx2.AsyncClient,
    api_client: ApiClientFactory,
    signer: Signer,
) -> None:
    other = uuid4()
    await salon.receive_states(salon.client(id=other, email="mia@example.com"))

    async def client(client_id: UUID, organization_id: UUID) -> httpx2.AsyncClient:
        claims = {"client": str(client_id)}
        return await api_client(
            salon.app, token=signer.token(organization_id=organization_id, role="client", claims=claims)
        )

    hers = push_service.browser()
    made = await subscribed(grace, hers)
    mia = await client(other, salon.organization_id)
    path = f"{OWN}/{made['id']}"
    assert (await mia.get(OWN)).json()["items"] == []
    assert (await mia.delete(path)).status_code == 404
    stranger = await client(salon.client_id, uuid4())
    for answer in (await stranger.delete(path), await stranger.get(OWN)):
        assert answer.status_code == 404
    assert (await stranger.post(OWN, json=hers.subscription)).status_code == 404
    for staff in (salon.http, salon.viewer, salon.stranger):
        assert (await staff.delete(f"/v1/push-subscriptions/{made['id']}")).status_code == 404
        assert (await staff.delete(path)).status_code == 403
    # Who copies the address has other keys: what is for them, Grace's browser does not open, and hers stays hers.
    copied = Browser(hers.endpoint)
    theirs = await subscribed(mia, copied)
    assert theirs["id"] != made["id"]
    await remind(salon)
    push_service.pushes.clear()
    await salon.sender.send_due()
    assert len(push_service.told(hers)) == 1
    assert "endpoint" not in (await grace.get(OWN)).text


async def test_a_browser_that_has_changed_its_subscription_has_the_new_one_alone(
    salon: Salon, push_service: FakePushService, grace: httpx2.AsyncClient, api_client: ApiClientFactory, signer: Signer
) -> None:
    browsers = [push_service.browser() for _ in range(10)]
    for browser in browsers:
        await subscribed(grace, browser)
    new = push_service.browser()

    answer = await grace.post(OWN, json={**new.subscription, "replaces": browsers[0].endpoint})

    assert answer.status_code == 201, answer.text
    assert len((await grace.get(OWN)).json()["items"]) == 10
    again = await grace.post(OWN, json={**new.subscription, "replaces": new.endpoint})
    assert again.json()["id"] == answer.json()["id"]
    # Of somebody else, or of nobody: it takes nothing away.
    token = signer.token(organization_id=salon.organization_id, role="staff", subject="u-ada")
    ada = await api_client(salon.app, token=token)
    foreign = {**push_service.browser().subscription, "replaces": browsers[1].endpoint}
    assert (await ada.post("/v1/push-subscriptions", json=foreign)).status_code == 201
    assert len((await grace.get(OWN)).json()["items"]) == 10
    await remind(salon)
    push_service.pushes.clear()
    await salon.sender.send_due()
    assert (len(push_service.told(new)), len(push_service.told(browsers[0]))) == (1, 0)


async def test_programs_have_no_browser(
    salon: Salon, push_service: FakePushService, api_client: ApiClientFactory, signer: Signer
) -> None:
    token = signer.token(organization_id=salon.organization_id, role="integration", scopes=["messages:read"])
    program = await api_client(salon.app, token=token)
    answer = await program.post("/v1/push-subscriptions", json=push_service.browser().subscription)
    assert (answer.status_code, answer.json()["code"]) == (403, "people_only")


async def test_an_erased_client_has_no_browser_left_and_who_was_merged_brings_theirs(
    salon: Salon, push_service: FakePushService, api_client: ApiClientFactory, signer: Signer, grace: httpx2.AsyncClient
) -> None:
    duplicate = uuid4()
    await salon.receive_states(salon.client(id=duplicate))
    claims = {"client": str(duplicate)}
    token = signer.token(organization_id=salon.organization_id, role="client", claims=claims)
    await subscribed(await api_client(salon.app, token=token), push_service.browser())
    await salon.receive_states(salon.client(id=duplicate, merged_into=salon.client_id, version=2))
    [brought] = (await grace.get(OWN)).json()["items"]
    await subscribed(grace, push_service.browser())

    await salon.erase(salon.client_id)

    async with salon.database.system_transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM push_subscriptions"))).scalar() == 0
    assert brought["service"] == "127.0.0.1"
    assert (await grace.get(OWN)).status_code == 404


async def test_who_subscribes_wants_push_again_and_a_refusal_of_all_stands(
    salon: Salon, push_service: FakePushService, grace: httpx2.AsyncClient
) -> None:
    await grace.put("/v1/portal/preferences", json={"opted_out": ["push", "sms"]}, headers={"If-Match": '"0"'})
    await subscribed(grace, push_service.browser())
    assert list((await grace.get("/v1/portal/preferences")).json()["opted_out"]) == ["sms"]
    await salon.receive_states(salon.client(consent=("email",), version=2))
    await remind(salon)
    await salon.sender.send_due()
    assert await reminders(salon) == [("sent", None)]

    await salon.receive_states(salon.client(consent=(), version=3))
    await remind(salon, starts_at=salon.now + timedelta(days=1))
    await salon.sender.send_due()
    assert await reminders(salon) == [("sent", None), ("suppressed", "no_consent")]


async def test_without_a_key_push_is_refused_where_it_is_asked_for(salon: Salon, grace: httpx2.AsyncClient) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    browser = Browser("https://updates.push.services.mozilla.com/wpush/v2/x")
    reminder = {"channel": "push", "minutes_before": 60}
    for answer in (
        await grace.get(f"{OWN}/key"),
        await grace.post(OWN, json=browser.subscription),
        await salon.http.get("/v1/push-subscriptions/key"),
        await salon.http.post("/v1/reminder-rules", json=reminder),
        await salon.http.post(f"/v1/appointments/{appointment.id}/reminders", json=reminder),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "channel_unavailable")
    assert (await grace.get(OWN)).json()["items"] == []
