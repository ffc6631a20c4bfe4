"""An organization's own account at Twilio: what goes by it, and that its token is believed of itself alone."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from notifications_mailbox import Mailbox, words
from notifications_phone import BASE, GRACE, Phone
from notifications_salon import Salon
from notifications_twilio import ACCOUNT, Answer, FakeTwilio
from sqlalchemy import text
from test_answers import answer_as_booking, ask, commands, outcomes
from test_calls import last_call, ring
from test_failing_accounts import a_user as an_owner
from test_sms_sending import fall_due, remind, text_row

from notifications.channels import create_accounts, create_channels
from slotstream_contracts.appointments import AppointmentSnapshot

pytestmark = pytest.mark.service

PATH = "/v1/channel-accounts/twilio"
OWN = "AC00000000000000000000000000000002"
OWN_TOKEN = "0ddba11c0ffee0ddba11c0ffee0ddba1"
NUMBER = "+447700900888"
ACCOUNT_BODY = {"account_sid": OWN, "auth_token": OWN_TOKEN, "sms_sender": NUMBER, "voice_sender": NUMBER}


@pytest_asyncio.fixture
async def own(salon: Salon, twilio: FakeTwilio) -> Phone:
    """The salon has an account of its own; what Twilio tells by it."""
    twilio.accounts[OWN] = OWN_TOKEN
    answer = await salon.http.put(PATH, json=ACCOUNT_BODY)
    assert answer.status_code == 200, answer.text
    assert OWN_TOKEN not in answer.text
    return Phone(salon, token=OWN_TOKEN, own=salon.organization_id)


class Neighbour:
    """Another organization, which texts Grace by the installation's account."""

    def __init__(self, salon: Salon) -> None:
        self.salon = salon
        self.organization_id, self.business_id, self.client_id = uuid4(), uuid4(), uuid4()

    async def move_in(self) -> None:
        of = {"organization_id": self.organization_id}
        await self.salon.receive_states(
            self.salon.business(id=self.business_id, name="Barber Ost", **of),
            self.salon.client(id=self.client_id, phone=GRACE, email=None, **of),
        )

    def appointment(self) -> AppointmentSnapshot:
        return self.salon.snapshot(
            organization_id=self.organization_id,
            business_id=self.business_id,
            client_id=self.client_id,
            service_id=None,
            resources=(),
        )


@pytest_asyncio.fixture
async def neighbour(salon: Salon, twilio: FakeTwilio) -> Neighbour:
    neighbour = Neighbour(salon)
    await neighbour.move_in()
    return neighbour


async def planned_reasons(salon: Salon, organization_id: UUID) -> list[str | None]:
    async with salon.database.system_transaction() as session:
        rows = await session.execute(
            text("SELECT reason FROM messages WHERE organization_id = :id AND channel = 'sms'"),
            {"id": organization_id},
        )
        return list(rows.scalars())


async def plan_text(salon: Salon, neighbour: Neighbour) -> None:
    """A text to Grace by the neighbour, which is planned."""
    appointment = neighbour.appointment()
    await salon.receive(salon.created(appointment))
    await salon.execute(
        "INSERT INTO messages (organization_id, id, key, appointment_id, appointment_version, calendar_uid, starts_at,"
        " client_id, audience, channel, kind, status, due_at, next_attempt_at, correlation_id, created_at, updated_at,"
        f" version) VALUES ('{neighbour.organization_id}', '{uuid4()}', '{uuid4()}', '{appointment.id}', 1,"
        f" '{appointment.calendar_uid}', '{appointment.starts_at}', '{neighbour.client_id}', 'client', 'sms',"
        f" 'reminder', 'planned', '{appointment.starts_at}', '{appointment.starts_at}', 'c', now(), now(), 1)"
    )


