"""Small calendars that real exporters write, each with the busy time that is wanted of it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from calendar_sync.adapters.ics.expansion import expand
from calendar_sync.domain import Expansion, Window

CALENDARS = Path(__file__).parent / "calendars"
WINDOW = Window.around(datetime(2026, 11, 28, tzinfo=UTC))
GOOD = "2026-12-01 09:00/2026-12-01 10:00"
BERLIN_TEN = "2026-12-02 09:00/2026-12-02 10:00"


def read(name: str) -> Expansion:
    return expand((CALENDARS / f"{name}.ics").read_bytes(), zone="Europe/Berlin", window=WINDOW)


def spans(expansion: Expansion) -> list[str]:
    return sorted(f"{it.starts_at:%Y-%m-%d %H:%M}/{it.ends_at:%Y-%m-%d %H:%M}" for it in expansion.instances)


@pytest.mark.parametrize(
    ("name", "wanted", "warnings"),
    [
        ("two-dtstart", [GOOD, BERLIN_TEN], {"doubled_property"}),
        ("bad-todo", [GOOD], set()),
        ("bad-freebusy", [GOOD], {"end_before_start"}),
        ("bad-xcomp", [GOOD], set()),
        ("bad-calprop", [GOOD], set()),
        ("vtimezone-2-tzids", [GOOD], set()),
        ("no-uid", [BERLIN_TEN, "2026-12-03 10:00/2026-12-03 11:00"], set()),
        ("duplicate-uid", [BERLIN_TEN, "2026-12-03 10:00/2026-12-03 11:00"], {"duplicate_uid"}),
        ("until-date", [f"2026-12-{day:02} 09:00/2026-12-{day:02} 10:00" for day in (2, 9, 16, 23)], set()),
        ("until-date-single", ["2026-12-03 22:00/2026-12-03 23:00"], set()),
        ("allday-same-end", ["2026-12-01 23:00/2026-12-02 23:00"], set()),
        (
            "empty-exdate",
            [GOOD, *(f"2026-12-{day:02} 09:00/2026-12-{day:02} 10:00" for day in (2, 9, 16))],
            {"mended_value"},
        ),
        ("bad-sequence", [GOOD, BERLIN_TEN], {"mended_value"}),
        ("bad-sequence-empty", [GOOD, BERLIN_TEN], {"mended_value"}),
        (
            "spaces-byday",
            [f"2026-12-{day:02} 09:00/2026-12-{day:02} 10:00" for day in (2, 7, 8, 9)],
            {"mended_value"},
        ),
        ("tz-z-and-tzid", ["2026-12-02 10:00/2026-12-02 11:00"], {"zone_beside_utc"}),
        ("tz-display-us", ["2027-04-02 14:00/2027-04-02 15:00"], set()),
        ("trailing-blank-begin", [GOOD], set()),
        ("missing-end-vevent", [GOOD, BERLIN_TEN], {"missing_end"}),
        ("latin1-2", [BERLIN_TEN, "2026-12-03 10:00/2026-12-03 11:00"], set()),
        ("vfreebusy", ["2026-12-05 10:00/2026-12-05 11:00"], set()),
        ("long-401", ["2026-11-27 00:00/2027-05-28 00:00"], set()),
        ("duration-24h", ["2027-03-27 11:00/2027-03-28 11:00"], set()),
        ("byweekno", [BERLIN_TEN], set()),
        (
            "rfc-20min",
            [
                BERLIN_TEN,
                "2026-12-02 09:30/2026-12-02 10:30",
                "2026-12-02 10:00/2026-12-02 11:00",
                "2026-12-02 10:30/2026-12-02 11:30",
            ],
            set(),
        ),
        ("exrule", ["2026-12-03 09:00/2026-12-03 10:00", "2026-12-05 09:00/2026-12-05 10:00"], set()),
        ("transp-lower", [], set()),
    ],
)
def test_a_calendar_of_the_field_gives_what_is_wanted(name: str, wanted: list[str], warnings: set[str]) -> None:
    expansion = read(name)

    assert spans(expansion) == sorted(wanted)
    assert set(expansion.warnings) == warnings
    assert expansion.unread == 0


def test_a_uid_with_a_nul_is_unreadable_and_nothing_of_it_reaches_the_database() -> None:
    expansion = read("uid-nul")

    assert expansion.instances == ()
    assert expansion.is_all_unread
    [example] = expansion.examples
    assert (example.code, example.line, example.uid) == ("unreadable_event", 4, "ab")
