"""The calendar file of a series, as another library reads it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from hypothesis import example, given, settings
from hypothesis import strategies as st
from notifications_salon import NOW

from notifications.adapters.email.ics import Invitation, Method, Party, write_invitation
from notifications.adapters.templates.values import SAMPLE_APPOINTMENT
from notifications.consumers.series_events import rrule_of
from notifications.domain.series import SeriesAppointment, ToldDate, ToldSeries
from slotstream_contracts.series import NthWeekday, SeriesRule
from slotstream_scheduling.recurrence import Frequency, Recurrence, ShortMonths, occurrences
from slotstream_scheduling.recurrence import NthWeekday as Nth

WEEKLY = "FREQ=WEEKLY;INTERVAL=1;WKST=MO;BYDAY=MO"
HALF_AN_HOUR = timedelta(minutes=30)
FAR = datetime(2050, 1, 1, tzinfo=UTC)


def oslo(month: int, day: int, hour: int = 10, minute: int = 0, *, fold: int = 0) -> datetime:
    return datetime(2027, month, day, hour, minute, tzinfo=ZoneInfo("Europe/Oslo"), fold=fold).astimezone(UTC)


def date_at(recurs_at: datetime, starts_at: datetime | None = None, *, lasts: timedelta = HALF_AN_HOUR) -> ToldDate:
    starts_at = starts_at or recurs_at
    return ToldDate(recurs_at=recurs_at, starts_at=starts_at, ends_at=starts_at + lasts, status="scheduled")


def written(
    dates: Sequence[ToldDate],
    *,
    rrule: str = WEEKLY,
    zone: str = "Europe/Oslo",
    goes_on: bool = False,
    method: Method = "REQUEST",
    sequence: int = 3,
) -> bytes:
    listed = dates or [date_at(oslo(5, 3))]
    first = listed[0]
    series = ToldSeries(
        calendar_uid="series@slotstream",
        zone=zone,
        rrule=rrule,
        goes_on=goes_on,
        dates=dates,
        listed=listed,
        without=[],
        first=SeriesAppointment(
            id=uuid4(),
            calendar_uid="x",
            starts_at=first.starts_at,
            ends_at=first.ends_at,
            status="scheduled",
            staff_ids=(),
            version=1,
        ),
    )
    invitation = Invitation(
        method=method,
        appointment=SAMPLE_APPOINTMENT,
        organizer=Party("Salon Nord", "no-reply@mail.example"),
        attendee=Party("Grace", "grace@example.com"),
        summary="Haircut",
        description="Line one",
        location="",
        sequence=sequence,
        series=series,
    )
    return write_invitation(invitation, now=NOW)


def read(content: bytes, *, until: datetime = FAR) -> list[tuple[datetime, datetime]]:
    """Start and end of every event, as a reader with rules of its own finds them."""
    calendar = icalendar.Calendar.from_ical(content)
    events = recurring_ical_events.of(calendar).between(datetime(1990, 1, 1, tzinfo=UTC), until)
    return sorted((event["DTSTART"].dt.astimezone(UTC), event["DTEND"].dt.astimezone(UTC)) for event in events)


def times(dates: Sequence[ToldDate]) -> list[tuple[datetime, datetime]]:
    return sorted((date.starts_at, date.ends_at) for date in dates)


def events_of(content: bytes) -> list[icalendar.Event]:
    return list(icalendar.Calendar.from_ical(content).walk("VEVENT"))


def test_the_rule_says_it_and_skipped_dates_are_left_out_of_it() -> None:
    dates = [date_at(oslo(5, 3)), date_at(oslo(5, 10)), date_at(oslo(5, 31)), date_at(oslo(6, 7))]
    content = written(dates)

    [event] = events_of(content)
    assert event["RRULE"]["FREQ"] == ["WEEKLY"]
    assert [moment.dt for moment in event["EXDATE"].dts] == [oslo(5, 17), oslo(5, 24)]
    assert read(content) == times(dates)
    assert [start for start, _ in read(content)] == [datetime(2027, *day, 8, tzinfo=UTC) for day in DAYS_OF_N16]


DAYS_OF_N16 = ((5, 3), (5, 10), (5, 31), (6, 7))


def test_a_moved_date_is_an_exception_under_the_same_uid_and_number() -> None:
    dates = [date_at(oslo(5, 3)), date_at(oslo(5, 10), oslo(5, 11, 12)), date_at(oslo(5, 17))]
    content = written(dates)

    master, exception = events_of(content)
    assert {str(event["UID"]) for event in (master, exception)} == {"series@slotstream"}
    assert {int(event["SEQUENCE"]) for event in (master, exception)} == {3}
    assert exception["RECURRENCE-ID"].dt == oslo(5, 10)
    assert read(content) == times(dates)


def test_what_the_rule_does_not_say_is_listed() -> None:
    dates = [date_at(oslo(5, 3)), date_at(oslo(5, 11)), date_at(oslo(5, 20, 15))]
    content = written(dates)

    [event] = events_of(content)
    assert "RRULE" not in event
    assert read(content) == times(dates)


def test_a_longer_date_says_its_own_end() -> None:
    dates = [date_at(oslo(5, 3)), date_at(oslo(5, 10)), date_at(oslo(5, 17), lasts=timedelta(hours=2))]
    assert read(written(dates)) == times(dates)


@pytest.mark.parametrize("hour", [1, 2, 3])
@pytest.mark.parametrize("month_and_day", [(3, 14), (10, 17)])
def test_times_hold_through_a_clock_change(month_and_day: tuple[int, int], hour: int) -> None:
    """Two Sundays before a change, to two after it: 02:30 is missing in March and there twice in October."""
    first = datetime(2027, *month_and_day, hour, 30)  # noqa: DTZ001 - a wall time
    rule = Recurrence(freq=Frequency.WEEKLY, weekdays=frozenset({6}))
    found = occurrences(rule, first=first, zone="Europe/Oslo", limit=5)
    dates = [date_at(datetime.fromtimestamp(one.starts_at, UTC)) for one in found]
    content = written(dates, rrule=WEEKLY.replace("MO", "SU").replace("WKST=SU", "WKST=MO"))

    assert read(content) == times(dates)
    if hour == 2:
        assert "RRULE" not in events_of(content)[0]


def test_a_start_in_the_repeated_hour_is_written_in_utc() -> None:
    dates = [date_at(oslo(10, 24, 2, 30)), date_at(oslo(10, 31, 2, 30, fold=1))]
    content = written(dates)
    assert b"20271031T013000Z" in content
    assert read(content) == times(dates)


def test_a_date_that_lasts_through_a_clock_change_says_its_end_by_itself() -> None:
    dates = [date_at(oslo(3, day, 1), lasts=timedelta(hours=4)) for day in (14, 21, 28)]
    content = written(dates, rrule="FREQ=WEEKLY;INTERVAL=1;WKST=MO;BYDAY=SU")

    assert read(content) == times(dates)
    assert events_of(content)[-1]["RECURRENCE-ID"].dt == oslo(3, 28, 1)


def test_a_series_without_an_end_goes_on_in_the_calendar() -> None:
    dates = [date_at(oslo(5, 3)), date_at(oslo(5, 17))]
    content = written(dates, goes_on=True)

    found = read(content, until=oslo(6, 1))
    assert [start for start, _ in found] == [oslo(5, 3), oslo(5, 17), oslo(5, 24), oslo(5, 31)]


def test_a_series_of_one_date_recurs_all_the_same() -> None:
    """Its date can be moved or cancelled by RECURRENCE-ID later."""
    content = written([date_at(oslo(5, 3))])
    [event] = events_of(content)
    assert "RRULE" in event
    assert read(content) == times([date_at(oslo(5, 3))])


def test_a_cancellation_is_one_event_for_the_whole() -> None:
    content = written([], method="CANCEL")
    [event] = events_of(content)
    assert (event["STATUS"], "RECURRENCE-ID" in event, str(event["UID"])) == ("CANCELLED", False, "series@slotstream")
    assert icalendar.Calendar.from_ical(content)["METHOD"] == "CANCEL"


def test_five_hundred_dates_fit_into_one_file() -> None:
    begins = datetime(2027, 1, 4, 10, tzinfo=ZoneInfo("Europe/Oslo"))
    dates = [date_at((begins + timedelta(weeks=week)).astimezone(UTC)) for week in range(500)]
    dates[77] = date_at(dates[77].recurs_at, dates[77].recurs_at + timedelta(hours=1))
    content = written(dates)

    assert len(content) < 8_000
    assert read(content) == times(dates)


def test_a_series_whose_first_date_ends_in_an_hour_that_comes_twice_is_read_as_it_is() -> None:
    """Its rule is not read in UTC, where midnight of the last Sunday is on a Saturday."""
    dates = [date_at(oslo(*day, 0), lasts=timedelta(hours=2)) for day in ((10, 31), (11, 28), (12, 26))]
    rule = SeriesRule(freq="monthly", nth_weekday=NthWeekday(nth=-1, weekday=6))
    assert read(written(dates, rrule=rrule_of(rule, month=10))) == times(dates)


@pytest.mark.parametrize("day", [(3, 27), (10, 30)])
def test_a_series_whose_first_date_crosses_a_clock_change_lasts_as_long_on_the_others(day: tuple[int, int]) -> None:
    saturdays = [date(2027, *day) + timedelta(weeks=week) for week in range(3)]
    dates = [date_at(oslo(one.month, one.day, 22), lasts=timedelta(hours=6)) for one in saturdays]
    assert read(written(dates, rrule="FREQ=WEEKLY;INTERVAL=1;WKST=MO;BYDAY=SA")) == times(dates)


@pytest.mark.parametrize(
    "rule",
    [
        SeriesRule(freq="monthly", month_day=99),
        SeriesRule(freq="monthly", nth_weekday=NthWeekday(nth=99, weekday=0)),
        SeriesRule(freq="weekly", interval=10**9),
    ],
)
def test_a_rule_that_no_calendar_has_is_not_followed(rule: SeriesRule) -> None:
    dates = [date_at(oslo(5, 3)), date_at(oslo(5, 10))]
    assert read(written(dates, rrule=rrule_of(rule, month=5))) == times(dates)


_RULES = st.one_of(
    st.builds(
        Recurrence,
        freq=st.just(Frequency.WEEKLY),
        interval=st.integers(1, 4),
        weekdays=st.frozensets(st.integers(0, 6), min_size=1, max_size=4),
    ),
    st.builds(
        Recurrence,
        freq=st.sampled_from([Frequency.MONTHLY, Frequency.YEARLY]),
        interval=st.integers(1, 3),
        month_day=st.integers(1, 31),
        short_months=st.sampled_from(list(ShortMonths)),
    ),
    st.builds(
        Recurrence,
        freq=st.sampled_from([Frequency.MONTHLY, Frequency.YEARLY]),
        interval=st.integers(1, 3),
        nth_weekday=st.builds(Nth, st.sampled_from([-1, 1, 2, 3, 4, 5]), st.integers(0, 6)),
    ),
)


@settings(max_examples=120, deadline=None)
@given(
    rule=_RULES,
    zone=st.sampled_from(["Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]),
    first=st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31)).map(  # noqa: DTZ001 - a wall time
        lambda moment: moment.replace(second=0, microsecond=0)
    ),
    length=st.integers(5, 6 * 60),
    gone=st.frozensets(st.integers(0, 11)),
    moved=st.dictionaries(st.integers(0, 11), st.integers(-3_000, 3_000), max_size=3),
)
@example(
    rule=Recurrence(freq=Frequency.MONTHLY, month_day=31, short_months=ShortMonths.LAST),
    zone="Europe/Oslo",
    first=datetime(2027, 1, 31, 2, 30),  # noqa: DTZ001 - a wall time
    length=120,
    gone=frozenset(),
    moved={},
)
@example(
    rule=Recurrence(freq=Frequency.MONTHLY, nth_weekday=Nth(-1, 6)),
    zone="Europe/Oslo",
    first=datetime(2026, 10, 1, 0, 0),  # noqa: DTZ001 - a wall time
    length=120,
    gone=frozenset(),
    moved={},
)
@example(
    rule=Recurrence(freq=Frequency.WEEKLY, weekdays=frozenset({5})),
    zone="Africa/Casablanca",
    first=datetime(2026, 3, 15, 21, 0),  # noqa: DTZ001 - a wall time
    length=300,
    gone=frozenset(),
    moved={},
)
def test_whatever_booking_makes_of_a_rule_is_what_is_read(
    rule: Recurrence, zone: str, first: datetime, length: int, gone: frozenset[int], moved: dict[int, int]
) -> None:
    found = occurrences(rule, first=first, zone=zone, limit=12, not_after=first.date() + timedelta(days=3_000))
    lasts = timedelta(minutes=length)
    dates = []
    for number, one in enumerate(found):
        recurs_at = datetime.fromtimestamp(one.starts_at, UTC)
        starts_at = recurs_at + timedelta(minutes=moved.get(number, 0))
        if number not in gone:
            dates.append(date_at(recurs_at, starts_at, lasts=lasts))
    if not dates:
        return
    nth = rule.nth_weekday
    said = SeriesRule(
        freq=rule.freq.value,
        interval=rule.interval,
        weekdays=tuple(sorted(rule.weekdays)),
        month_day=rule.month_day,
        short_months=rule.short_months.value,
        nth_weekday=NthWeekday(nth=nth.nth, weekday=nth.weekday) if nth else None,
    )
    content = written(dates, rrule=rrule_of(said, month=first.month), zone=zone)

    assert read(content) == times(dates)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (SeriesRule(freq="weekly", weekdays=(0, 3)), "FREQ=WEEKLY;INTERVAL=1;WKST=MO;BYDAY=MO,TH"),
        (SeriesRule(freq="monthly", month_day=31), "FREQ=MONTHLY;INTERVAL=1;WKST=MO;BYMONTHDAY=31"),
        (
            SeriesRule(freq="monthly", month_day=30, short_months="last"),
            "FREQ=MONTHLY;INTERVAL=1;WKST=MO;BYMONTHDAY=28,29,30;BYSETPOS=-1",
        ),
        (
            SeriesRule(freq="yearly", nth_weekday=NthWeekday(nth=-1, weekday=4)),
            "FREQ=YEARLY;INTERVAL=1;WKST=MO;BYMONTH=5;BYDAY=-1FR",
        ),
    ],
)
def test_a_rule_in_the_words_of_rfc_5545(rule: SeriesRule, said: str) -> None:
    assert rrule_of(rule, month=5) == said