async def test_texts_and_calls_go_by_the_organizations_own_account_and_sender(
    salon: Salon, twilio: FakeTwilio, own: Phone
) -> None:
    appointment, _ = await remind(salon)
    await fall_due(salon, appointment)
    assert (twilio.last["From"], twilio.last["To"]) == (NUMBER, GRACE)
    assert list(twilio.taken_from.values()) == [OWN]
    states = {item["channel"]: item["own"] for item in (await salon.http.get("/v1/channels")).json()["items"]}
    assert states == {"email": False, "sms": True, "voice": True, "push": False}

    assert (await salon.http.delete(PATH)).status_code == 204
    appointment, _ = await remind(salon, starts_at=appointment.starts_at + timedelta(days=3))
    await fall_due(salon, appointment)
    assert (twilio.last["From"], list(twilio.taken_from.values())[-1]) == ("+447700900777", ACCOUNT)


async def test_a_status_is_believed_by_the_token_of_its_organization_or_the_installations(
    salon: Salon, twilio: FakeTwilio, own: Phone, phone: Phone
) -> None:
    appointment, _ = await remind(salon)
    await fall_due(salon, appointment)
    [(sid, sent)] = twilio.texts.items()
    query = parse_qs(urlsplit(sent["StatusCallback"]).query)
    message = query["message"][0]
    assert query["organization"] == [str(salon.organization_id)]
    forger = Phone(salon, token="f" * 32)
    form = {"MessageSid": sid, "MessageStatus": "delivered"}
    target = f"sms-status?organization={salon.organization_id}&message={message}"
    assert (await forger.call(target, form)).json()["code"] == "signature_invalid"
    assert (await text_row(salon))["status"] == "sent"
    await own.status(message, "delivered", sid)
    assert (await text_row(salon))["status"] == "delivered"
    # What went out before the organization had its own is told by the installation's token.
    await phone.status(message, "delivered", sid)


async def test_an_own_token_says_nothing_of_another_organization(
    salon: Salon, twilio: FakeTwilio, own: Phone, neighbour: Neighbour
) -> None:
    sid = f"SM{1:032x}"
    other = neighbour.organization_id
    for target in (
        f"sms-status?organization={other}&message={uuid4()}",
        f"sms-status?organization={salon.organization_id}&organization={other}&message={uuid4()}",
        f"inbound-sms?organization={other}",
        "inbound-sms",
        f"voice?organization={other}&message={uuid4()}&call=1&language=en",
        f"voice-status?organization={other}&message={uuid4()}&call=1&language=en",
    ):
        answer = await own.call(target, {"MessageSid": sid, "From": GRACE, "Body": "STOP", "CallSid": f"CA{1:032x}"})
        assert (answer.status_code, answer.json()["code"]) == (403, "signature_invalid"), target


async def test_stop_to_an_own_number_stops_that_organization_alone(
    salon: Salon, twilio: FakeTwilio, own: Phone, neighbour: Neighbour
) -> None:
    await remind(salon)
    await plan_text(salon, neighbour)
    await own.text("STOP")
    assert await planned_reasons(salon, salon.organization_id) == ["opted_out"]
    assert await planned_reasons(salon, neighbour.organization_id) == [None]
    async with salon.database.system_transaction() as session:
        shared = (await session.execute(text("SELECT count(*) FROM number_opt_outs"))).scalar_one()
    assert shared == 0, "nobody has stopped the number that is shared"
    preferences = f"/v1/clients/{salon.client_id}/preferences"
    assert "sms" in (await salon.http.get(preferences)).json()["stopped"]
    refused = await salon.http.post("/v1/channels/sms/test", json={"address": GRACE})
    assert refused.json()["code"] == "opted_out"
    # Texts that are planned later are judged when they are due.
    appointment, _ = await remind(salon, starts_at=salon.now.replace(month=4))
    await fall_due(salon, appointment)
    assert twilio.texts == {}

    await own.text("START")
    assert (await salon.http.get(preferences)).json()["stopped"] == {}


