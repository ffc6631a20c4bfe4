"""Unsubscribing from reminders and follow-ups by one click: what a mail offers, and what the click stops."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID, uuid4

import httpx2
import pytest
from notifications_salon import Salon
from notifications_series import TestSeries, receive
from sqlalchemy import text

from notifications.adapters.email.mime import Mail, write_mail
from notifications.adapters.portal_links import PortalLinks
from notifications.domain.templates import Text
from slotstream_contracts.appointments import AppointmentSnapshot
from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage
from slotstream_servicekit.client_links import LinkSealer
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

KEY = "bGlua2xpbmtsaW5rbGlua2xpbmtsaW5rbGlua2xpbms="
OFFERED = re.compile(r"<https://desk\.example\.com/p/([\w-]+)/unsubscribe>")
UNSUBSCRIBE = "/v1/portal/preferences/unsubscribe"
WAITING = (
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()"
)

AsClient = Callable[..., Awaitable[httpx2.AsyncClient]]


@pytest.fixture
def linked(salon: Salon) -> Salon:
    salon.sender.portal = PortalLinks([KEY], "https://desk.example.com/")
    return salon


@pytest.fixture
def as_client(salon: Salon, api_client: ApiClientFactory, signer: Signer) -> AsClient:
    async def made(client_id: UUID | None = None, organization_id: UUID | None = None) -> httpx2.AsyncClient:
        claims = {"client": str(client_id or salon.client_id)}
        token = signer.token(organization_id=organization_id or salon.organization_id, role="client", claims=claims)
        return await api_client(salon.app, token=token)

    return made


async def booked(salon: Salon) -> AppointmentSnapshot:
    """An appointment with a reminder an hour before."""
    await salon.http.post("/v1/reminder-rules", json={"minutes_before": 60})
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    return appointment


async def reminded(salon: Salon, appointment: AppointmentSnapshot) -> list[EmailMessage]:
    salon.now = appointment.starts_at - timedelta(hours=1)
    return await salon.send()


def offers(mail: EmailMessage) -> tuple[str | None, str | None]:
    return mail["List-Unsubscribe"], mail["List-Unsubscribe-Post"]


@pytest.mark.service
async def test_a_reminder_offers_one_click_and_the_news_of_an_appointment_does_not(linked: Salon) -> None:
    appointment = await booked(linked)
    [news] = await linked.send()
    [reminder] = await reminded(linked, appointment)

    assert offers(news) == (None, None)
    address, post = offers(reminder)
    assert post == "List-Unsubscribe=One-Click"
    token = OFFERED.fullmatch(str(address))
    assert token is not None, address
    link = LinkSealer([KEY]).open(token[1])
    assert link is not None
    assert (link.organization_id, link.client_id) == (linked.organization_id, linked.client_id)
    assert link.expires_at == linked.now + timedelta(days=30)
    assert "grace" not in str(address).lower()


@pytest.mark.service
async def test_a_follow_up_offers_one_click(linked: Salon) -> None:
    await linked.http.post("/v1/follow-up-rules", json={"minutes_after": 60})
    appointment = linked.snapshot()
    await linked.receive(linked.created(appointment))
    await linked.send()
    linked.now = appointment.ends_at
    await linked.receive(linked.no_show(appointment))
    linked.now += timedelta(hours=1)

    [mail] = await linked.send()
    assert OFFERED.fullmatch(str(offers(mail)[0]))


@pytest.mark.service
@pytest.mark.parametrize("portal", [None, "http://desk.example.com"])
async def test_without_a_portal_that_mail_programs_reach_nothing_is_offered(salon: Salon, portal: str | None) -> None:
    salon.sender.portal = PortalLinks([KEY], portal) if portal is not None else None
    appointment = await booked(salon)
    await salon.send()

    [reminder] = await reminded(salon, appointment)
    assert offers(reminder) == (None, None)


@pytest.mark.service
async def test_the_click_stops_reminders_and_the_news_still_goes(linked: Salon, as_client: AsClient) -> None:
    appointment = await booked(linked)
    await linked.send()
    client = await as_client()

    answers = [await client.post(UNSUBSCRIBE) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    said = answers[0].json()
    assert datetime.fromisoformat(said["unsubscribed_at"]) == linked.now
    assert (said["unsubscribed_by"], said["opted_out"], said["version"]) == ("one_click", {}, 1)
    assert answers[1].json() == said
    assert await reminded(linked, appointment) == []
    await linked.receive(linked.cancelled(appointment))
    assert len(await linked.send()) == 1
    outcomes = [(kind, status, reason) for kind, status, reason in await linked.outcomes()]
    assert ("reminder", "suppressed", "opted_out") in outcomes
    assert ("cancelled", "sent", None) in outcomes


@pytest.mark.service
async def test_the_click_is_told_once_and_opts_out_of_no_channel(salon: Salon, as_client: AsClient) -> None:
    client = await as_client()
    for _ in range(3):
        await client.post(UNSUBSCRIBE)

    told = [one for one in await salon.take_published() if one["type"] == "slotstream.client_preferences.state"]
    assert [(one["sequence"], one["data"]["opted_out"]) for one in told] == [(1, [])]


@pytest.mark.service
async def test_what_was_chosen_before_and_afterwards_stays_beside_it(salon: Salon, as_client: AsClient) -> None:
    client, path = await as_client(), "/v1/portal/preferences"
    await client.put(path, json={"opted_out": ["sms"]})
    await client.post(UNSUBSCRIBE)
    staff = f"/v1/clients/{salon.client_id}/preferences"

    kept = (await salon.http.put(staff, json={"opted_out": ["sms", "voice"]})).json()
    assert (sorted(kept["opted_out"]), kept["unsubscribed_by"]) == (["sms", "voice"], "one_click")
    again = (await client.put(path, json={"opted_out": ["sms"], "reminders": True})).json()
    assert (list(again["opted_out"]), again["unsubscribed_at"], again["unsubscribed_by"]) == (["sms"], None, None)
    by_staff = (await salon.http.put(staff, json={"opted_out": ["sms"], "reminders": False})).json()
    assert by_staff["unsubscribed_by"] == "staff"


@pytest.mark.service
async def test_whoever_takes_reminders_again_gets_those_that_lie_ahead(linked: Salon, as_client: AsClient) -> None:
    appointment = await booked(linked)
    await linked.send()
    client = await as_client()
    await client.post(UNSUBSCRIBE)
    await client.put("/v1/portal/preferences", json={"opted_out": [], "reminders": True})

    assert len(await reminded(linked, appointment)) == 1


@pytest.mark.service
async def test_nobody_unsubscribes_another_organizations_client(salon: Salon, as_client: AsClient) -> None:
    for stranger in (await as_client(uuid4()), await as_client(None, uuid4())):
        assert (await stranger.post(UNSUBSCRIBE)).status_code == 404
    assert (await salon.http.post(UNSUBSCRIBE)).status_code == 403
    assert (await salon.anonymous.post(UNSUBSCRIBE)).status_code == 401
    shown = (await salon.http.get(f"/v1/clients/{salon.client_id}/preferences")).json()
    assert (shown["unsubscribed_at"], shown["version"]) == (None, 0)


@pytest.mark.service
async def test_an_erased_client_leaves_nothing_of_it(salon: Salon, as_client: AsClient) -> None:
    client = await as_client()
    await client.post(UNSUBSCRIBE)
    await salon.erase(salon.client_id)

    assert (await client.post(UNSUBSCRIBE)).status_code == 404
    async with salon.database.transaction(salon.organization_id) as session:
        assert (await session.execute(text("SELECT 1 FROM preferences"))).all() == []


@pytest.mark.service
@pytest.mark.parametrize("way", ["staff", "one click"])
async def test_what_is_chosen_during_an_erase_does_not_outlive_it(
    salon: Salon, as_client: AsClient, until: Callable[..., Awaitable[None]], way: str
) -> None:
    client = await as_client()
    tombstone = salon.state_record(salon.client(), erased=True)
    async with salon.database.system_transaction() as session:
        await salon.handlers.on_clients(session, [tombstone])
        asking = asyncio.create_task(
            salon.http.put(f"/v1/clients/{salon.client_id}/preferences", json={"opted_out": ["sms"]})
            if way == "staff"
            else client.post(UNSUBSCRIBE)
        )

        async def waits_or_is_done() -> bool:
            return asking.done() or bool((await session.execute(text(WAITING))).scalar())

        await until(waits_or_is_done, what="it waits for the erase")

    assert (await asking).status_code == 404
    async with salon.database.transaction(salon.organization_id) as session:
        assert (await session.execute(text("SELECT 1 FROM preferences"))).all() == []


@pytest.mark.service
async def test_what_is_mailed_of_one_appointment_is_one_conversation(linked: Salon) -> None:
    appointment = await booked(linked)
    other = linked.snapshot()
    await linked.receive(linked.created(other))
    mails = {str(mail["Message-ID"]).split(".")[1]: mail for mail in await linked.send()}
    first, others = mails[str(appointment.id)], mails[str(other.id)]
    moved = linked.rescheduled(appointment, appointment.starts_at + timedelta(days=1))
    await linked.receive(*moved)
    [move] = await linked.send()
    new = moved[0].data.replacement
    [reminder] = await reminded(linked, new)

    assert first["References"] is None
    assert others["References"] is None
    for later in (move, reminder):
        assert (later["In-Reply-To"], later["References"]) == (first["Message-ID"], first["Message-ID"])
        assert later["Message-ID"] != first["Message-ID"]


@pytest.mark.service
async def test_staff_clients_and_new_addresses_have_conversations_of_their_own(salon: Salon) -> None:
    await salon.receive_states(salon.staff(email="ada@salon.example", user_id="user-ada", version=2))
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    sent = await salon.send()
    firsts = {str(mail["To"]).partition("<")[2]: str(mail["Message-ID"]) for mail in sent}
    await salon.receive_states(salon.client(email="new@example.com", version=2))
    await salon.receive(salon.cancelled(appointment))

    later = {str(mail["To"]).partition("<")[2]: mail["References"] for mail in await salon.send()}

    assert set(firsts) == {"grace@example.com>", "ada@salon.example>"}
    assert later == {"new@example.com>": None, "ada@salon.example>": firsts["ada@salon.example>"]}


@pytest.mark.service
async def test_the_dates_of_a_series_belong_to_its_conversation(salon: Salon) -> None:
    salon.now = datetime(2027, 5, 1, tzinfo=UTC)
    starts = [datetime(2027, 5, day, 8, tzinfo=UTC) for day in (3, 10)]
    series = TestSeries.of(salon, starts)
    await salon.http.post("/v1/reminder-rules", json={"minutes_before": 60})
    await receive(salon, series.created())
    [first] = await salon.send()

    salon.now = starts[0] - timedelta(hours=1)
    [reminder] = await salon.send()

    assert reminder["References"] == first["Message-ID"]


@pytest.mark.service
async def test_two_mails_by_hand_are_two_mails(salon: Salon) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    [first] = await salon.send()
    for said in ("Bring a towel.", "Bring two towels."):
        await salon.request(
            SendMessage(
                actor=Actor(type="user", id="u-1"),
                message_id=uuid4(),
                appointment_id=appointment.id,
                client_id=appointment.client_id,
                channel="email",
                text=said,
            )
        )

    mails = await salon.send()
    assert len({str(mail["Message-ID"]) for mail in (first, *mails)}) == 3
    assert {mail["References"] for mail in mails} == {first["Message-ID"]}


@pytest.mark.service
async def test_what_was_not_sent_begins_no_conversation(salon: Salon) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    salon.mailbox.answers = ["550 no"]
    await salon.send()
    await salon.receive(salon.cancelled(appointment))

    [mail] = await salon.send()
    assert mail["References"] is None


def a_mail(**more: str) -> bytes:
    mail = Mail(
        sender="no-reply@mail.example",
        sender_name="Salon Nord",
        recipient="grace@example.com",
        recipient_name="Grace",
        reply_to=None,
        message_id=f"<reminder.{uuid4()}.{uuid4()}.1.{uuid4()}@mail.example>",
        text=Text(subject="Reminder", text="Tomorrow"),
        language="en",
        invitation=None,
        **more,
    )
    return write_mail(mail, now=datetime.fromisoformat("2026-03-01T08:00:00+00:00"))


def test_long_addresses_stay_whole_on_a_line_that_any_server_takes() -> None:
    follows = f"<reminder.{uuid4()}.{uuid4()}.12.{uuid4()}@{'mail.' * 40}example>"
    address = f"https://{'desk.' * 40}example/p/{'t' * 160}/unsubscribe"

    content = a_mail(follows=follows, unsubscribes_at=address)

    head = content.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert f"List-Unsubscribe: <{address}>".encode() in head
    assert f"References: {follows}".encode() in head
    assert max(map(len, head)) <= 998
    # Python's oldest parser, which decodes nothing and unfolds nothing.
    plain = message_from_bytes(content, policy=policy.compat32)
    assert (plain["List-Unsubscribe"], plain["In-Reply-To"]) == (f"<{address}>", follows)
