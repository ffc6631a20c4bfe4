"""Web Push by a service that judges what it is sent, to browsers that open it."""

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from notifications_push import (
    OWN,
    PUSH_KEY,
    Browser,
    FakePushService,
    PushAnswer,
    padded,
    remind,
    reminders,
    subscribed,
)
from notifications_salon import Salon
from notifications_series import TestSeries, receive
from pydantic import SecretStr

from notifications.adapters.portal_links import PortalLinks
from notifications.adapters.push.payload import MAX_PAYLOAD
from notifications.adapters.push.vapid import VapidKey
from notifications.channels import create_channels
from notifications.settings import NotificationsSettings
from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage
from slotstream_servicekit.clock import system_clock
from slotstream_servicekit.errors import StartError
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service

LINK_KEY = "bGlua2xpbmtsaW5rbGlua2xpbmtsaW5rbGlua2xpbms="


def test_browsers_of_the_tests_open_the_example_of_the_standard() -> None:
    secret = int.from_bytes(padded("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"))
    private = ec.derive_private_key(secret, ec.SECP256R1())
    browser = Browser("https://push.example.net/", private=private, auth=padded("BTBZMqHH6r4Tts7J_aSIgg"))
    body = padded(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
        "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert browser.opened(body) == b"When I grow up, I want to be a watermelon"


async def test_a_reminder_reaches_all_browsers_and_names_no_more_than_a_locked_screen_may_show(
    salon: Salon, push_service: FakePushService, grace: httpx2.AsyncClient
) -> None:
    salon.sender.portal = PortalLinks([LINK_KEY], "https://desk.example.com/")
    phone, laptop = push_service.browser(), push_service.browser()
    for browser in (phone, laptop):
        await subscribed(grace, browser)
    await remind(salon)
    push_service.pushes.clear()

    await salon.sender.send_due()

    [told], [also] = push_service.told(phone), push_service.told(laptop)
    assert told == also
    assert told["title"] == "Reminder: Tuesday, 10 March 2026, 10:00"
    assert told["body"] == "Salon Nord"
    assert told["url"].startswith("/p/")
    assert not {"Grace", "Haircut", "Ada", "Hauptstraße"} & set(str(told).replace(",", " ").split())
    [row] = [row for row in await salon.ledger() if (row["channel"], row["kind"]) == ("push", "reminder")]
    assert (row["status"], row["address"]) == ("sent", "127.0.0.1")
    assert row["text"] == "Reminder: Tuesday, 10 March 2026, 10:00\nSalon Nord\n"
    assert [push.headers["TTL"] for push in push_service.pushes] == ["3600", "3600"]
    topic, also_topic = (push.headers["Topic"] for push in push_service.pushes)
    assert UUID(bytes=padded(topic)) == UUID(row["id"])
    assert topic == also_topic


async def test_news_goes_by_push_to_who_had_subscribed_when_it_happened_and_to_nobody_else(
    salon: Salon, push_service: FakePushService, grace: httpx2.AsyncClient
) -> None:
    early = salon.created(salon.snapshot())
    salon.now += timedelta(minutes=1)
    browser = push_service.browser()
    await subscribed(grace, browser)
    appointment = salon.snapshot()
    await salon.receive(early, salon.created(appointment))
    await salon.receive(salon.cancelled(appointment))

    await salon.sender.send_due()

    assert [told["title"].partition(":")[0] for told in push_service.told(browser)] == ["Cancelled"]
    pushed = [row for row in await salon.ledger() if row["channel"] == "push"]
    assert [(row["kind"], row["status"]) for row in pushed] == [("created", "suppressed"), ("cancelled", "sent")]


async def test_a_series_is_one_push_message(
    salon: Salon, push_service: FakePushService, grace: httpx2.AsyncClient
) -> None:
    browser = push_service.browser()
    await subscribed(grace, browser)
    starts = [salon.now + timedelta(days=7 * week) for week in range(1, 5)]
    await receive(salon, TestSeries.of(salon, starts).created())
    await salon.sender.send_due()

    assert [told["title"].partition(":")[0] for told in push_service.told(browser)] == ["Booked (4)"]


async def test_staff_are_told_on_their_own_browsers(
    salon: Salon, push_service: FakePushService, api_client: ApiClientFactory, signer: Signer
) -> None:
    def user(subject: str) -> str:
        return signer.token(organization_id=salon.organization_id, role="staff", subject=subject)

    ada = await api_client(salon.app, token=user("u-ada"))
    ben = await api_client(salon.app, token=user("u-ben"))
    await salon.receive_states(salon.staff(user_id="u-ada", version=2))
    hers, his = push_service.browser(), push_service.browser()
    made = await subscribed(ada, hers, "/v1/push-subscriptions")
    await subscribed(ben, his, "/v1/push-subscriptions")
    appointment = salon.snapshot()

    await salon.receive(salon.created(appointment))
    await salon.sender.send_due()

    [told] = push_service.told(hers)
    assert (told["title"], told["url"]) == (
        "New appointment: Tuesday, 10 March 2026, 10:00",
        f"/appointments/{appointment.id}",
    )
    assert "Grace" not in str(told)
    assert push_service.told(his) == []
    listed = (await ada.get("/v1/push-subscriptions")).json()["items"]
    assert [(item["id"], item["service"]) for item in listed] == [(made["id"], "127.0.0.1")]
    assert (await ben.delete(f"/v1/push-subscriptions/{made['id']}")).status_code == 404
    assert (await ada.delete(f"/v1/push-subscriptions/{made['id']}")).status_code == 204
    assert (await ada.get("/v1/push-subscriptions")).json()["items"] == []


async def test_who_has_no_browser_is_suppressed_at_once_and_planned_when_they_have_one(
    salon: Salon, push_service: FakePushService, grace: httpx2.AsyncClient
) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    made = await salon.http.post(
        f"/v1/appointments/{appointment.id}/reminders", json={"channel": "push", "minutes_before": 60}
    )
    assert (made.json()["status"], made.json()["reason"]) == ("suppressed", "no_address")

    removed = await subscribed(grace, push_service.browser())
    assert await reminders(salon) == [("planned", None)]
    assert (await grace.delete(f"{OWN}/{removed['id']}")).status_code == 204
    salon.now = appointment.starts_at - timedelta(minutes=60)
    await salon.sender.send_due()

    assert await reminders(salon) == [("suppressed", "no_address")]
    assert push_service.pushes == []


@pytest.mark.parametrize(
    ("answer", "status", "why", "kept"),
    [
        (PushAnswer(404), "failed", "push_gone", False),
        (PushAnswer(410), "failed", "push_gone", False),
        (PushAnswer(400), "planned", "push_400", True),
        (PushAnswer(401), "planned", "push_401", True),
        (PushAnswer(403), "planned", "push_403", True),
        (PushAnswer(429, {"Retry-After": "120"}), "planned", "push_429", True),
        (PushAnswer(500), "planned", "push_500", True),
        (PushAnswer(503), "planned", "push_503", True),
        (PushAnswer(405), "failed", "push_405", True),
        (PushAnswer(307, {"Location": "https://127.0.0.1:1/secret"}), "failed", "push_307", True),
        (PushAnswer(cut=True), "unknown", "push_bad_answer", True),
        (PushAnswer(body=bytes(100_000)), "unknown", "push_too_large", True),
    ],
)
async def test_what_a_push_service_answers_means_what_the_standard_says(
    salon: Salon,
    push_service: FakePushService,
    grace: httpx2.AsyncClient,
    answer: PushAnswer,
    status: str,
    why: str,
    kept: bool,
) -> None:
    await subscribed(grace, push_service.browser())
    await remind(salon)
    push_service.pushes.clear()
    push_service.answers = [answer]

    await salon.sender.send_due()

    assert await reminders(salon) == [(status, why)]
    assert len(push_service.pushes) == 1
    assert len((await grace.get(OWN)).json()["items"]) == int(kept)
    salon.now += timedelta(seconds=30)
    await salon.sender.send_due()
    waits_longer = "Retry-After" in answer.headers
    again = status == "planned" and not waits_longer
    assert len(push_service.pushes) == 1 + int(again)
    salon.now += timedelta(seconds=100)
    await salon.sender.send_due()
    assert await reminders(salon) == ([("sent", None)] if status == "planned" else [(status, why)])


async def test_one_browser_that_takes_it_makes_it_sent_and_one_that_is_gone_is_forgotten(
    salon: Salon, push_service: FakePushService, grace: httpx2.AsyncClient
) -> None:
    for _ in range(3):
        await subscribed(grace, push_service.browser())
    await remind(salon)
    push_service.answers = [PushAnswer(410), PushAnswer(201), PushAnswer(503)]

    await salon.sender.send_due()

    assert await reminders(salon) == [("sent", None)]
    assert len((await grace.get(OWN)).json()["items"]) == 2


async def test_too_large_is_sent_once_more_without_its_text(
    salon: Salon, push_service: FakePushService, grace: httpx2.AsyncClient
) -> None:
    browser = push_service.browser()
    await subscribed(grace, browser)
    await remind(salon)
    push_service.pushes.clear()
    push_service.answers = [PushAnswer(413)]

    await salon.sender.send_due()

    long, short = push_service.told(browser)
    assert (long["body"], short["body"], short["title"]) == ("Salon Nord", "", long["title"])
    assert await reminders(salon) == [("sent", None)]


async def test_a_long_text_is_cut_at_a_character_where_a_push_message_ends(
    salon: Salon, push_service: FakePushService, grace: httpx2.AsyncClient
) -> None:
    browser = push_service.browser()
    await subscribed(grace, browser)
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.sender.send_due()
    push_service.pushes.clear()
    for text in ("ä\N{PILE OF POO}" * 450, "\u0001" * 900):
        command = SendMessage(
            actor=Actor(type="user", id="u-1"),
            message_id=uuid4(),
            appointment_id=appointment.id,
            client_id=salon.client_id,
            channel="push",
            text=text,
        )
        await salon.request(command)
    await salon.sender.send_due()

    sizes = sorted(len(browser.opened(push.body)) for push in push_service.pushes)
    assert len(sizes) == 2
    assert MAX_PAYLOAD - 6 <= sizes[-1] <= MAX_PAYLOAD == 3993
    assert {told["title"] for told in push_service.told(browser)} == {"Salon Nord"}


async def test_endless_refusals_end_and_a_silent_service_is_given_up_as_unknown(
    salon: Salon, push_service: FakePushService, grace: httpx2.AsyncClient
) -> None:
    await subscribed(grace, push_service.browser())
    await remind(salon, minutes=600)
    push_service.answers = [PushAnswer(500)] * 50
    for _ in range(10):
        await salon.sender.send_due()
        salon.now += timedelta(minutes=30)
    assert await reminders(salon) == [("failed", "push_500")]
    assert len(push_service.answers) == 50 - salon.settings.most_attempts

    push_service.answers = []
    await remind(salon, starts_at=salon.now + timedelta(days=1))
    push_service.answers = [PushAnswer(hold=asyncio.Event())]
    gateway: Any = salon.sender.channels.get("push")  # type: ignore[arg-type]
    gateway._gateway._http._seconds = 0.3
    await salon.sender.send_due()
    assert ("unknown", "push_timed_out") in await reminders(salon)


async def test_the_key_that_browsers_are_given_is_that_of_the_installation(
    salon: Salon, push_service: FakePushService, grace: httpx2.AsyncClient
) -> None:
    for http, path in ((grace, OWN), (salon.viewer, "/v1/push-subscriptions")):
        assert (await http.get(f"{path}/key")).json() == {"public_key": push_service.public_key}
    assert PUSH_KEY not in str((await grace.get(f"{OWN}/key")).text)


def test_the_proof_of_who_sends_is_for_one_push_service_alone() -> None:
    header = VapidKey(PUSH_KEY).authorization(
        "https://push.x.test:8443/w/abc", contact="mailto:a@b.c", now=system_clock()
    )
    claims = json.loads(padded(header.split("t=")[1].split(",")[0].split(".")[1]))
    assert claims["aud"] == "https://push.x.test:8443"


@pytest.mark.parametrize(
    "more",
    [
        {"push_key": None},
        {"push_key": SecretStr(base64.urlsafe_b64encode(bytes(31)).decode())},
        {"push_key": SecretStr(base64.urlsafe_b64encode(bytes(32)).decode())},
        {"push_contact": ""},
        {"push_contact": "ops@salon-nord.com"},
        {"push_contact": "mailto:ops@localhost"},
        {"push_contact": "mailto:ops@salon.local"},
        {"push_contact": "https://slotstream.invalid"},
    ],
)
def test_half_a_configuration_does_not_start(more: dict[str, Any]) -> None:
    whole = {"push": "webpush", "push_key": SecretStr(PUSH_KEY), "push_contact": "mailto:ops@salon-nord.com"}
    settings = NotificationsSettings(database_url="postgresql+asyncpg://nobody@127.0.0.1/none")
    create_channels(settings.model_copy(update=whole))
    with pytest.raises(StartError, match="NOTIFICATIONS_PUSH"):
        create_channels(settings.model_copy(update={**whole, **more}))


@pytest.mark.parametrize("locale", ["en", "de", "es", "fr", "ar"])
async def test_every_kind_of_news_has_a_built_in_push_message(salon: Salon, locale: str) -> None:
    async def kinds(channel: str, locale: str) -> dict[tuple[str, str], dict[str, Any]]:
        answer = await salon.http.get("/v1/templates/built-in", params={"channel": channel, "locale": locale})
        return {(item["kind"], item["audience"]): item for item in answer.json()["items"]}

    built_in = await kinds("push", locale)
    assert built_in.keys() == (await kinds("email", "en")).keys()
    for item in built_in.values():
        text = {name: item[name] for name in ("subject", "text")}
        shown = (
            await salon.http.post("/v1/templates/preview", json={"channel": "push", "locale": locale, **text})
        ).json()
        assert "Salon Nord" in shown["text"]
        assert shown["html"] == ""
        assert not any(word in str(shown) for word in ("Grace", "Haircut", "{{", "Hauptstraße"))


async def test_the_console_shows_a_push_message_beside_the_mails(
    salon: Salon, push_service: FakePushService, grace: httpx2.AsyncClient
) -> None:
    for _ in range(2):
        await subscribed(grace, push_service.browser())
    settings = salon.settings.model_copy(update={"push": "console", "push_key": SecretStr(PUSH_KEY)})
    channels = create_channels(settings)
    salon.use(channels)
    await remind(salon)

    *_, mail = await salon.send()

    assert mail["To"] == "2-browsers@push.invalid"
    assert "Reminder: Tuesday, 10 March 2026" in mail["Subject"]
    assert "Opens: nothing" in mail.get_content()
    assert push_service.pushes == []
    for channel in channels:
        await channel.aclose()
