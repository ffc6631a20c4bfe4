"""One message per series, in whatever order and portions its events arrive."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from notifications_salon import Event, Salon
from notifications_series import FOR_EVER, UNTIL, Dated, TestSeries, receive
from sqlalchemy import text

from notifications.consumers import projections
from slotstream_contracts.catalogue import ResourceState
from slotstream_contracts.series import SeriesRule

pytestmark = pytest.mark.service


def oslo(month: int, day: int, hour: int = 10) -> datetime:
    return datetime(2027, month, day, hour, tzinfo=ZoneInfo("Europe/Oslo")).astimezone(UTC)


MONDAYS = [oslo(5, 3), oslo(5, 10), oslo(5, 31), oslo(6, 7)]
SKIPPED = [oslo(5, 17), oslo(5, 24)]


@pytest.fixture
def series(salon: Salon) -> TestSeries:
    salon.now = oslo(5, 1)
    return TestSeries.of(salon, MONDAYS, skipped=SKIPPED)


def calendar_of(mail: EmailMessage) -> icalendar.Calendar:
    [part] = [item for item in mail.walk() if item.get_content_type() == "text/calendar"]
    return icalendar.Calendar.from_ical(part.get_content())


def events_of(mail: EmailMessage) -> list[icalendar.Event]:
    return list(calendar_of(mail).walk("VEVENT"))


def starts_in(mail: EmailMessage) -> list[datetime]:
    events = recurring_ical_events.of(calendar_of(mail)).between(oslo(1, 1), oslo(12, 31))
    return sorted(event["DTSTART"].dt.astimezone(UTC) for event in events)


def words(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


async def with_staff(salon: Salon, *names: str, **more: Any) -> list[ResourceState]:
    staff = [
        salon.staff(id=uuid4(), name=name, email=f"{name.lower()}@salon.example", user_id=f"user-{name}", **more)
        for name in names
    ]
    await salon.receive_states(*staff)
    return staff


async def test_a_new_series_is_one_mail_with_all_its_dates(salon: Salon, series: TestSeries) -> None:
    await receive(salon, series.created())

    [mail] = await salon.send()
    assert mail["Subject"] == "Your appointments (4): Haircut, from Monday, 3 May 2027, 10:00"
    said = words(mail)
    for day in ("Monday, 3 May 2027, 10:00 – 10:30", "Monday, 10 May 2027", "Monday, 31 May 2027", "Monday, 7 June"):
        assert day in said
    assert "Central European Summer Time" in said
    assert "No appointment on:\nMonday, 17 May 2027\nMonday, 24 May 2027" in said
    [event] = events_of(mail)
    assert (str(event["UID"]), event["SEQUENCE"], calendar_of(mail)["METHOD"]) == (series.uid, 0, "REQUEST")
    assert starts_in(mail) == MONDAYS
    assert await salon.published() == [("planned", "series_created"), ("sent", "series_created")]


@pytest.mark.parametrize(
    ("client", "subject", "said"),
    [
        ({"locale": "de"}, "Ihre Termine (4): Haircut, ab Montag, 3. Mai 2027, 10:00 Uhr", "Kein Termin am:"),
        ({"locale": "fr"}, "Vos rendez-vous (4) : Haircut, à partir du lundi 3 mai 2027, 10:00", "Pas de rendez-vous"),
        ({"locale": "es"}, "Sus citas (4): Haircut, desde lunes, 3 de mayo de 2027, 10:00", "Sin cita el:"),
        (
            {"locale": "en-GB", "zone": "Europe/London"},
            "Your appointments (4): Haircut, from Monday, 3 May 2027, 09:00",
            "Times: British Summer Time\nThe first one by the clock there: 10:00, Central European Summer Time",
        ),
    ],
)
async def test_the_client_reads_it_in_their_language_and_zone(
    salon: Salon, series: TestSeries, client: dict[str, str], subject: str, said: str
) -> None:
    await salon.receive_states(salon.client(version=2, **client))
    await receive(salon, series.created())

    [mail] = await salon.send()
    assert (mail["Subject"], said in words(mail)) == (subject, True), words(mail)


async def test_of_five_hundred_dates_the_first_are_named_and_the_file_has_all(salon: Salon) -> None:
    salon.now = oslo(1, 1)
    begins = datetime(2027, 1, 4, 10, tzinfo=ZoneInfo("Europe/Oslo"))
    starts = [(begins + timedelta(days=day)).astimezone(UTC) for day in range(600) if day % 7 < 6][:500]
    series = TestSeries.of(salon, starts, rule=SeriesRule(freq="weekly", weekdays=(0, 1, 2, 3, 4, 5), until=UNTIL))
    await receive(salon, series.created()[:1], series.created()[1:2])

    [mail] = await salon.send()
    assert "(500)" in mail["Subject"]
    assert "… and 488 more" in words(mail)
    assert len(words(mail)) < 2_000
    everything = recurring_ical_events.of(calendar_of(mail)).between(oslo(1, 1), datetime(2030, 1, 1, tzinfo=UTC))
    assert sorted(event["DTSTART"].dt.astimezone(UTC) for event in everything) == starts


async def test_one_moved_date_is_told_under_the_uid_of_the_series(salon: Salon, series: TestSeries) -> None:
    await receive(salon, series.created())
    [first] = await salon.send()
    await receive(salon, series.moved_one(4, oslo(5, 31, 12)))

    [mail] = await salon.send()
    [event] = events_of(mail)
    assert mail["Subject"].startswith("New time: Haircut")
    assert str(event["UID"]) == series.uid
    assert event["RECURRENCE-ID"].dt == oslo(5, 31)
    assert event["DTSTART"].dt == oslo(5, 31, 12)
    assert event["SEQUENCE"] > events_of(first)[0]["SEQUENCE"]


async def test_a_cancelled_date_is_cancelled_by_its_recurrence_id(salon: Salon, series: TestSeries) -> None:
    await receive(salon, series.created())
    await salon.send()
    one = series.booked[1]
    await salon.receive(salon.cancelled(one))

    [mail] = await salon.send()
    [event] = events_of(mail)
    assert calendar_of(mail)["METHOD"] == "CANCEL"
    assert (str(event["UID"]), event["RECURRENCE-ID"].dt, event["STATUS"]) == (series.uid, one.starts_at, "CANCELLED")


async def test_a_date_moved_before_the_first_mail_goes_is_where_it_is_now(salon: Salon, series: TestSeries) -> None:
    await receive(salon, series.created(), series.moved_one(4, oslo(5, 31, 12)))

    whole, one = sorted(await salon.send(), key=lambda mail: events_of(mail)[0]["SEQUENCE"])
    assert starts_in(whole) == [*MONDAYS[:2], oslo(5, 31, 12), MONDAYS[3]]
    assert events_of(one)[0]["RECURRENCE-ID"].dt == oslo(5, 31)


async def test_moving_all_is_one_mail_that_replaces_the_whole(salon: Salon, series: TestSeries) -> None:
    await receive(salon, series.created())
    [first] = await salon.send()
    await receive(
        salon, series.moved_all(timedelta(days=1, hours=2), rule=SeriesRule(freq="weekly", weekdays=(1,), until=UNTIL))
    )

    [mail] = await salon.send()
    assert mail["Subject"] == "Changed appointments (4): Haircut, from Tuesday, 4 May 2027, 12:00"
    assert {str(event["UID"]) for event in events_of(mail)} == {series.uid}
    assert starts_in(mail) == [start + timedelta(days=1, hours=2) for start in MONDAYS]
    assert events_of(mail)[0]["SEQUENCE"] > events_of(first)[0]["SEQUENCE"]


async def test_a_date_moved_after_all_were_moved_is_known_by_its_new_start(salon: Salon, series: TestSeries) -> None:
    await receive(salon, series.created(), series.moved_all(timedelta(hours=2)))
    await salon.send()
    await receive(salon, series.moved_one(0, oslo(5, 4, 8)))

    [mail] = await salon.send()
    [event] = events_of(mail)
    assert (event["RECURRENCE-ID"].dt, event["DTSTART"].dt) == (oslo(5, 3, 12), oslo(5, 4, 8))


async def test_cancelling_the_series_is_one_mail(salon: Salon, series: TestSeries) -> None:
    await receive(salon, series.created())
    [first] = await salon.send()
    await receive(salon, series.cancelled())

    [mail] = await salon.send()
    assert mail["Subject"].startswith("Cancelled (4): Haircut, from Monday, 3 May 2027")
    [event] = events_of(mail)
    assert calendar_of(mail)["METHOD"] == "CANCEL"
    assert (str(event["UID"]), event["STATUS"], "RECURRENCE-ID" in event) == (series.uid, "CANCELLED", False)
    assert event["SEQUENCE"] > events_of(first)[0]["SEQUENCE"]


async def test_cancelling_the_following_dates_is_one_mail_that_leaves_the_others(
    salon: Salon, series: TestSeries
) -> None:
    await receive(salon, series.created())
    await salon.send()
    await receive(salon, series.cancelled(begins=4, scope="following"))

    [mail] = await salon.send()
    assert mail["Subject"] == "Changed appointments (2): Haircut, from Monday, 3 May 2027, 10:00"
    assert calendar_of(mail)["METHOD"] == "REQUEST"
    assert starts_in(mail) == MONDAYS[:2]
    assert "Monday, 31 May 2027\nMonday, 7 June 2027" in words(mail)


async def test_a_series_cancelled_before_it_was_told_is_told_as_cancelled_alone(
    salon: Salon, series: TestSeries
) -> None:
    await receive(salon, series.created(), series.cancelled())
    [mail] = await salon.send()
    assert calendar_of(mail)["METHOD"] == "CANCEL"
    assert [row["status"] for row in await salon.ledger()] == ["suppressed", "sent"]


async def test_a_request_that_waits_for_approval_is_told_without_a_calendar_file(salon: Salon) -> None:
    salon.now = oslo(5, 1)
    series = TestSeries.of(salon, MONDAYS)
    for date in series.dates:
        assert date.appointment is not None
        date.appointment = date.appointment.model_copy(update={"status": "pending"})
    await receive(salon, series.created())

    [mail] = await salon.send()
    assert mail["Subject"].startswith("Your request (4)")
    assert not [item for item in mail.walk() if item.get_content_type() == "text/calendar"]


async def test_a_series_that_goes_on_is_extended_silently(salon: Salon) -> None:
    salon.now = oslo(5, 1)
    series = TestSeries.of(salon, MONDAYS[:2], rule=FOR_EVER)
    await receive(salon, series.created())
    [mail] = await salon.send()
    assert "Further dates follow in the same rhythm." in words(mail)
    assert "UNTIL" not in events_of(mail)[0]["RRULE"]
    await receive(salon, series.extended(Dated(SKIPPED[0], series.appointment(SKIPPED[0]), "booked")))
    assert await salon.send() == []


async def test_a_date_that_its_rhythm_promised_and_that_is_taken_is_told(salon: Salon) -> None:
    salon.now = oslo(5, 1)
    series = TestSeries.of(salon, MONDAYS[:2], rule=FOR_EVER)
    await receive(salon, series.created())
    await salon.send()
    await receive(salon, series.extended(Dated(SKIPPED[0], None, "skipped")))

    [mail] = await salon.send()
    assert "No appointment on:\nMonday, 17 May 2027" in words(mail)
    assert [event["EXDATE"].dts[0].dt for event in events_of(mail) if "EXDATE" in event] in ([], [SKIPPED[0]])


async def test_nobody_is_told_of_a_series_that_nobody_is_to_be_told_of(salon: Salon) -> None:
    salon.now = oslo(5, 1)
    series = TestSeries.of(salon, MONDAYS, notify=False)
    await receive(salon, series.created())
    assert await salon.send() == []
    assert await salon.outcomes() == [("series_created", "suppressed", "notify_off")]


async def test_an_edit_of_what_clients_do_not_see_is_told_to_nobody(salon: Salon, series: TestSeries) -> None:
    await receive(salon, series.created())
    await salon.send()
    for date in series.dates:
        date.result = "edited"
    await receive(salon, [series.told("changed", scope="all", former=(salon.staff_id,))])
    assert await salon.send() == []


async def test_a_change_of_one_date_by_its_series_is_told_by_that_date_alone(salon: Salon, series: TestSeries) -> None:
    await receive(salon, series.created())
    await salon.send()
    moved = series.moved_one(4, oslo(5, 31, 12))
    series.dates[4].result = "moved"
    await receive(salon, [series.told("changed", scope="this")], moved)
    assert len(await salon.send()) == 1


# Out of order


def in_portions(events: Sequence[Event], chance: random.Random) -> list[list[Event]]:
    """Some events twice, all shuffled, in batches: but those of one key in their order, as partitions have them."""
    by_key: dict[str, list[Event]] = {}
    for event in events:
        by_key.setdefault(event.subject, []).append(event)
    queues = [list(queue) for queue in by_key.values()]
    batches: list[list[Event]] = [[]]
    while queues:
        queue = chance.choice(queues)
        event = queue.pop(0)
        batches[-1].append(event)
        if chance.random() < 0.2:
            batches[-1].append(event)
        if chance.random() < 0.3:
            batches.append([])
        queues = [queue for queue in queues if queue]
    return [batch for batch in batches if batch]


@pytest.mark.parametrize("seed", range(12))
async def test_each_is_told_once_whatever_the_order_and_the_portions(salon: Salon, seed: int) -> None:
    """Two series, changed and cancelled: the mails are the same whichever partition is ahead, and twice is once."""
    chance = random.Random(seed)
    salon.now = oslo(5, 1)
    [ada, ben] = await with_staff(salon, "Ada", "Ben")
    one = TestSeries.of(salon, MONDAYS, skipped=SKIPPED, staff=[ada.id])
    two = TestSeries.of(salon, [start + timedelta(hours=3) for start in MONDAYS], staff=[ada.id, ben.id])
    events = [*one.created(), *two.created(), *one.moved_all(timedelta(hours=1)), *two.cancelled()]
    batches = in_portions(events, chance)
    for batch in batches:
        await receive(salon, batch)
        if chance.random() < 0.1:
            await receive(salon, batch)
    for _ in range(8):
        await salon.send()
        salon.now += timedelta(seconds=1)

    told = [(row["kind"], row["audience"]) for row in await salon.ledger()]
    assert sorted(told) == sorted(
        [
            *[("series_created", "client")] * 2,
            ("series_changed", "client"),
            ("series_cancelled", "client"),
            *[("series_assigned", "staff")] * 3,
            ("series_changed", "staff"),
            *[("series_cancelled", "staff")] * 2,
        ]
    )
    assert {row["status"] for row in await salon.ledger()} <= {"sent", "suppressed"}
    changes = [mail for mail in salon.mailbox.mails if mail["Subject"].startswith("Changed appointments")]
    assert len(changes) == 2
    for mail in changes:
        assert starts_in(mail) == [start + timedelta(hours=1) for start in MONDAYS]


async def test_a_date_that_is_ahead_of_its_series_waits_for_it(salon: Salon, series: TestSeries) -> None:
    told, *dates = series.created()
    moved = series.moved_one(4, oslo(5, 31, 12))
    await receive(salon, dates, moved)
    assert await salon.send() == []
    await receive(salon, [told])

    mails = await salon.send()
    assert {str(event["UID"]) for mail in mails for event in events_of(mail)} == {series.uid}
    assert len(mails) == 2


async def test_a_series_that_is_ahead_of_its_dates_waits_for_one(salon: Salon, series: TestSeries) -> None:
    told, *dates = series.created()
    await receive(salon, [told])
    assert await salon.send() == []
    await receive(salon, dates[:1])
    [mail] = await salon.send()
    assert starts_in(mail) == MONDAYS


async def test_nothing_is_told_twice_or_lost_when_the_process_dies_before_the_commit(
    salon: Salon, series: TestSeries
) -> None:
    told, *dates = series.created()
    with pytest.raises(RuntimeError, match="the process ends here"):
        async with salon.database.system_transaction() as session:
            await salon.handlers.on_series(session, [salon.received(told)])
            raise RuntimeError("the process ends here")
    assert await salon.ledger() == []
    await receive(salon, [told], dates, [told])
    assert len(await salon.send()) == 1
    assert await salon.send() == []


async def test_series_of_before_are_told_date_by_date_as_they_were(salon: Salon) -> None:
    """Their calendars have an entry for each date: another one for the whole would double them."""
    salon.now = oslo(5, 1)
    old = salon.snapshot(starts_at=MONDAYS[0], zone="Europe/Oslo", series_id=uuid4(), source="recurrence")
    await salon.receive(salon.created(old))
    [mail] = await salon.send()
    [event] = events_of(mail)
    assert (str(event["UID"]), "RECURRENCE-ID" in event) == (old.calendar_uid, False)


async def test_news_that_is_a_day_old_is_not_told(salon: Salon, series: TestSeries) -> None:
    events = series.created()
    salon.now += timedelta(days=1, minutes=1)
    await receive(salon, events)
    assert await salon.outcomes() == [("series_created", "suppressed", "too_old")]


# Staff


async def test_each_member_of_staff_is_told_their_own_dates_once(salon: Salon) -> None:
    salon.now = oslo(5, 1)
    [ada, ben] = await with_staff(salon, "Ada", "Ben")
    series = TestSeries.of(salon, MONDAYS, staff=[ada.id, ben.id])
    await receive(salon, series.created())

    mails = {str(mail["To"]).partition(" ")[0]: mail for mail in await salon.send()}
    assert set(mails) == {"Ada", "Ben", "Grace"}
    assert starts_in(mails["Ada"]) == MONDAYS[::2]
    assert starts_in(mails["Ben"]) == MONDAYS[1::2]
    assert mails["Ben"]["Subject"] == "New appointments (2): Haircut, from Monday, 10 May 2027, 10:00"
    assert "Grace Hopper" in words(mails["Ben"])


async def test_who_loses_a_series_and_who_gets_it_are_each_told_once(salon: Salon) -> None:
    salon.now = oslo(5, 1)
    [ada, ben] = await with_staff(salon, "Ada", "Ben")
    series = TestSeries.of(salon, MONDAYS, staff=[ada.id])
    await receive(salon, series.created())
    await salon.send()
    await receive(salon, series.given_to(ben.id))

    mails = {str(mail["To"]).partition(" ")[0]: mail for mail in await salon.send()}
    assert set(mails) == {"Ada", "Ben"}
    assert calendar_of(mails["Ada"])["METHOD"] == "CANCEL"
    assert mails["Ada"]["Subject"].startswith("No longer yours (4)")
    assert starts_in(mails["Ben"]) == MONDAYS


async def test_given_back_is_newer_than_taken_away(salon: Salon) -> None:
    salon.now = oslo(5, 1)
    [ada, ben] = await with_staff(salon, "Ada", "Ben")
    series = TestSeries.of(salon, MONDAYS, staff=[ada.id])
    await receive(salon, series.created())
    mails = await salon.send()
    for staff in (ben, ada):
        await receive(salon, series.given_to(staff.id))
        mails += await salon.send()

    hers = [mail for mail in mails if str(mail["To"]).startswith("Ada")]
    assert [str(calendar_of(mail)["METHOD"]) for mail in hers] == ["REQUEST", "CANCEL", "REQUEST"]
    numbers = [int(events_of(mail)[0]["SEQUENCE"]) for mail in hers]
    assert numbers == sorted(set(numbers))


async def test_who_did_it_is_not_told_of_it(salon: Salon) -> None:
    salon.now = oslo(5, 1)
    [ada] = await with_staff(salon, "Ada")
    series = TestSeries.of(salon, MONDAYS, staff=[ada.id])
    await receive(salon, [series.told("created", actor="user-Ada")], series.created()[1:])
    assert [str(mail["To"]).partition(" ")[0] for mail in await salon.send()] == ["Grace"]


# Erased, hostile, kept


async def test_an_erased_client_is_not_told(salon: Salon, series: TestSeries) -> None:
    await receive(salon, series.created())
    await salon.erase(salon.client_id)
    assert await salon.send() == []
    assert await salon.outcomes() == [("series_created", "suppressed", "client_erased")]
    await receive(salon, series.moved_all(timedelta(hours=1)))
    assert await salon.send() == []


async def test_what_was_sent_is_forgotten_with_the_client(salon: Salon, series: TestSeries) -> None:
    await receive(salon, series.created())
    assert len(await salon.send()) == 1
    await salon.erase(salon.client_id)
    async with salon.database.system_transaction() as session:
        rows = (await session.execute(text("SELECT messages::text, series::text FROM messages, series"))).all()
    assert not [row for row in rows if "Grace" in str(row) or "grace" in str(row)]


async def test_names_are_text_and_no_calendar_lines(salon: Salon, series: TestSeries) -> None:
    evil = 'Zoë & "Jo" <b>\r\nATTENDEE:mailto:evil@example.com {{ 7*7 }}'
    await salon.receive_states(salon.client(version=2, name=evil), salon.business(version=2, name=evil))
    await receive(salon, series.created())
    [mail] = await salon.send()
    assert {str(event["ATTENDEE"]) for event in events_of(mail)} == {"mailto:grace@example.com"}
    assert starts_in(mail) == MONDAYS
    assert "{{ 7*7 }}" in words(mail)


async def test_another_organizations_series_of_the_same_id_changes_nothing(salon: Salon, series: TestSeries) -> None:
    events = series.created()
    stranger = TestSeries.of(salon, MONDAYS[:1], id=series.id)
    told = stranger.created()[0]
    data = told.data.model_copy(
        update={"series": told.data.series.model_copy(update={"organization_id": uuid4(), "version": 9})}
    )
    foreign = told.model_copy(update={"data": data, "organization": data.series.organization_id})
    await receive(salon, [foreign], events)

    [mail] = await salon.send()
    assert starts_in(mail) == MONDAYS


async def test_a_series_without_dates_is_no_news(salon: Salon) -> None:
    salon.now = oslo(5, 1)
    await receive(salon, [TestSeries.of(salon, []).told("created"), TestSeries.of(salon, []).told("cancelled")])
    assert await salon.ledger() == []


async def test_a_rebuild_keeps_series_and_tells_nobody(salon: Salon, series: TestSeries) -> None:
    told = series.created()[0]
    [projection] = [one for one in projections() if one.name == "series"]
    async with salon.database.system_transaction() as session:
        await projection.handler(session, [salon.received(told)])
    assert await salon.ledger() == []
    await receive(salon, series.created()[1:2])
    await receive(salon, series.moved_one(4, oslo(5, 31, 12)))
    [mail] = await salon.send()
    assert events_of(mail)[0]["RECURRENCE-ID"].dt == oslo(5, 31)
