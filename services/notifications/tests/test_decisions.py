"""What staff decide about messages of which nobody knows whether they went out; no second send without their word."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from notifications_phone import Phone
from notifications_salon import Salon
from notifications_twilio import Answer, FakeTwilio
from test_calls import call_row, last_call
from test_calls import remind as remind_by_call
from test_sms_sending import fall_due, remind, text_row

from notifications.adapters.email import EmailChannel
from notifications.domain.channels import NotHandedOverError, Notification, Outgoing, Receipt
from notifications.domain.contacts import Contact
from notifications.domain.messages import Channel
from notifications.main import create_sender
from notifications.usecases.delivery import recover_claims
from slotstream_contracts.appointments import AppointmentSnapshot
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service

VERBS = ("confirm-sent", "send-again", "give-up")
MayHandOver = Callable[[], Awaitable[bool]]


async def lost(salon: Salon, twilio: FakeTwilio, **more: Any) -> tuple[AppointmentSnapshot, str]:
    """A reminder by text that the provider has, though its answer never came: the appointment and the message."""
    appointment, reminder = await remind(salon, **more)
    twilio.answers = [Answer(acts=True, cut=True)]
    await fall_due(salon, appointment)
    assert (await text_row(salon))["status"] == "unknown"
    await salon.take_published()
    return appointment, reminder["message_id"]


async def decide(salon: Salon, message_id: str, verb: str, **headers: str) -> httpx2.Response:
    return await salon.http.post(f"/v1/messages/{message_id}/{verb}", headers=headers)


async def decided(salon: Salon, message_id: str, verb: str) -> dict[str, Any]:
    answer = await decide(salon, message_id, verb)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def sid_of(twilio: FakeTwilio, number: int) -> str:
    return list(twilio.texts)[number]


async def test_that_it_was_sent_is_kept_as_what_somebody_has_said(salon: Salon, twilio: FakeTwilio) -> None:
    _, message_id = await lost(salon, twilio)
    attempted_at = salon.now
    salon.now += timedelta(minutes=20)

    row = await decided(salon, message_id, "confirm-sent")

    assert (row["status"], row["code"], row["attempts"]) == ("sent", "said_sent", 1)
    assert row["sent_at"] == f"{attempted_at:%Y-%m-%dT%H:%M:%SZ}"
    user = row["decision"]["user_id"]
    assert row["decision"] == {
        "decision": "confirm_sent",
        "user_id": user,
        "at": f"{salon.now:%Y-%m-%dT%H:%M:%SZ}",
    }
    assert await text_row(salon) == row
    [event] = await salon.take_published()
    assert (event["type"], event["data"]["actor"]["id"]) == ("slotstream.message.sent", user)
    assert event["sequence"] == row["version"]
    await salon.sender.send_due()
    assert twilio.requests == 1


async def test_that_it_was_not_sent_ends_it(salon: Salon, twilio: FakeTwilio) -> None:
    _, message_id = await lost(salon, twilio)

    row = await decided(salon, message_id, "give-up")

    assert (row["status"], row["code"], row["sent_at"]) == ("failed", "said_not_sent", None)
    [event] = await salon.take_published()
    assert (event["type"], event["data"]["code"]) == ("slotstream.message.failed", "said_not_sent")
    await salon.sender.send_due()
    assert twilio.requests == 1


async def test_what_is_to_be_sent_again_is_sent_once_more_and_says_which_attempt_it_is(
    salon: Salon, twilio: FakeTwilio
) -> None:
    _, message_id = await lost(salon, twilio)
    salon.now += timedelta(minutes=20)

    row = await decided(salon, message_id, "send-again")
    assert (row["status"], row["due_at"], row["next_attempt_at"]) == (
        "planned",
        *[f"{salon.now:%Y-%m-%dT%H:%M:%SZ}"] * 2,
    )
    await salon.sender.send_due()
    await salon.sender.send_due()

    assert twilio.requests == 2
    assert [text["StatusCallback"].rpartition("&")[2] for text in twilio.texts.values()] == ["attempt=1", "attempt=2"]
    row = await text_row(salon)
    assert (row["status"], row["code"], row["attempts"]) == ("sent", None, 2)
    assert row["decision"]["decision"] == "send_again"
    told = await salon.take_published()
    assert [event["type"].rpartition(".")[2] for event in told] == ["planned", "sent"]
    assert [bool(event["data"].get("actor")) for event in told] == [True, False]


async def test_a_mail_that_is_sent_again_is_the_same_mail(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    first = await _left_unknown(salon)
    [row] = await salon.ledger()

    await decided(salon, row["id"], "send-again")
    [mail] = await salon.send()

    assert mail["Message-ID"] == first
    assert await salon.outcomes() == [("created", "sent", None)]


async def test_the_next_attempt_may_end_unknown_as_well_and_somebody_decides_again(
    salon: Salon, twilio: FakeTwilio
) -> None:
    _, message_id = await lost(salon, twilio)
    twilio.answers = [Answer(acts=True, cut=True)]
    await decided(salon, message_id, "send-again")
    await salon.sender.send_due()
    assert (await text_row(salon))["status"] == "unknown"
    await salon.sender.send_due()
    assert twilio.requests == 2

    row = await decided(salon, message_id, "confirm-sent")
    assert (row["status"], row["decision"]["decision"], row["attempts"]) == ("sent", "confirm_sent", 2)


async def _cancelled(salon: Salon, phone: Phone, appointment: AppointmentSnapshot) -> None:
    await salon.receive(salon.cancelled(appointment))


async def _moved(salon: Salon, phone: Phone, appointment: AppointmentSnapshot) -> None:
    await salon.receive(*salon.rescheduled(appointment, appointment.starts_at + timedelta(days=1)))


async def _stopped(salon: Salon, phone: Phone, appointment: AppointmentSnapshot) -> None:
    await phone.text("STOP")


async def _without_a_phone(salon: Salon, phone: Phone, appointment: AppointmentSnapshot) -> None:
    await salon.receive_states(salon.client(phone=None, version=3))


async def _too_late(salon: Salon, phone: Phone, appointment: AppointmentSnapshot) -> None:
    salon.now = appointment.starts_at


async def _erased(salon: Salon, phone: Phone, appointment: AppointmentSnapshot) -> None:
    await salon.erase(salon.client_id)


@pytest.mark.parametrize(
    ("happened", "reason"),
    [
        (_cancelled, "appointment_cancelled"),
        (_moved, "appointment_rescheduled"),
        (_stopped, "opted_out"),
        (_without_a_phone, "no_address"),
        (_too_late, "too_late"),
        (_erased, "client_erased"),
    ],
)
async def test_what_would_not_be_sent_now_is_not_sent_again(
    salon: Salon,
    twilio: FakeTwilio,
    phone: Phone,
    happened: Callable[[Salon, Phone, AppointmentSnapshot], Awaitable[None]],
    reason: str,
) -> None:
    appointment, message_id = await lost(salon, twilio)
    await happened(salon, phone, appointment)
    await salon.take_published()
    before = await text_row(salon)

    answer = await decide(salon, message_id, "send-again")

    assert (answer.status_code, answer.json()["code"]) == (409, "send_again_refused")
    assert [why["code"] for why in answer.json()["reasons"]] == [reason]
    assert await text_row(salon) == before
    assert await salon.take_published() == []
    # What has become of it can still be said.
    assert (await decided(salon, message_id, "give-up"))["status"] == "failed"
    await salon.sender.send_due()
    assert twilio.requests == 1


async def test_an_appointment_that_ends_after_the_decision_stops_what_was_to_be_sent_again(
    salon: Salon, twilio: FakeTwilio
) -> None:
    appointment, message_id = await lost(salon, twilio)
    await decided(salon, message_id, "send-again")
    await salon.receive(salon.cancelled(appointment, notify_client=False))
    await salon.sender.send_due()

    assert twilio.requests == 1
    row = await text_row(salon)
    assert (row["status"], row["reason"], row["attempts"]) == ("suppressed", "appointment_cancelled", 1)


async def test_of_several_who_decide_at_once_one_is_heard(salon: Salon, twilio: FakeTwilio) -> None:
    _, message_id = await lost(salon, twilio)

    answers = await asyncio.gather(*(decide(salon, message_id, verb) for verb in [*VERBS, *VERBS]))

    [heard] = [answer.json() for answer in answers if answer.status_code == 200]
    refused = [(answer.status_code, answer.json()["code"]) for answer in answers if answer.status_code != 200]
    assert refused == [(409, "message_not_unknown")] * 5
    assert await text_row(salon) == heard
    assert len(await salon.take_published()) == 1
    await salon.sender.send_due()
    assert twilio.requests == (2 if heard["status"] == "planned" else 1)


@pytest.mark.parametrize("verb", VERBS)
async def test_a_decision_is_repeated_by_its_key_and_refused_for_another_version(
    salon: Salon, twilio: FakeTwilio, verb: str
) -> None:
    _, message_id = await lost(salon, twilio)
    version = (await text_row(salon))["version"]
    stale = await decide(salon, message_id, verb, **{"If-Match": f'"{version - 1}"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")

    headers = {"If-Match": f'"{version}"', "Idempotency-Key": "k-1"}
    first, again = [await decide(salon, message_id, verb, **headers) for _ in range(2)]

    assert (first.status_code, first.headers["ETag"]) == (200, f'"{version + 1}"')
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    assert len(await salon.take_published()) == 1
    await salon.sender.send_due()
    assert twilio.requests == (2 if verb == "send-again" else 1)


@pytest.mark.parametrize("verb", VERBS)
async def test_only_what_is_unknown_is_decided_about(salon: Salon, verb: str) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    [row] = await salon.ledger()
    for _ in ("planned", "sent"):
        answer = await decide(salon, row["id"], verb)
        assert (answer.status_code, answer.json()["code"]) == (409, "message_not_unknown")
        await salon.send()
    assert len(salon.mailbox.mails) == 1


@pytest.mark.parametrize("verb", VERBS)
async def test_who_may_not_send_decides_nothing_and_another_tenant_finds_nothing(
    salon: Salon, twilio: FakeTwilio, api_client: ApiClientFactory, signer: Signer, verb: str
) -> None:
    _, message_id = await lost(salon, twilio)

    async def caller(role: str, **claims: str) -> httpx2.AsyncClient:
        token = signer.token(organization_id=salon.organization_id, role=role, claims=claims)
        return await api_client(salon.app, token=token)

    path = f"/v1/messages/{message_id}/{verb}"
    told = [
        await salon.stranger.post(path),
        await salon.http.post(f"/v1/messages/{uuid4()}/{verb}"),
        await salon.viewer.post(path),
        await (await caller("agent")).post(path),
        await (await caller("integration", scope="messages:read")).post(path),
        await (await caller("integration", scope="messages:read messages:send")).post(path),
        await salon.anonymous.post(path),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in told] == [
        (404, "not_found"),
        (404, "not_found"),
        (403, "forbidden"),
        (403, "forbidden"),
        (403, "forbidden"),
        (403, "people_only"),
        (401, "token_missing"),
    ]
    for hostile in ("%00", "1", "x" * 5_000, "' OR true --"):
        assert (await salon.http.post(f"/v1/messages/{hostile}/{verb}")).status_code in (400, 404, 422)
    assert (await salon.http.post(path, params={"force": "1"})).status_code == 422
    assert (await text_row(salon))["status"] == "unknown"
    assert (await (await caller("staff")).post(path)).status_code == 200


@pytest.mark.parametrize(
    ("verb", "said", "ends"),
    [
        ("confirm-sent", "sent", ("sent", None)),
        ("confirm-sent", "delivered", ("delivered", None)),
        ("confirm-sent", "failed", ("failed", "twilio_failed")),
        ("give-up", "sent", ("sent", None)),
        ("give-up", "delivered", ("delivered", None)),
        ("give-up", "undelivered", ("failed", "twilio_undelivered")),
        ("send-again", "sent", ("sent", None)),
        ("send-again", "delivered", ("delivered", None)),
    ],
)
async def test_what_the_provider_says_stands_above_what_somebody_has_said(
    salon: Salon, twilio: FakeTwilio, phone: Phone, verb: str, said: str, ends: tuple[str, str | None]
) -> None:
    _, message_id = await lost(salon, twilio)
    await decided(salon, message_id, verb)
    for _ in range(2):
        await phone.status(message_id, said, sid_of(twilio, 0), attempt="1")
    await salon.sender.send_due()

    row = await text_row(salon)
    assert (row["status"], row["code"]) == ends
    assert row["decision"]["decision"] == verb.replace("-", "_")
    assert twilio.requests == 1
    # The first final word of the provider stays.
    if row["status"] != "sent":
        await phone.status(message_id, "failed" if said == "delivered" else "delivered", sid_of(twilio, 0), attempt="1")
        assert await text_row(salon) == row


async def test_that_the_first_attempt_failed_changes_nothing_of_what_is_sent_again(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    _, message_id = await lost(salon, twilio)
    await decided(salon, message_id, "send-again")
    await phone.status(message_id, "failed", sid_of(twilio, 0), attempt="1", ErrorCode="30005")
    assert (await text_row(salon))["status"] == "planned"
    await salon.sender.send_due()
    assert ((await text_row(salon))["status"], twilio.requests) == ("sent", 2)


@pytest.mark.parametrize("attempt", ["1", None])
async def test_what_is_said_of_the_first_attempt_is_not_believed_of_the_second(
    salon: Salon, twilio: FakeTwilio, phone: Phone, until: Any, attempt: str | None
) -> None:
    _, message_id = await lost(salon, twilio)
    await decided(salon, message_id, "send-again")
    twilio.answers = [Answer(hold=asyncio.Event())]
    sending = asyncio.create_task(salon.sender.send_due())
    await until(lambda: len(twilio.texts) == 2, what="the second text to arrive")
    for status in ("delivered", "failed"):
        await phone.status(message_id, status, sid_of(twilio, 0), attempt=attempt)
    assert (await text_row(salon))["status"] == "claimed"
    assert twilio.held is not None
    twilio.held.set()
    await sending
    await phone.status(message_id, "undelivered", sid_of(twilio, 0), attempt=attempt)
    assert (await text_row(salon))["status"] == "sent"

    await phone.status(message_id, "delivered", sid_of(twilio, 1), attempt="2")
    row = await text_row(salon)
    assert (row["status"], row["attempts"], twilio.requests) == ("delivered", 2, 2)


@pytest.mark.parametrize("attempt", ["0", "01", "-1", "99999", "1e3", "\x00", "1 OR 1", ""])
async def test_an_attempt_that_is_no_number_says_nothing_of_which_it_is(
    salon: Salon, twilio: FakeTwilio, phone: Phone, attempt: str
) -> None:
    _, message_id = await lost(salon, twilio)
    await phone.status(message_id, "delivered", sid_of(twilio, 0), attempt=attempt)
    assert (await text_row(salon))["status"] == "delivered"


async def test_a_status_that_comes_once_the_new_attempt_is_claimed_keeps_it_back(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    _, message_id = await lost(salon, twilio)
    await decided(salon, message_id, "send-again")
    texts = salon.sender.channels.require(Channel.SMS)

    class OvertakenChannel:
        name = Channel.SMS
        longest_hand_over = texts.longest_hand_over
        begun = True

        def address_of(self, contact: Contact) -> str | None:
            return texts.address_of(contact)

        def compose(self, notification: Notification, **when: Any) -> Outgoing:
            return texts.compose(notification, **when)

        async def send(self, outgoing: Outgoing, *, may_hand_over: MayHandOver) -> Receipt:
            assert (await text_row(salon))["status"] == "claimed"
            await phone.status(message_id, "delivered", sid_of(twilio, 0), attempt="1")
            self.begun = await may_hand_over()
            raise NotHandedOverError

        async def aclose(self) -> None: ...

    overtaken = OvertakenChannel()
    salon.use_channels(overtaken)
    await salon.sender.send_due()

    assert not overtaken.begun
    assert (await text_row(salon))["status"] == "delivered"


@pytest.mark.parametrize("verb", VERBS)
async def test_a_decision_and_a_status_at_once_send_nothing_twice(
    salon: Salon, twilio: FakeTwilio, phone: Phone, verb: str
) -> None:
    _, message_id = await lost(salon, twilio)

    answer, _ = await asyncio.gather(
        decide(salon, message_id, verb), phone.status(message_id, "delivered", sid_of(twilio, 0), attempt="1")
    )
    await salon.sender.send_due()

    assert answer.status_code in (200, 409)
    assert (await text_row(salon))["status"] == "delivered"
    assert twilio.requests == 1


@pytest.mark.parametrize("verb", VERBS)
async def test_an_answer_that_was_given_up_puts_right_what_was_decided_meanwhile(salon: Salon, verb: str) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    email = salon.email

    class LateChannel(EmailChannel):
        async def send(self, outgoing: Outgoing, *, may_hand_over: MayHandOver) -> Receipt:
            assert await may_hand_over()
            salon.now += timedelta(minutes=10)
            await recover_claims(database=salon.database, now=salon.now)
            [row] = await salon.ledger()
            await decided(salon, row["id"], verb)
            return Receipt(provider_id="late")

    salon.use_channels(LateChannel(salon.gateway, sender_address="no-reply@mail.example"))
    await salon.sender.send_due()
    salon.use_channels(email)

    assert await salon.send() == []
    assert await salon.outcomes() == [("created", "sent", None)]


async def test_the_answer_of_a_former_attempt_says_nothing_of_the_one_that_is_under_way(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    other = create_sender(salon.settings, database=salon.database, channels=salon.sender.channels, clock=salon.clock)

    class LaterChannel(EmailChannel):
        async def send(self, outgoing: Outgoing, *, may_hand_over: MayHandOver) -> Receipt:
            assert await may_hand_over()
            salon.now += timedelta(minutes=10)
            await recover_claims(database=salon.database, now=salon.now)
            [row] = await salon.ledger()
            await decided(salon, row["id"], "send-again")
            # What comes of the second attempt is not known either.
            salon.use_channels(DyingChannel(salon.gateway, sender_address="no-reply@mail.example"))
            other.channels = salon.sender.channels
            await other.send_due()
            salon.now += timedelta(minutes=10)
            await recover_claims(database=salon.database, now=salon.now)
            return Receipt(provider_id="much too late")

    salon.use_channels(LaterChannel(salon.gateway, sender_address="no-reply@mail.example"))
    await salon.sender.send_due()
    assert await salon.outcomes() == [("created", "unknown", "worker_died")]
    [row] = await salon.ledger()
    assert row["attempts"] == 2


async def test_who_may_have_been_told_is_told_of_a_mistake_though_it_was_not_sent_again(salon: Salon) -> None:
    first, right = salon.snapshot(), uuid4()
    await salon.receive_states(salon.client(id=right, name="Ada Lovelace", email="lovelace@example.com"))
    await salon.receive(salon.created(first))
    await _left_unknown(salon)
    [row] = await salon.ledger()
    await decided(salon, row["id"], "send-again")

    await salon.receive(salon.corrected(first, right))
    told = {mail["To"].addresses[0].addr_spec for mail in await salon.send()}

    assert told == {"grace@example.com", "lovelace@example.com"}
    assert ("withdrawn", "sent", None) in await salon.outcomes()


@pytest.mark.parametrize(
    ("verb", "ends", "calls"),
    [
        ("confirm-sent", ("failed", "twilio_no-answer"), 1),
        ("give-up", ("failed", "twilio_no-answer"), 1),
        ("send-again", ("sent", None), 2),
    ],
)
async def test_nobody_is_called_again_by_rule_on_top_of_what_was_decided(
    salon: Salon, twilio: FakeTwilio, phone: Phone, verb: str, ends: tuple[str, str | None], calls: int
) -> None:
    appointment, _ = await remind_by_call(salon)
    twilio.answers = [Answer(acts=True, cut=True)]
    await fall_due(salon, appointment)
    row = await call_row(salon)
    assert row["status"] == "unknown"

    await decided(salon, row["id"], verb)
    await last_call(twilio, phone).status("no-answer")
    for _ in range(3):
        await salon.sender.send_due()
        salon.now += timedelta(minutes=11)

    row = await call_row(salon)
    assert (row["status"], row["code"]) == ends
    assert len(twilio.calls) == calls


class DyingChannel(EmailChannel):
    """Its worker ends before it knows what came of a mail."""

    handed_over = ""

    async def send(self, outgoing: Outgoing, *, may_hand_over: MayHandOver) -> Receipt:
        assert await may_hand_over()
        self.handed_over = outgoing.reference
        raise asyncio.CancelledError


async def _left_unknown(salon: Salon) -> str:
    """A mail that may have gone out; its Message-ID."""
    email, dying = salon.email, DyingChannel(salon.gateway, sender_address="no-reply@mail.example")
    salon.use_channels(dying)
    await salon.sender.send_due()
    salon.use_channels(email)
    salon.now += timedelta(minutes=10)
    await recover_claims(database=salon.database, now=salon.now)
    await salon.take_published()
    return dying.handed_over
