"""Days, times and places as readers of the portal see them."""

from datetime import UTC, date, datetime

from babel.localedata import locale_identifiers

from dashboard.adapters.dates import Calendar


def test_every_locale_that_is_known_writes_days_times_and_the_place() -> None:
    for tag in locale_identifiers():
        calendar = Calendar(tag, "Europe/Berlin")
        day = date(2027, 7, 1)
        written = (
            calendar.long_date(day),
            calendar.short_date(day),
            calendar.time(datetime(2027, 7, 1, 9, tzinfo=UTC)),
            calendar.place(),
        )
        assert all(written), tag
