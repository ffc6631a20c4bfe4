"""How long before: time that passes, or days on the clock where the appointment is, whatever clocks do in between."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st
from test_planning import SAMPLE_APPOINTMENT, a_reminder, an_appointment, planned

from notifications.domain.leads import Lead
from slotstream_scheduling import LocalKind, resolve

BERLIN, LORD_HOWE, APIA = "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"
ZONES = st.sampled_from(
    [BERLIN, "America/New_York", "America/Santiago", "Asia/Kathmandu", LORD_HOWE, APIA, "Pacific/Chatham", "UTC"]
)
STARTS = st.integers(min_value=0, max_value=20 * 366 * 24 * 60).map(
    lambda minutes: datetime(2010, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
DAYS = st.integers(min_value=1, max_value=366)


@given(STARTS, DAYS, ZONES)
@example(datetime(2027, 3, 29, 0, 30, tzinfo=UTC), 1, BERLIN)  # 2:30, missing on the day before
@example(datetime(2027, 11, 1, 1, 30, tzinfo=UTC), 1, BERLIN)  # 2:30, twice on the day before
@example(datetime(2027, 10, 31, 1, 30, tzinfo=UTC), 1, BERLIN)  # the second 2:30 itself
@example(datetime(2026, 10, 4, 15, 45, tzinfo=UTC), 1, LORD_HOWE)  # half an hour is skipped
@example(datetime(2011, 12, 30, 20, tzinfo=UTC), 1, APIA)  # 30 December was skipped
def test_days_keep_the_clock_and_missing_and_repeated_times_are_read_as_everywhere(
    starts_at: datetime, days: int, zone: str
) -> None:
    due_at = Lead(timedelta(days=days), by_clock=True).due_at(starts_at, zone)
    wanted = starts_at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) - timedelta(days=days)
    reading = resolve(wanted, zone)
    assert due_at == datetime.fromtimestamp(reading.first, UTC)
    if reading.kind is not LocalKind.GAP:
        assert due_at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wanted
    assert due_at <= starts_at


@given(STARTS, st.integers(min_value=1, max_value=366 * 24 * 60), ZONES)
def test_minutes_are_time_that_passes(starts_at: datetime, minutes: int, zone: str) -> None:
    assert starts_at - Lead.of(minutes, by_clock=False).due_at(starts_at, zone) == timedelta(minutes=minutes)


@given(STARTS, DAYS, ZONES)
def test_days_and_as_many_times_24_hours_differ_by_what_clocks_have_changed_alone(
    starts_at: datetime, days: int, zone: str
) -> None:
    by_clock, elapsed = (Lead(timedelta(days=days), by_clock=each).due_at(starts_at, zone) for each in (True, False))
    offsets = {instant.astimezone(ZoneInfo(zone)).utcoffset() for instant in (by_clock, elapsed, starts_at)}
    if len(offsets) == 1:
        assert by_clock == elapsed


def test_where_the_day_before_is_missing_from_the_calendar_the_reminder_says_that_it_is_too_late() -> None:
    starts_at = datetime(2011, 12, 30, 20, tzinfo=UTC)
    appointment = an_appointment(
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        zone=APIA,
        created_at=datetime(2011, 12, 1, tzinfo=UTC),
    )
    reminder = a_reminder(1440, by_clock=True)
    [draft] = planned([appointment], [reminder])
    assert (draft.due_at, draft.reason) == (starts_at, "too_late")
    assert appointment.calendar_uid == SAMPLE_APPOINTMENT.calendar_uid
