"""Trying a channel out: one message to the address that is named, and what the provider said of it."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest
from notifications_phone import GRACE, Phone, Ringing
from notifications_push import FakePushService, subscribed
from notifications_salon import Salon
from notifications_twilio import Answer, FakeTwilio

from notifications.domain.trials import trial_text
from slotstream_servicekit.testing.limits import claims_of
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service


async def tried(salon: Salon, channel: str, address: str | None = None, **more: Any) -> httpx2.Response:
    body = {} if address is None else {"address": address}
    return await salon.http.post(f"/v1/channels/{channel}/test", json={**body, **more})


async def test_a_mail_goes_to_the_address_that_is_named_and_nowhere_else(salon: Salon) -> None:
    answer = await tried(salon, "email", "me@example.com", locale="de")
    assert (answer.status_code, answer.json()["status"], answer.json()["code"]) == (200, "sent", None)
    assert answer.json()["provider_id"]
    [mail] = salon.mailbox.mails
    assert (mail["To"], mail["Subject"]) == ("me@example.com", "Ein Test")
    assert trial_text("de").text in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert await salon.ledger() == []
    assert await salon.take_published() == []


async def test_what_the_mail_server_says_is_the_answer_and_nothing_is_tried_again(salon: Salon) -> None:
    salon.mailbox.answers = ["550 5.1.1 no such user"]
    answer = await tried(salon, "email", "nobody@example.com")
    assert (answer.json()["status"], answer.json()["code"]) == ("failed", "smtp_550")
    assert "nobody@example.com" not in answer.text
    assert await salon.send() == []


async def test_a_text_is_one_request_and_the_answer_names_what_twilio_calls_it(
    salon: Salon, twilio: FakeTwilio
) -> None:
    answer = await tried(salon, "sms", "+44 7700 900999")
    assert answer.json()["status"] == "sent", answer.text
    assert answer.json()["provider_id"].startswith("SM")
    assert (twilio.last["To"], twilio.last["Body"]) == ("+447700900999", trial_text("en").text)


async def test_a_refusal_of_the_provider_is_told_with_its_code(salon: Salon, twilio: FakeTwilio) -> None:
    twilio.answers.append(Answer(status=400, code=21211))
    answer = await tried(salon, "sms", "+447700900999")
    assert (answer.json()["status"], answer.json()["code"]) == ("failed", "twilio_21211")


async def test_who_has_said_stop_gets_no_test_either(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    await phone.text("STOP")
    answer = await tried(salon, "sms", GRACE)
    assert (answer.status_code, answer.json()["code"]) == (409, "opted_out")
    assert twilio.texts == {}


async def test_a_call_says_that_it_is_a_test_and_asks_for_no_key(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    answer = await tried(salon, "voice", "+447700900999", locale="fr")
    assert answer.json()["status"] == "sent", answer.text
    [(sid, ordered)] = twilio.calls.items()
    ringing = Ringing(phone, sid, ordered)
    assert (await ringing.pick_up()).startswith(trial_text("fr").text)
    assert ringing.action is None
    await ringing.status("completed")
    assert await salon.ledger() == []


async def test_a_push_goes_to_the_callers_own_browsers(salon: Salon, push_service: FakePushService) -> None:
    none = await tried(salon, "push")
    assert (none.status_code, none.json()["code"]) == (422, "no_address")
    browser = push_service.browser()
    await subscribed(salon.http, browser, "/v1/push-subscriptions")
    answer = await tried(salon, "push")
    assert answer.json()["status"] == "sent", answer.text
    [pushed] = push_service.told(browser)
    assert trial_text("en").subject in str(pushed)


@pytest.mark.parametrize("channel", ["sms", "voice", "push"])
async def test_a_channel_that_is_not_configured_is_refused(salon: Salon, channel: str) -> None:
    answer = await tried(salon, channel, "+447700900999")
    assert (answer.status_code, answer.json()["code"]) == (409, "channel_unavailable")


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        *(("email", address) for address in ("nobody", "a@b\r\nBcc: c@d.example", "a@" + "b" * 300 + ".example")),
        *(("email", address) for address in ("a b@example.com", "@example.com", "a@", "a@example.com, b@example.com")),
        *(("sms", address) for address in ("0301234", "me@example.com", "+49", "+٤٩٣٠١٢٣٤٥٦", "tel:+4930123456")),
        ("email", "a\x00@example.com"),
        ("fax", "+4930123456"),
    ],
)
async def test_an_address_that_is_none_is_refused_and_nothing_is_sent(
    salon: Salon, twilio: FakeTwilio, channel: str, address: str
) -> None:
    answer = await tried(salon, channel, address)
    assert answer.status_code == 422, answer.text
    assert (twilio.texts, twilio.calls, salon.mailbox.mails) == ({}, {}, [])


async def test_a_test_needs_an_address_and_the_right_to_change_settings(
    salon: Salon, api_client: ApiClientFactory, signer: Signer
) -> None:
    assert (await tried(salon, "email")).json()["code"] == "no_address"
    path, body = "/v1/channels/email/test", {"address": "me@example.com"}
    assert (await salon.viewer.post(path, json=body)).status_code == 403
    assert (await salon.anonymous.post(path, json=body)).status_code == 401
    staff = await api_client(salon.app, token=signer.token(organization_id=salon.organization_id, role="staff"))
    assert (await staff.post(path, json=body)).status_code == 403
    claims = claims_of("businesses", business_id=salon.business_id, resource_id=uuid4())
    limited = signer.token(organization_id=salon.organization_id, role="manager", subject="m", claims=claims)
    assert (await (await api_client(salon.app, token=limited)).post(path, json=body)).status_code == 403
    assert salon.mailbox.mails == []


async def test_a_flood_of_tests_is_refused_for_one_organization_alone(salon: Salon) -> None:
    answers = [await tried(salon, "email", f"me{number}@example.com") for number in range(8)]
    codes = [answer.status_code for answer in answers]
    assert codes[:5] == [200] * 5
    assert codes[-1] == 429
    assert "Retry-After" in answers[-1].headers
    other = await salon.stranger.post("/v1/channels/email/test", json={"address": "you@example.com"})
    assert other.status_code == 200
