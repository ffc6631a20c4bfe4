"""The daily agenda: to its user alone, once a day, at the hour that they chose, and nothing of what they may not see."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import pytest
from notifications_salon import Salon
from notifications_staff import STAFF_PREFERENCES as PATH
from notifications_staff import Ada, booked, plain
from sqlalchemy import text

from notifications.adapters.email import EmailChannel
from notifications.adapters.portal_links import PortalLinks
from notifications.domain.channels import Outgoing, Receipt
from notifications.main import create_sender
from notifications.usecases.delivery import claim_messages, recover_claims
from slotstream_contracts.appointments import AssignedResource
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service

MayHandOver = Callable[[], Awaitable[bool]]


def html(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


async def test_at_the_hour_that_a_user_chose_they_are_mailed_what_they_have_that_day(salon: Salon, ada: Ada) -> None:
    await booked(salon, 13, status="pending")
    await booked(salon, 8)
    await booked(salon, 8, day=11)
    await booked(salon, 8, resources=(AssignedResource(id=uuid4(), kind="staff", name="Ben"),))
    salon.sender.portal = PortalLinks(["bGlua2xpbmtsaW5rbGlua2xpbmtsaW5rbGlua2xpbms="], "https://desk.example.com/")

    shown = await ada.chooses("07:00")
    early = await ada.at(5, 59)
    [mail] = await ada.at(6)

    assert (shown["agenda_zone"], shown["agenda_next_at"]) == ("Europe/Berlin", "2026-03-10T06:00:00Z")
    assert early == []
    assert str(mail["Subject"]) == "Agenda for Tuesday, 10 March 2026 (2)"
    assert plain(mail).splitlines()[2:4] == [
        "09:00 – 09:30  Haircut, Grace Hopper",
        "14:00 – 14:30  Haircut, Grace Hopper, requested, not approved yet",
    ]
    assert "All times are in Central European Standard Time." in plain(mail)
    assert "https://desk.example.com/settings/profile" in plain(mail)
    assert "grace@example.com" not in mail.as_string()
    assert mail.get_content_type() == "multipart/alternative"
    assert mail["Content-Language"] == "en"


async def test_the_next_day_follows_and_an_empty_day_is_passed_over(salon: Salon, ada: Ada) -> None:
    await booked(salon, 8)
    await booked(salon, 8, day=12)
    await ada.chooses("07:00")

    assert len(await ada.at(6)) == 1
    assert await ada.at(6, day=11) == []
    assert len(await ada.at(6, day=12)) == 1
    assert await ada.agendas() == [("sent", None), ("suppressed", "agenda_empty"), ("sent", None), ("planned", None)]


async def test_nobody_is_mailed_who_has_not_chosen_or_chose_otherwise_since(salon: Salon, ada: Ada) -> None:
    await booked(salon, 8)
    assert await ada.at(6) == []

    salon.now = datetime(2026, 3, 9, 12, tzinfo=UTC)
    await ada.chooses("07:00")
    assert (await ada.chooses(None))["agenda_next_at"] is None
    assert await ada.at(6) == []
    assert await ada.agendas() == [("suppressed", "switched_off")]


async def test_a_day_is_told_once_however_the_hour_is_moved(salon: Salon, ada: Ada) -> None:
    for day in (10, 11):
        await booked(salon, 15, day=day)
    await ada.chooses("07:00")
    await ada.chooses("06:30")
    assert len(await ada.at(5, 30)) == 1

    assert (await ada.chooses("09:00"))["agenda_next_at"] == "2026-03-11T08:00:00Z"
    assert await ada.at(8) == []
    assert (await ada.chooses("18:00", agenda_ahead=True))["agenda_next_at"] == "2026-03-10T17:00:00Z"
    [mail] = await ada.at(17)
    assert "11 March" in str(mail["Subject"])
    assert (await ada.chooses("07:00"))["agenda_next_at"] == "2026-03-12T06:00:00Z"
    assert await ada.at(6, day=11) == []


async def test_whoever_moves_the_hour_later_on_the_same_day_is_told_then(salon: Salon, ada: Ada) -> None:
    await booked(salon, 15)
    await ada.chooses("07:00")
    salon.now = datetime(2026, 3, 10, 5, 50, tzinfo=UTC)
    await ada.chooses("10:00")

    assert await ada.at(6) == []
    assert len(await ada.at(9)) == 1
    assert await ada.agendas() == [("sent", None), ("planned", None)]


async def test_two_senders_and_repeated_choices_send_one_mail(salon: Salon, ada: Ada) -> None:
    await booked(salon, 8)
    await asyncio.gather(*(ada.http.put(PATH, json={"agenda_at": "07:00"}) for _ in range(4)))
    salon.now = datetime(2026, 3, 10, 6, tzinfo=UTC)
    other = create_sender(salon.settings, database=salon.database, channels=salon.sender.channels, clock=salon.clock)
    while await asyncio.gather(salon.sender.send_due(), other.send_due()) != [0, 0]:
        pass

    assert len(salon.mailbox.mails) == 1
    assert await ada.agendas() == [("sent", None), ("planned", None)]


async def test_a_worker_that_dies_after_the_claim_leaves_todays_and_tomorrows(salon: Salon, ada: Ada) -> None:
    for day in (10, 11):
        await booked(salon, 8, day=day)
    await ada.chooses("07:00")
    salon.now = datetime(2026, 3, 10, 6, tzinfo=UTC)
    await _claim(salon)
    assert await salon.send() == []

    salon.now += timedelta(seconds=35)
    assert await recover_claims(database=salon.database, now=salon.now) == 1
    assert len(await salon.send()) == 1
    assert len(await ada.at(6, day=11)) == 1


async def test_a_worker_that_dies_before_its_claim_is_kept_leaves_all_as_it_was(
    salon: Salon, ada: Ada, monkeypatch: pytest.MonkeyPatch
) -> None:
    await booked(salon, 8)
    await ada.chooses("07:00")
    salon.now = datetime(2026, 3, 10, 6, tzinfo=UTC)

    async def dies(**_: Any) -> bool:
        raise RuntimeError("the process ends here")

    with monkeypatch.context() as patched:
        patched.setattr("notifications.usecases.delivery.plan_agendas", dies)
        with pytest.raises(RuntimeError):
            await _claim(salon)

    assert await ada.agendas() == [("planned", None)]
    assert len(await salon.send()) == 1
    assert await ada.agendas() == [("sent", None), ("planned", None)]


async def test_a_worker_that_dies_with_the_mail_handed_over_leaves_it_unknown_and_goes_on_tomorrow(
    salon: Salon, ada: Ada
) -> None:
    for day in (10, 11):
        await booked(salon, 8, day=day)
    await ada.chooses("07:00")

    class DyingChannel(EmailChannel):
        async def send(self, outgoing: Outgoing, *, may_hand_over: MayHandOver) -> Receipt:
            assert await may_hand_over()
            raise asyncio.CancelledError

    email = salon.email
    salon.use_channels(DyingChannel(salon.gateway, sender_address="no-reply@mail.example"))
    assert await ada.at(6) == []
    salon.now += timedelta(minutes=10)
    assert await recover_claims(database=salon.database, now=salon.now) == 0
    salon.use_channels(email)

    assert len(await ada.at(6, day=11)) == 1
    assert await ada.agendas() == [("unknown", "worker_died"), ("sent", None), ("planned", None)]


async def test_a_mail_server_that_is_busy_is_asked_again_and_the_day_is_told_once(salon: Salon, ada: Ada) -> None:
    await booked(salon, 8)
    await ada.chooses("07:00")
    salon.mailbox.at_recipient = ["450 later"]
    assert await ada.at(6) == []
    salon.now += timedelta(seconds=11)
    assert len(await salon.send()) == 1

    await booked(salon, 8, day=11)
    salon.mailbox.at_recipient = ["450 later"]
    assert await ada.at(6, day=11) == []
    # Whoever moves the hour meanwhile is told then.
    await ada.chooses("08:00")
    salon.now += timedelta(seconds=11)
    assert await salon.send() == []
    assert len(await ada.at(7, day=11)) == 1
    assert await ada.agendas() == [("sent", None), ("sent", None), ("planned", None)]


async def test_after_downtime_the_day_is_told_while_some_of_it_lies_ahead(salon: Salon, ada: Ada) -> None:
    await booked(salon, 8)
    await booked(salon, 9, day=12)
    await ada.chooses("07:00")

    assert await ada.at(8, 30) == []
    assert await ada.agendas() == [("suppressed", "too_late"), ("planned", None)]
    # A day and a half later: one mail, of the day that is.
    assert len(await ada.at(8, 59, day=12)) == 0
    assert len(await ada.at(6, day=13)) == 0
    assert [reason for _, reason in await ada.agendas()] == ["too_late", "agenda_empty", "agenda_empty", None]


async def test_only_what_the_user_may_see_is_told(salon: Salon, ada: Ada) -> None:
    other_business, other_staff = uuid4(), uuid4()
    await salon.receive_states(
        salon.business(id=other_business, name="Salon Süd"),
        salon.staff(id=other_staff, name="Ben", user_id="somebody-else"),
    )
    ben = AssignedResource(id=other_staff, kind="staff", name="Ben")
    await booked(salon, 8, service_name="Here")
    await booked(salon, 9, service_name="There", business_id=other_business)
    await booked(salon, 10, service_name="Of Ben", resources=(ben,))
    gone = await booked(salon, 11, service_name="Gone")
    await salon.receive(salon.cancelled(gone))
    await ada.chooses("07:00")
    salon.mailbox.mails.clear()

    [mail] = await ada.at(6)
    assert ("Here, Grace Hopper, Salon Nord" in plain(mail), "There, Grace Hopper, Salon Süd" in plain(mail)) == (
        True,
        True,
    )
    assert "Of Ben" not in plain(mail)
    assert "Gone" not in plain(mail)
    await ada.becomes(business_ids=(salon.business_id,))
    await booked(salon, 8, day=11, service_name="Here")
    await booked(salon, 9, day=11, service_name="There", business_id=other_business)
    [limited] = await ada.at(6, day=11)
    assert ("Here" in plain(limited), "There" in plain(limited)) == (True, False)
    # Limited to another calendar: her own is not hers to see any more.
    await ada.becomes(resource_id=other_staff)
    await booked(salon, 8, day=12, service_name="Here")
    await booked(salon, 9, day=12, service_name="Of Ben", resources=(ben,))
    [moved] = await ada.at(6, day=12)
    assert ("Here" in plain(moved), "Of Ben" in plain(moved)) == (False, True)


@pytest.mark.parametrize("state", ["deactivated", "invited"])
async def test_who_may_not_sign_in_is_sent_nothing_at_once_and_goes_on_where_they_may_again(
    salon: Salon, ada: Ada, state: str
) -> None:
    for day in (10, 11):
        await booked(salon, 8, day=day)
    await ada.chooses("07:00")
    salon.now = datetime(2026, 3, 10, 6, tzinfo=UTC)
    # Even where a worker has it in hand already.
    [claimed] = await _claim(salon)
    await ada.becomes(state=state)
    assert await ada.agendas() == [("suppressed", "user_deactivated"), ("suppressed", "user_deactivated")]
    await salon.sender._send(claimed)
    assert salon.mailbox.mails == []

    await ada.becomes()
    assert len(await ada.at(6, day=11)) == 1


async def test_a_removed_user_is_forgotten_and_never_comes_back(salon: Salon, ada: Ada) -> None:
    await booked(salon, 8)
    await ada.chooses("07:00")
    assert len(await ada.at(6)) == 1
    late = ada.state()
    # The next one is held up by the domain of her address, which may be her own.
    await salon.execute("UPDATE messages SET mail_line = 'lovelace.example' WHERE kind = 'agenda'")

    await ada.is_removed()
    await salon.receive_states(late)

    assert await ada.at(6, day=11) == []
    assert await ada.agendas() == [("sent", None), ("suppressed", "user_removed")]
    [told, _] = [row for row in await salon.ledger() if row["kind"] == "agenda"]
    assert (told["recipient_name"], told["address"]) == (None, None)
    refused = await ada.http.put(PATH, json={"agenda_at": "07:00"})
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    async with salon.database.system_transaction() as session:
        left = await session.execute(
            text("SELECT count(*) FROM users UNION ALL SELECT count(*) FROM staff_preferences")
        )
        assert list(left.scalars()) == [0, 0]
        lines = await session.execute(text("SELECT mail_line FROM messages WHERE kind = 'agenda'"))
        assert set(lines.scalars()) == {None}


async def test_who_was_deactivated_or_removed_gets_no_news_of_their_calendar_either(salon: Salon, ada: Ada) -> None:
    calendar = salon.staff(user_id=str(ada.user_id), email="ada@salon.example", version=3)
    await salon.receive_states(calendar)
    await ada.becomes(state="deactivated")
    await salon.receive(salon.created(salon.snapshot()))
    assert [str(mail["To"]) for mail in await salon.send()] == ["Grace Hopper <grace@example.com>"]
    await ada.becomes(state="invited")
    await salon.receive(salon.created(salon.snapshot()))
    assert len(await salon.send()) == 2
    await ada.is_removed()
    await salon.receive(salon.created(salon.snapshot()))
    assert len(await salon.send()) == 1

    reasons = [reason for kind, _, reason in await salon.outcomes() if kind == "assigned"]
    assert reasons == ["user_deactivated", None, "user_removed"]
    # The calendar of a successor.
    await salon.receive_states(salon.staff(user_id=None, email="desk@salon.example", version=4))
    await salon.receive(salon.created(salon.snapshot()))
    assert len(await salon.send()) == 2


async def test_without_a_calendar_there_is_no_agenda_until_one_is_theirs(salon: Salon, ada: Ada) -> None:
    await booked(salon, 8)
    await salon.receive_states(salon.staff(user_id=None, version=3))
    shown = await ada.chooses("07:00")
    assert (shown["agenda_zone"], shown["agenda_next_at"]) == (None, None)

    await salon.receive_states(salon.staff(user_id=str(ada.user_id), version=4))
    assert (await ada.http.get(PATH)).json()["agenda_next_at"] == "2026-03-10T06:00:00Z"
    await salon.receive_states(salon.staff(user_id=str(ada.user_id), zone="America/New_York", version=5))
    assert (await ada.http.get(PATH)).json()["agenda_next_at"] == "2026-03-10T11:00:00Z"
    assert await ada.at(6) == []
    await booked(salon, 15)
    [mail] = await ada.at(11)
    assert "11:00 – 11:30  Haircut, Grace Hopper, 16:00 Central European Standard Time" in plain(mail)
    assert "All times are in Eastern Daylight Time." in plain(mail)
    await salon.receive_states(salon.staff(user_id=None, version=6))
    assert await ada.at(11, day=11) == []
    assert (await ada.agendas())[-1] == ("suppressed", "no_calendar")


async def test_a_choice_that_comes_before_the_user_is_known_holds_once_they_are(
    salon: Salon, api_client: ApiClientFactory, signer: Signer
) -> None:
    user_id = uuid4()
    token = signer.token(organization_id=salon.organization_id, role="staff", subject=str(user_id))
    ada = Ada(salon=salon, http=await api_client(salon.app, token=token), user_id=user_id)
    await salon.receive_states(salon.staff(user_id=str(user_id), version=2))
    salon.now = datetime(2026, 3, 9, 12, tzinfo=UTC)
    await booked(salon, 8)
    assert (await ada.chooses("07:00"))["agenda_next_at"] is None
    await ada.becomes()
    assert len(await ada.at(6)) == 1


@pytest.mark.parametrize(
    ("locale", "subject", "line"),
    [
        ("de", "Tagesplan für Dienstag, 10. März 2026 (1)", "09:00 – 09:30  Haircut, Grace Hopper"),
        ("es", "Agenda del martes, 10 de marzo de 2026 (1)", "9:00 – 9:30  Haircut, Grace Hopper"),
        ("fr", "Programme du mardi 10 mars 2026 (1)", "09:00 – 09:30  Haircut, Grace Hopper"),
        ("ar", "جدول الثلاثاء، 10 مارس 2026 (1)", "9:00 ص – 9:30 ص  Haircut, Grace Hopper"),
    ],
)
async def test_the_agenda_is_in_the_users_language(
    salon: Salon, ada: Ada, locale: str, subject: str, line: str
) -> None:
    await booked(salon, 8)
    await ada.becomes(locale=locale)
    await ada.chooses("07:00")

    [mail] = await ada.at(6)
    assert str(mail["Subject"]) == subject
    assert line in plain(mail)
    assert mail["Content-Language"] == locale
    assert f'dir="{"rtl" if locale == "ar" else "ltr"}"' in html(mail)


async def test_names_are_written_as_they_are_and_are_no_markup(salon: Salon, ada: Ada) -> None:
    await salon.receive_states(salon.client(name='Zoë <b>& "Jo"\n{{ 7*7 }} https://evil.test/x', version=2))
    await booked(salon, 8)
    await ada.chooses("07:00")

    [mail] = await ada.at(6)
    assert 'Zoë <b>& "Jo" {{ 7*7 }} https://evil.test/x' in plain(mail)
    assert "Zoë &lt;b&gt;&amp; &quot;Jo&quot; {{ 7*7 }} https://evil.test/x" in html(mail)
    assert "<a " not in html(mail)


async def test_of_an_erased_client_there_is_no_name_and_no_agenda_keeps_one(salon: Salon, ada: Ada) -> None:
    await booked(salon, 8)
    await booked(salon, 9, day=11)
    await ada.chooses("07:00")
    await ada.at(6)
    assert [row["text"] for row in await salon.ledger() if row["kind"] == "agenda"] == [None, None]
    await salon.erase(salon.client_id)

    [mail] = await ada.at(6, day=11)
    assert plain(mail).splitlines()[2] == "10:00 – 10:30  Haircut"
    async with salon.database.system_transaction() as session:
        kept = (await session.execute(text("SELECT messages::text FROM messages"))).scalars().all()
    assert not any("Grace" in row for row in kept)


async def test_clocks_that_change_on_the_day_are_told_by_their_offsets(salon: Salon, ada: Ada) -> None:
    """Berlin, 29 March 2026: from 02:00 to 03:00."""
    await booked(salon, 0, 30, day=29)
    await booked(salon, 8, day=29)
    await ada.chooses("18:00", agenda_ahead=True)
    salon.now = datetime(2026, 3, 28, 12, tzinfo=UTC)
    await ada.chooses("18:00", agenda_ahead=True)

    [mail] = await ada.at(17, day=28)
    assert "01:30 UTC+1 – 03:00 UTC+2" in plain(mail)
    assert "10:00 – 10:30" in plain(mail)
    assert "Central European Standard Time – Central European Summer Time" in plain(mail)


@pytest.mark.parametrize(
    "body",
    [
        {"agenda_at": "7:00"},
        {"agenda_at": "24:00"},
        {"agenda_at": "07:60"},
        {"agenda_at": "07:00\x00"},
        {"agenda_at": 7},
        {"agenda_at": ["07:00"]},
        {"agenda_ahead": True},
        {"agenda_at": "07:00", "agenda_ahead": None},
        {"agenda_at": "07:00", "user_id": "u-ben"},
        {"agenda_at": "x" * 100_000},
    ],
)
async def test_what_is_no_choice_is_refused_and_changes_nothing(salon: Salon, ada: Ada, body: dict[str, Any]) -> None:
    await ada.chooses("06:00")
    refused = await ada.http.put(PATH, json=body)
    assert refused.status_code in (400, 422), refused.text
    assert (await ada.http.get(PATH)).json()["agenda_at"] == "06:00"


async def test_a_choice_is_ones_own_and_a_stale_one_is_refused(
    salon: Salon, ada: Ada, api_client: ApiClientFactory, signer: Signer
) -> None:
    await ada.chooses("07:00")
    stale = await ada.http.put(PATH, json={"agenda_at": None}, headers={"If-Match": '"0"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
    assert (await salon.http.get(PATH)).json()["agenda_at"] is None
    # The same user id in another organization is somebody else.
    elsewhere = await api_client(salon.app, token=signer.token(organization_id=uuid4(), subject=str(ada.user_id)))
    assert (await elsewhere.get(PATH)).json()["version"] == 0
    program = await api_client(
        salon.app,
        token=signer.token(organization_id=salon.organization_id, role="integration", scopes=["messages:read"]),
    )
    for answer in (await program.get(PATH), await program.put(PATH, json={"agenda_at": "07:00"})):
        assert (answer.status_code, answer.json()["code"]) == (403, "people_only")


async def test_an_agenda_is_about_no_appointment_in_the_ledger_and_on_the_topic(salon: Salon, ada: Ada) -> None:
    await booked(salon, 8)
    await salon.take_published()
    await ada.chooses("07:00")
    await ada.at(6)

    [told, _] = [row for row in await salon.ledger() if row["kind"] == "agenda"]
    assert (told["appointment_id"], told["client_id"], told["user_id"]) == (None, None, str(ada.user_id))
    assert (told["recipient_name"], told["address"]) == ("Ada", "ada@salon.example")
    published = [message for message in await salon.take_published() if message["data"].get("kind") == "agenda"]
    assert [message["type"].rpartition(".")[2] for message in published] == ["planned", "planned", "sent"]
    assert not any("appointment_id" in message["data"] for message in published)


async def test_the_browsers_of_a_removed_user_go(salon: Salon, ada: Ada) -> None:
    async with salon.database.system_transaction() as session:
        for user_id in (str(ada.user_id), "u-ben"):
            await session.execute(
                text(
                    "INSERT INTO push_subscriptions (organization_id, id, user_id, endpoint, p256dh, auth, created_at) "
                    "VALUES (:organization, gen_random_uuid(), :user, 'https://push.example/w/1', '', '', now())"
                ),
                {"organization": salon.organization_id, "user": user_id},
            )
    await ada.is_removed()
    async with salon.database.system_transaction() as session:
        assert (await session.execute(text("SELECT user_id FROM push_subscriptions"))).scalars().all() == ["u-ben"]


async def _claim(salon: Salon) -> list[Any]:
    """As a worker does that dies then."""
    return await claim_messages(
        database=salon.database,
        channels=salon.sender.channels,
        now=salon.now,
        lease=timedelta(seconds=30),
        limit=10,
        retries=salon.sender.retries,
    )