async def test_start_to_an_own_number_does_not_lift_what_was_said_to_the_shared_one(
    salon: Salon, twilio: FakeTwilio, own: Phone, phone: Phone, neighbour: Neighbour
) -> None:
    await plan_text(salon, neighbour)
    await phone.text("STOP")
    assert await planned_reasons(salon, neighbour.organization_id) == ["opted_out"]
    await own.text("START", sid=f"SM{77:032x}")
    assert await planned_reasons(salon, neighbour.organization_id) == ["opted_out"]
    preferences = f"/v1/clients/{salon.client_id}/preferences"
    assert "sms" in (await salon.http.get(preferences)).json()["stopped"]

    await own.text("STOP", sid=f"SM{78:032x}")
    await phone.text("START", sid=f"SM{79:032x}")
    assert (await salon.http.get(preferences)).json()["stopped"] == {}


async def test_an_answer_to_an_own_number_follows_its_own_last_text(
    salon: Salon, twilio: FakeTwilio, own: Phone, phone: Phone
) -> None:
    await ask(salon, twilio)
    assert twilio.last["From"] == NUMBER
    # Written to the shared number, by which nothing was asked.
    await phone.text("1", sid=f"SM{5:032x}")
    assert await commands(salon) == []
    await own.text("1")
    [(name, command)] = await commands(salon)
    assert (name, command["data"]["actor"]["id"]) == ("confirm", str(salon.client_id))
    await answer_as_booking(salon, command)
    assert [outcome[1] for outcome in await outcomes(salon)] == ["for_staff", "done"]


async def test_the_id_of_a_text_cannot_be_used_up_by_another_organization(
    salon: Salon, twilio: FakeTwilio, own: Phone, phone: Phone
) -> None:
    sid = f"SM{9:032x}"
    await own.text("hello", sid=sid)
    await phone.text("STOP", sid=sid)
    async with salon.database.system_transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM number_opt_outs"))).scalar_one() == 1


async def test_a_call_is_asked_for_and_answered_by_the_own_account(
    salon: Salon, twilio: FakeTwilio, own: Phone
) -> None:
    _, call = await ring(salon, twilio, own)
    [ordered] = twilio.calls.values()
    assert ordered["From"] == NUMBER
    assert ordered["Url"].startswith(f"{BASE}/v1/providers/twilio/voice?organization={salon.organization_id}")
    assert "reminder of your appointment" in await call.pick_up()
    await call.press("1")
    assert [name for name, _ in await commands(salon)] == ["confirm"]
    assert last_call(twilio, own).sid == call.sid


async def test_a_text_without_a_token_to_hear_by_asks_for_no_answer(salon: Salon, twilio: FakeTwilio) -> None:
    twilio.accounts[OWN] = OWN_TOKEN
    key = "SK00000000000000000000000000000003"
    body = {"account_sid": OWN, "api_key": key, "api_secret": "s3cret", "sms_sender": NUMBER}
    answer = await salon.http.put(PATH, json=body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["auth_token_is_set"], answer.json()["api_secret_is_set"]) == (False, True)
    await salon.receive_states(salon.service(client_confirms=True, version=2))
    appointment, _ = await remind(salon)
    await fall_due(salon, appointment)
    assert "STOP" not in twilio.last["Body"]
    assert "Reply 1" not in twilio.last["Body"]
    assert "StatusCallback" not in twilio.last
    # The fake knows the account by its token alone; the key was sent in its place.
    assert twilio.faults == ["not our credentials"]
    twilio.faults.clear()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"auth_token": None}, "credential_required"),
        ({"sms_sender": None, "voice_sender": None}, "sender_missing"),
        ({"auth_token": None, "api_key": f"SK{3:032x}"}, "credential_required"),
        ({"auth_token": None, "api_key": f"SK{3:032x}", "api_secret": "s"}, "credential_required"),
        ({"account_sid": "AC1"}, "malformed"),
        ({"account_sid": f"AC{2:032x}\x00"}, None),
        ({"sms_sender": "+44 7700"}, "malformed"),
        ({"sms_sender": "ABCDEFGHIJKLMNOP"}, "malformed"),
        ({"voice_sender": "SALON"}, "malformed"),
        ({"auth_token": "t" * 2_000}, "too_long"),
    ],
)
async def test_what_is_no_account_is_refused_and_changes_nothing(
    salon: Salon, twilio: FakeTwilio, change: dict[str, Any], code: str | None
) -> None:
    answer = await salon.http.put(PATH, json={**ACCOUNT_BODY, **change})
    assert answer.status_code in (400, 422), answer.text
    assert code is None or answer.json()["code"] == code, answer.text
    assert (await salon.http.get("/v1/channel-accounts")).json()["twilio"] is None


