"""Who cannot answer a text is not asked to: those whom a name writes to get a link, and landlines get no text."""

import re
from base64 import urlsafe_b64encode

import pytest
from notifications_salon import Salon
from notifications_twilio import FakeTwilio
from test_sms_sending import fall_due, remind, text_row

from notifications.adapters.portal_links import PortalLinks
from notifications.adapters.sms import SmsChannel
from notifications.channels import create_channels
from notifications.domain.messages import Channel

pytestmark = pytest.mark.service

KEY, SERVICE = urlsafe_b64encode(bytes(32)).decode(), "MG" + "a" * 32
BERLIN, PARIS, MOBILE = "+493012345678", "+33140205050", "+4915112345678"
ASKS = re.compile("Reply 1|Antwort 1|Responda 1|Répondez 1|أجب 1|STOP")
LINK = re.compile(r"https://desk\.example\.com/p/[\w-]+")


def write_as(salon: Salon, sender: str, *, hears: bool = True) -> None:
    """By another sender, and with a portal that links lead to."""
    channel = salon.sender.channels.get(Channel.SMS)
    assert isinstance(channel, SmsChannel)
    channel._sender, channel._hears = sender, hears
    salon.sender.portal = PortalLinks([KEY], "https://desk.example.com/")


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "Confirm or cancel: "),
        ("de", "Zusagen oder absagen: "),
        ("es", "Confirmar o cancelar: "),
        ("fr", "Confirmer ou annuler : "),
        ("ar", "للتأكيد أو الإلغاء: "),
    ],
)
@pytest.mark.parametrize(
    ("sender", "hears"),
    [("SALON NORD", True), (SERVICE, False)],
    ids=["a name", "a messaging service that may choose a name"],
)
async def test_a_name_sends_a_link_and_asks_for_no_reply(
    salon: Salon, twilio: FakeTwilio, sender: str, hears: bool, language: str, says: str
) -> None:
    write_as(salon, sender, hears=hears)
    await salon.receive_states(
        salon.service(client_confirms=True, version=2), salon.client(phone=MOBILE, locale=language, version=3)
    )
    appointment, _ = await remind(salon)
    await fall_due(salon, appointment)

    body = twilio.last["Body"]
    last = body.splitlines()[-1]
    assert last.startswith(says)
    assert LINK.fullmatch(last.removeprefix(says))
    assert not ASKS.search(body)
    kept = (await text_row(salon))["text"]
    assert kept.endswith(f"{says}https://desk.example.com/...")


@pytest.mark.parametrize("sender", ["+447700900777", "12345", SERVICE])
async def test_a_number_asks_for_a_reply_and_sends_no_link(salon: Salon, twilio: FakeTwilio, sender: str) -> None:
    write_as(salon, sender)
    await salon.receive_states(salon.service(client_confirms=True, version=2), salon.client(phone=MOBILE, version=3))
    appointment, _ = await remind(salon)
    await fall_due(salon, appointment)
    assert "Reply 1 to confirm" in twilio.last["Body"]
    assert not LINK.search(twilio.last["Body"])


@pytest.mark.parametrize("asks", [True, False], ids=["with its own link", "nothing to confirm"])
async def test_a_link_comes_once_and_only_where_there_is_something_to_confirm(
    salon: Salon, twilio: FakeTwilio, asks: bool
) -> None:
    write_as(salon, "SALON")
    await salon.receive_states(salon.service(client_confirms=asks, version=2), salon.client(phone=MOBILE, version=3))
    template = {"kind": "reminder", "channel": "sms", "locale": "en", "subject": "-"}
    text = "Soon.{% if links.confirm %} Coming? {{ links.confirm }}{% endif %}"
    assert (await salon.http.post("/v1/templates", json={**template, "text": text})).status_code == 201
    appointment, _ = await remind(salon)
    await fall_due(salon, appointment)
    assert len(LINK.findall(twilio.last["Body"])) == int(asks)
    assert "Confirm or cancel" not in twilio.last["Body"]


@pytest.mark.parametrize("number", [BERLIN, PARIS])
async def test_a_landline_gets_no_text_which_shows_at_once_and_a_call_where_one_is_asked_for(
    salon: Salon, twilio: FakeTwilio, number: str
) -> None:
    await salon.receive_states(salon.client(phone=number, version=3))
    appointment, reminder = await remind(salon)
    assert (reminder["status"], reminder["reason"]) == ("suppressed", "landline")
    call = await salon.http.post(
        f"/v1/appointments/{appointment.id}/reminders", json={"channel": "voice", "minutes_before": 60}
    )
    assert call.json()["status"] == "planned", call.text
    await fall_due(salon, appointment)
    assert twilio.texts == {}
    assert [form["To"] for form in twilio.calls.values()] == [number]


async def test_a_mobile_that_takes_a_landlines_place_is_texted_and_a_landline_in_a_mobiles_is_not(
    salon: Salon, twilio: FakeTwilio
) -> None:
    await salon.receive_states(salon.client(phone=BERLIN, version=3))
    appointment, _ = await remind(salon)
    await salon.receive_states(salon.client(phone=MOBILE, version=4))
    assert (await text_row(salon))["status"] == "planned"
    await salon.receive_states(salon.client(phone=PARIS, version=5))
    await fall_due(salon, appointment)
    row = await text_row(salon)
    assert (row["status"], row["reason"]) == ("suppressed", "landline")
    assert twilio.requests == 0


async def test_a_test_of_the_channel_refuses_a_landline(salon: Salon, twilio: FakeTwilio) -> None:
    answer = await salon.http.post("/v1/channels/sms/test", json={"address": BERLIN})
    assert answer.status_code == 422, answer.text
    assert twilio.requests == 0


@pytest.mark.parametrize("answers", [True, False])
def test_whoever_installs_it_says_whether_a_service_can_be_answered(salon: Salon, answers: bool) -> None:
    settings = salon.settings.model_copy(update={"sms": "console", "sms_sender": SERVICE, "sms_answers": answers})
    channel = create_channels(settings).get(Channel.SMS)
    assert isinstance(channel, SmsChannel)
    assert channel._hears is answers
