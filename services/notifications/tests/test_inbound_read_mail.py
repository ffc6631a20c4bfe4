"""Mails as they come in: whatever they hold, reading them ends, and an address says what was put into it."""

from base64 import urlsafe_b64encode
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from notifications.adapters.email import MailUnreadableError, ReplyAddresses, read_mail
from notifications.adapters.email.inbound_calendar import read_replies
from notifications.channels import create_reply_addresses
from notifications.domain.mail_replies import Participation
from notifications.main import create_inbound_mail
from notifications.settings import NotificationsSettings
from slotstream_servicekit.errors import StartError

KEY = urlsafe_b64encode(bytes(32)).decode()
ADDRESSES = ReplyAddresses([KEY], mailbox="reply@in.salon.example")
PIECES = (
    *(
        "From: a@b.c",
        "To: x",
        "Content-Type: multipart/mixed; boundary=b",
        "Content-Type: text/calendar",
        "--b",
        "--b--",
    ),
    *("Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "QUJD", "", "\t", "\x00", "=?utf-8?q?=ff?="),
    *("Content-Type: text/html; charset=utf-16", "<!--", "<p", "</script", "&#0;", "(((((", '"', ";;;", "é", "\ud800"),
    *("Message-ID: <created.1@mail.example>", "Auto-Submitted:", "Content-Disposition: attachment; filename*0*=''"),
    *("BEGIN:VCALENDAR", "METHOD:REPLY", "BEGIN:VEVENT", "UID:x", "DTSTAMP:1", "ATTENDEE;PARTSTAT=", "END:VEVENT"),
)
RRULE = "RRULE:FREQ=SECONDLY;COUNT=99999999\r\nEXDATE:20260101T000000Z\r\nDURATION:P99999999999D"


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.sampled_from(["\r\n", "\n", "\r"]))
def test_whatever_a_mail_is_made_of_it_is_read_or_refused(pieces: list[str], end: str) -> None:
    raw = end.join(pieces).encode("utf-8", "surrogatepass")
    try:
        mail = read_mail(raw, addresses=ADDRESSES, own_domain="mail.example")
    except MailUnreadableError:
        return
    assert len(mail.text) <= 1_600
    assert "\x00" not in mail.text + (mail.sender or "")
    mail.text.encode()


@given(st.binary(max_size=2_000))
def test_bytes_that_are_no_mail_are_read_or_refused(raw: bytes) -> None:
    try:
        read_mail(raw, addresses=ADDRESSES, own_domain="mail.example").text.encode()
    except MailUnreadableError:
        return


@given(st.uuids(), st.uuids(), st.text(min_size=1, max_size=60))
def test_an_address_comes_back_whatever_a_relay_makes_of_its_case(organization: UUID, client: UUID, uid: str) -> None:
    uid = uid.encode("utf-8", "ignore").decode()
    given_away = ADDRESSES.address_for(organization, client, uid)
    local = given_away.address.partition("@")[0]
    assert len(local) <= 64
    for written in (given_away.address, given_away.address.upper(), f'"Salon" <{given_away.address}>, b@c.d'):
        [token] = ADDRESSES.tokens_in(written)
        assert (token.organization_id, token.digest) == (organization, given_away.digest)
        assert ADDRESSES.proves(token, client_id=client, calendar_uid=uid)
        assert not ADDRESSES.proves(token, client_id=client, calendar_uid=f"{uid}.")
        assert not ADDRESSES.proves(token, client_id=uuid4(), calendar_uid=uid)
    assert ADDRESSES.tokens_in(f"x{given_away.address}") == []
    assert ADDRESSES.tokens_in(f"{given_away.address}.evil.example") == []


@pytest.mark.parametrize("mailbox", ["", "reply", "a-mailbox-too-long@x.y", "re+ply@x.y", "r ep@x.y"])
def test_a_mailbox_without_room_for_a_token_is_refused(mailbox: str) -> None:
    with pytest.raises(ValueError, match="mailbox for replies"):
        ReplyAddresses([KEY], mailbox=mailbox)


def settings_with(**given: object) -> NotificationsSettings:
    return NotificationsSettings(database_url="postgresql+asyncpg://nobody@localhost/nothing", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [
        {"reply_mailbox": "reply@x.example"},
        {"reply_mailbox": "reply@x.example", "reply_keys": (SecretStr(KEY),)},
        {"reply_mailbox": "reply@x.example", "inbound_mail_secret": SecretStr("x" * 32)},
        {
            "reply_mailbox": "reply@x.example",
            "reply_keys": (SecretStr(KEY),),
            "inbound_mail_secret": SecretStr("too short"),
        },
        {"reply_mailbox": "none", "reply_keys": (SecretStr(KEY),), "inbound_mail_secret": SecretStr("x" * 32)},
    ],
)
def test_an_address_that_nobody_would_hear_does_not_start(given: dict[str, object]) -> None:
    with pytest.raises(StartError, match="NOTIFICATIONS_REPLY_MAILBOX"):
        create_reply_addresses(settings_with(**given))


def test_a_secret_alone_opens_no_door() -> None:
    assert create_inbound_mail(settings_with(inbound_mail_secret=SecretStr("x" * 32))) is None


def test_a_calendars_answer_is_read_with_its_instants_in_utc() -> None:
    event = (
        "BEGIN:VEVENT\r\nUID:u@slotstream\r\nSEQUENCE:2\r\nDTSTAMP:20260301T080000Z\r\n"
        "RECURRENCE-ID;TZID=Europe/Berlin:20260310T100000\r\nDTSTART:20260310T100000\r\n"
        f"{RRULE}\r\nATTENDEE;PARTSTAT=accepted:mailto:g@example.com\r\nCOMMENT:Yes\\, gladly\r\nEND:VEVENT\r\n"
    )
    replies = read_replies(f"BEGIN:VCALENDAR\r\nMETHOD:reply\r\n{event}END:VCALENDAR\r\n")
    assert replies is not None
    [reply] = replies
    assert (reply.uid, reply.sequence, reply.participation) == ("u@slotstream", 2, Participation.ACCEPTED)
    assert reply.recurs_at is not None
    assert reply.recurs_at.isoformat() == "2026-03-10T09:00:00+00:00"
    # Of no zone: what instant is meant is not said.
    assert (reply.starts_at, reply.comment) == (None, "Yes, gladly")


@pytest.mark.parametrize("method", ["REQUEST", "CANCEL", "PUBLISH", "REFRESH", ""])
def test_what_is_no_answer_is_none(method: str) -> None:
    event = "BEGIN:VEVENT\r\nUID:u\r\nEND:VEVENT\r\n"
    assert read_replies(f"BEGIN:VCALENDAR\r\nMETHOD:{method}\r\n{event}END:VCALENDAR\r\n") is None
