"""What Twilio calls: believed with its signature alone, worked through once, in whatever order it comes."""

import asyncio
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from notifications_phone import BASE, GRACE, Phone
from notifications_salon import Salon
from notifications_twilio import Answer, FakeTwilio
from sqlalchemy import text
from test_sms_sending import fall_due, remind, text_row

from notifications.adapters.twilio import form_of, is_signed, signature_of
from notifications.domain.opt_outs import NumberDigests, opt_out_word

N3_TOKEN = "c0ffee00c0ffee00c0ffee00c0ffee00"
N3_URL = "https://msg.salon.test/v1/providers/twilio/inbound-sms?route=r-41&city=K%C3%B6ln&note=it%27s+here"
N3_BODY = (
    b"ToCountry=GB&MessageSid=SM00000000000000000000000000000041&NumMedia=0&From=%2B447700900123&FromCity="
    b"&Body=1+%E2%80%93+ja+%F0%9F%91%8D&To=%2B447700900777&AccountSid=AC00000000000000000000000000000001"
    b"&ApiVersion=2010-04-01&NumSegments=1"
)
N3_SIGNATURE = "wqEmzLmDq3bDiiHyLbDJ5R7ycwE="


@pytest.mark.parametrize("url", [N3_URL, N3_URL.replace("salon.test/", "salon.test:443/")])
def test_twilios_signature_is_recognised(url: str) -> None:
    assert signature_of(N3_TOKEN, N3_URL, form_of(N3_BODY)) == N3_SIGNATURE
    assert is_signed(N3_SIGNATURE, token=N3_TOKEN, url=url, form=form_of(N3_BODY))


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (N3_URL.replace("https:", "http:"), N3_BODY),
        (N3_URL.replace("msg.salon.test", "notifications:8000"), N3_BODY),
        (N3_URL.replace("route=r-41&city=K%C3%B6ln", "city=K%C3%B6ln&route=r-41"), N3_BODY),
        (N3_URL.replace("K%C3%B6ln", "Köln"), N3_BODY),
        (N3_URL.replace("+here", "%20here"), N3_BODY),
        (N3_URL.partition("?")[0], N3_BODY),
        (N3_URL, N3_BODY.replace(b"&FromCity=", b"")),
        (N3_URL, N3_BODY + b"&More=1"),
        (N3_URL, N3_BODY.replace(b"%91%8D", b"%91%8D+")),
    ],
)
def test_a_signature_of_anything_else_is_not(url: str, body: bytes) -> None:
    assert not is_signed(N3_SIGNATURE, token=N3_TOKEN, url=url, form=form_of(body))


STOPS = (
    *("STOP", "stop.", "“Stop”", "ＳＴＯＰ", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "REVOKE", "OPTOUT", "OPT OUT"),
    *(
        "opt  out",
        "ARRET",
        "arrêt",
        "Arre\u0302t !",
        "STOPP",
        "ALTO",
        "BAJA",
        "إيقاف",
        "ايقاف",
        "CANCEL",
        "\u200fSTOP\x00",
        " stop\n",
    ),
)


@pytest.mark.parametrize("word", STOPS)
def test_words_that_stop(word: str) -> None:
    assert opt_out_word(word) == "stop"


@pytest.mark.parametrize("word", ["START", "unstop", "Yes!"])
def test_words_that_start(word: str) -> None:
    assert opt_out_word(word) == "start"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "1",
        "Stop. Thank you",
        "please stop texting",
        "Can I stop by at 10?",
        "stopped",
        "👍",
        "\x00",
        "stop" * 10_000,
        "." * 9,
    ],
)
def test_words_that_only_sound_like_it(words: str) -> None:
    assert opt_out_word(words) is None


def test_a_number_is_remembered_by_a_keyed_hash_in_any_spelling() -> None:
    digests, former = NumberDigests(["new", "old"]), NumberDigests(["old"])
    assert digests.of("+44 7700 900-123") == digests.of(GRACE)
    assert former.of(GRACE)[0] in digests.of(GRACE)
    assert len({*digests.of(GRACE), *digests.of("+447700900124")}) == 4
    assert NumberDigests(()).of(GRACE) == ()