async def test_an_organization_texts_where_the_installation_does_not(salon: Salon, twilio: FakeTwilio) -> None:
    settings = salon.settings.model_copy(
        update={
            "twilio_base_url": twilio.url,
            "twilio_callback_url": "https://msg.salon.test/api/notifications",
        }
    )
    twilio.accounts[OWN] = OWN_TOKEN
    without = await salon.http.put(PATH, json=ACCOUNT_BODY)
    assert without.status_code == 200
    accounts = create_accounts(settings)
    salon.use(create_channels(settings, accounts=accounts))
    rule = {"channel": "sms", "minutes_before": 60}
    assert (await salon.http.post("/v1/reminder-rules", json=rule)).status_code == 201
    refused = await salon.stranger.post("/v1/reminder-rules", json=rule)
    assert (refused.status_code, refused.json()["code"]) == (409, "channel_unavailable")
    appointment, _ = await remind(salon, minutes=90)
    await fall_due(salon, appointment)
    assert twilio.last["From"] == NUMBER
    await salon.http.delete(PATH)
    gone = await salon.http.post("/v1/reminder-rules", json={**rule, "minutes_before": 30})
    assert gone.json()["code"] == "channel_unavailable"
    await accounts.aclose()


async def test_without_a_key_for_numbers_nobody_has_an_account_of_their_own(salon: Salon) -> None:
    answer = await salon.http.put(PATH, json=ACCOUNT_BODY)
    assert (answer.status_code, answer.json()["code"]) == (409, "channel_accounts_unavailable")
    state = (await salon.http.get("/v1/channel-accounts")).json()
    assert (state["smtp_available"], state["twilio_available"], state["inbound_sms_url"]) == (True, False, None)


async def test_a_refused_account_rests_and_harms_nobody(
    salon: Salon, twilio: FakeTwilio, own: Phone, neighbour: Neighbour
) -> None:
    appointment, _ = await remind(salon)
    twilio.accounts[OWN] = "changed at Twilio"
    twilio.answers.append(Answer(status=401, code=20003))
    await fall_due(salon, appointment)
    assert (await text_row(salon))["code"] == "twilio_20003"
    assert twilio.faults == ["not our credentials"]
    twilio.faults.clear()
    states = {item["channel"]: item for item in (await salon.http.get("/v1/channels")).json()["items"]}
    assert states["sms"]["failure"]["code"] == states["voice"]["failure"]["code"] == "twilio_20003"
    assert states["email"]["failure"] is None


async def test_an_owner_is_told_by_mail_of_an_account_that_is_suspended_in_their_language(
    salon: Salon, twilio: FakeTwilio, own: Phone, mailbox: Mailbox
) -> None:
    await salon.receive_states(an_owner(salon, locale="de"))
    twilio.answers.append(Answer(status=403, code=20005))
    appointment, _ = await remind(salon)
    await fall_due(salon, appointment)
    await salon.send()
    mails = [mail for mail in mailbox.mails if mail["To"].addresses[0].addr_spec == "owner-de@salon.example"]
    assert [str(mail["Subject"]) for mail in mails] == ["Ihr Konto bei Twilio funktioniert nicht"]
    assert "twilio_20005" in words(mails[0])