async def sent_text(salon: Salon, twilio: FakeTwilio) -> tuple[str, str]:
    """A reminder that was sent: its message and Twilio's SID of it."""
    appointment, reminder = await remind(salon)
    await fall_due(salon, appointment)
    return reminder["message_id"], next(iter(twilio.texts))


async def opt_outs(salon: Salon) -> list[str]:
    async with salon.database.system_transaction() as session:
        return list((await session.execute(text("SELECT digest FROM number_opt_outs"))).scalars())


@pytest.mark.service
@pytest.mark.parametrize(
    ("statuses", "ends"),
    [
        ([("delivered", ""), ("sent", ""), ("queued", ""), ("delivered", "")], ("delivered", None)),
        ([("failed", "30005"), ("sent", ""), ("undelivered", "")], ("failed", "twilio_30005")),
        ([("delivered", ""), ("failed", "30008")], ("delivered", None)),
        ([("sent", ""), ("read", "")], ("delivered", None)),
        ([("undelivered", "")], ("failed", "twilio_undelivered")),
        ([("teleported", ""), ("", "")], ("sent", None)),
    ],
)
async def test_statuses_in_any_order_end_in_the_same_truth(
    salon: Salon, twilio: FakeTwilio, phone: Phone, statuses: list[tuple[str, str]], ends: tuple[str, str | None]
) -> None:
    message_id, sid = await sent_text(salon, twilio)
    await salon.take_published()
    for status, code in statuses:
        await phone.status(message_id, status, sid, ErrorCode=code)
        await phone.status(message_id, status, sid, ErrorCode=code)

    row = await text_row(salon)
    assert (row["status"], row["code"]) == ends
    told = [kind for kind, _ in await salon.published()]
    assert told == ([] if ends[0] == "sent" else [ends[0]])


@pytest.mark.service
async def test_an_unknown_resolves_itself_when_twilio_speaks(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    appointment, reminder = await remind(salon)
    twilio.answers = [Answer(acts=True, cut=True)]
    await fall_due(salon, appointment)
    assert (await text_row(salon))["status"] == "unknown"

    await phone.status(reminder["message_id"], "queued", next(iter(twilio.texts)))
    row = await text_row(salon)
    assert (row["status"], row["code"]) == ("sent", None)
    assert twilio.requests == 1


@pytest.mark.service
async def test_a_status_that_overtakes_the_answer_is_kept(
    salon: Salon, twilio: FakeTwilio, phone: Phone, until: Any
) -> None:
    appointment, reminder = await remind(salon)
    twilio.answers = [Answer(hold=asyncio.Event())]
    sending = asyncio.create_task(fall_due(salon, appointment))
    await until(lambda: twilio.texts, what="the text to arrive")
    await phone.status(reminder["message_id"], "delivered", next(iter(twilio.texts)))
    assert twilio.held is not None
    twilio.held.set()
    await sending

    assert (await text_row(salon))["status"] == "delivered"
    assert twilio.requests == 1


@pytest.mark.service
async def test_a_forged_call_changes_nothing(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    message_id, sid = await sent_text(salon, twilio)
    query = urlencode({"organization": str(salon.organization_id), "message": message_id})
    form = {"MessageSid": sid, "MessageStatus": "delivered"}
    stop = {"MessageSid": sid, "From": GRACE, "Body": "STOP"}
    other = urlencode({"organization": str(salon.organization_id), "message": str(uuid4())})
    for answer in (
        await phone.call(f"sms-status?{query}", form, signature=""),
        await phone.call(f"sms-status?{query}", form, signature="x" * 28),
        # Signed by Twilio, but for another message: an address cannot be changed afterwards.
        await phone.call(f"sms-status?{query}", form, signed=f"{BASE}/v1/providers/twilio/sms-status?{other}"),
        await phone.call("inbound-sms", stop, signature="AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        await phone.call("inbound-sms", stop, signed="http://testserver/v1/providers/twilio/inbound-sms"),
        await phone.call("inbound-sms?more=1", stop, signed=f"{BASE}/v1/providers/twilio/inbound-sms"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "signature_invalid")
    assert (await text_row(salon))["status"] == "sent"
    assert await opt_outs(salon) == []


@pytest.mark.service
async def test_without_a_token_every_call_is_refused(salon: Salon) -> None:
    answer = await salon.anonymous.post("/v1/providers/twilio/inbound-sms", content="From=%2B447700900123&Body=STOP")
    assert answer.status_code == 403


@pytest.mark.service
async def test_another_tenants_message_is_not_changed_by_a_call_for_ours(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    message_id, sid = await sent_text(salon, twilio)
    await phone.status(message_id, "delivered", sid, organization_id=uuid4())
    await phone.status(str(uuid4()), "delivered", sid)
    await phone.status(message_id, "delivered", "SM" + "f" * 32)
    await phone.status(message_id, "delivered", "'; DROP TABLE messages")
    assert (await text_row(salon))["status"] == "sent"

    mail = next(row for row in await salon.ledger() if row["channel"] == "email")
    await phone.status(mail["id"], "failed", sid)
    assert next(row for row in await salon.ledger() if row["channel"] == "email")["status"] == "sent"


@pytest.mark.service
@pytest.mark.parametrize("body", [b"x" * 70_000, b"Body=" + b"a" * 2_000_000])
async def test_a_huge_body_is_refused(salon: Salon, twilio: FakeTwilio, body: bytes) -> None:
    answer = await salon.anonymous.post("/v1/providers/twilio/inbound-sms", content=body)
    assert answer.status_code == 413


@pytest.mark.service
@pytest.mark.parametrize("body", [b"\xff\xfe", b"Body=%ff", b"&".join(b"a=%d" % n for n in range(1_000)), b"", b"%"])
async def test_a_body_that_is_no_form_is_refused(salon: Salon, twilio: FakeTwilio, body: bytes) -> None:
    answer = await salon.anonymous.post("/v1/providers/twilio/inbound-sms", content=body)
    assert answer.status_code == 403


@pytest.mark.service
async def test_stop_holds_at_once_for_the_number_and_start_opens_it_again(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    appointment, _ = await remind(salon)
    await salon.take_published()
    await phone.text("Stop\x00")
    assert (await text_row(salon))["reason"] == "opted_out"
    assert sorted(await salon.published()) == [("received", "inbound"), ("suppressed", "reminder")]
    shown = (await salon.http.get(f"/v1/clients/{salon.client_id}/preferences")).json()
    assert (shown["opted_out"], sorted(shown["stopped"])) == ({}, ["sms"])

    other, _ = await remind(salon)
    await phone.text("UNSTOP")
    assert [row["status"] for row in await salon.ledger() if row["channel"] == "sms"] == ["planned", "planned"]
    await fall_due(salon, appointment)
    assert len(twilio.texts) == 2
    assert (await salon.http.get(f"/v1/clients/{salon.client_id}/preferences")).json()["stopped"] == {}
    del other


@pytest.mark.service
async def test_a_reminder_planned_after_a_stop_is_judged_when_it_is_sent(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    await phone.text("CANCEL")
    appointment, _ = await remind(salon)
    await fall_due(salon, appointment)
    assert twilio.requests == 0
    assert (await text_row(salon))["reason"] == "opted_out"


@pytest.mark.service
async def test_start_lifts_nothing_that_staff_have_set(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    await salon.http.put(f"/v1/clients/{salon.client_id}/preferences", json={"opted_out": ["sms"]})
    appointment, _ = await remind(salon)
    await phone.text("STOP")
    await phone.text("START")
    await fall_due(salon, appointment)
    assert twilio.requests == 0
    assert (await text_row(salon))["reason"] == "opted_out"


@pytest.mark.service
async def test_start_does_not_bring_back_what_a_cancellation_stopped(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    appointment, _ = await remind(salon)
    await phone.text("STOP")
    await salon.receive(salon.cancelled(appointment, notify_client=False))
    await phone.text("START")
    await fall_due(salon, appointment)
    assert twilio.requests == 0
    assert (await text_row(salon))["status"] == "suppressed"


@pytest.mark.service
async def test_a_replayed_stop_does_not_undo_a_start(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    sid = await phone.text("STOP", sid="SM" + "a" * 32)
    await phone.text("START")
    await phone.text("STOP", sid=sid)
    assert await opt_outs(salon) == []


@pytest.mark.service
async def test_two_copies_at_once_and_two_texts_at_once_do_what_one_does(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    await remind(salon)
    await salon.take_published()
    sid = "SM" + "b" * 32
    await asyncio.gather(*(phone.text("STOP", sid=sid) for _ in range(5)), *(phone.text("STOP") for _ in range(5)))
    assert len(await opt_outs(salon)) == 1
    # One of the copies, and each of the others.
    assert sorted(await salon.published()) == [*[("received", "inbound")] * 6, ("suppressed", "reminder")]


@pytest.mark.service
async def test_a_number_that_two_clients_of_two_organizations_have_is_stopped_for_both(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    appointment, _ = await remind(salon)
    elsewhere, somebody = uuid4(), uuid4()
    foreign = salon.snapshot(organization_id=elsewhere, client_id=somebody)
    await salon.receive_states(salon.client(id=somebody, organization_id=elsewhere, phone=GRACE))
    await salon.receive(salon.created(foreign))
    await salon.execute(
        "INSERT INTO messages SELECT (m).* FROM (SELECT jsonb_populate_record(m, jsonb_build_object("
        f"'organization_id', '{elsewhere}', 'client_id', '{somebody}', 'appointment_id', '{foreign.id}')) AS m "
        "FROM messages m WHERE channel = 'sms') copies"
    )
    tom = uuid4()
    await salon.receive_states(salon.client(id=tom, name="Tom", phone=GRACE))
    await phone.text("STOP")
    async with salon.database.system_transaction() as session:
        rows = (await session.execute(text("SELECT organization_id, reason FROM messages WHERE channel = 'sms'"))).all()
    assert {(row.organization_id, row.reason) for row in rows} == {
        (salon.organization_id, "opted_out"),
        (elsewhere, "opted_out"),
    }
    assert (await salon.http.get(f"/v1/clients/{tom}/preferences")).json()["stopped"] != {}
    del appointment


@pytest.mark.service
async def test_an_opt_out_outlives_the_client_and_is_a_digest_alone(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    await phone.text("arrêt")
    await salon.erase(salon.client_id)
    async with salon.database.system_transaction() as session:
        for table in ("number_opt_outs", "provider_calls", "clients", "messages", "outbox"):
            rows = (await session.execute(text(f"SELECT CAST({table} AS text) FROM {table}"))).scalars()
            assert not any("447700900123" in row for row in rows), table

    again = uuid4()
    await salon.receive_states(salon.client(id=again, phone=GRACE))
    appointment, _ = await remind(salon, client_id=again)
    await fall_due(salon, appointment)
    assert twilio.requests == 0
    assert (await text_row(salon))["reason"] == "opted_out"


@pytest.mark.service
async def test_a_status_after_an_erase_brings_nothing_back(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    message_id, sid = await sent_text(salon, twilio)
    await salon.erase(salon.client_id)
    await phone.status(message_id, "delivered", sid, To=GRACE)
    row = await text_row(salon)
    assert (row["status"], row["address"]) == ("delivered", None)
    async with salon.database.system_transaction() as session:
        assert (await session.execute(text("SELECT provider_id FROM messages WHERE channel = 'sms'"))).scalar() is None


@pytest.mark.service
async def test_a_provider_who_knows_of_an_opt_out_teaches_it_to_us(salon: Salon, twilio: FakeTwilio) -> None:
    first, _ = await remind(salon)
    twilio.answers = [Answer(400, 21610)]
    await fall_due(salon, first)
    second, _ = await remind(salon, starts_at=first.starts_at.replace(day=20))
    await fall_due(salon, second)
    assert twilio.requests == 1
    assert {row["reason"] for row in await salon.ledger() if row["channel"] == "sms"} == {"opted_out"}


@pytest.mark.service
async def test_other_texts_and_strange_senders_change_nothing(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    await remind(salon)
    await phone.text("Can I stop by at 10?")
    await phone.text("STOP", number="SALON")
    await phone.text("STOP", number="+447700900999")
    assert (await text_row(salon))["status"] == "planned"
    assert len(await opt_outs(salon)) == 1
