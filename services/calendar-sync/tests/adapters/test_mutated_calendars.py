"""Whatever is done to a calendar's text: reading it never crashes, and never loses an event in silence."""

import json
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calendar_sync.adapters.ics.child import as_json
from calendar_sync.adapters.ics.expansion import expand
from calendar_sync.adapters.ics.text import has_control_characters
from calendar_sync.domain import Expansion, ReadingFailedError, Window

CALENDARS = [path.read_bytes() for path in sorted((Path(__file__).parent / "calendars").glob("*.ics"))]
WINDOW = Window.around(datetime(2026, 11, 28, tzinfo=UTC))
GOOD = "BEGIN:VEVENT\nUID:good\nDTSTART:20261210T100000Z\nDTEND:20261210T110000Z\nEND:VEVENT\n"

names = st.sampled_from(
    ["DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID", "UID", "SEQUENCE", "STATUS",
     "TRANSP", "SUMMARY", "X-A", "TZID", "TZOFFSETFROM", "FREEBUSY", "DTSTART;VALUE=DATE", "DTSTART;TZID=Mars/Sea",
     "RECURRENCE-ID;RANGE=THISANDFUTURE", "BEGIN", "END"]
)  # fmt: skip
values = st.one_of(
    st.sampled_from(
        ["", " ", "x", "20261201", "20261201T100000", "20261201T100000Z", "00010101T000000Z", "99991231T235959Z",
         "20261301T000000", "P1D", "-PT1H", "PT24H", "P99999999999D", "P", "FREQ=DAILY", "FREQ=HOURLY;BYMONTHDAY=31;BYMONTH=2",
         "FREQ=SECONDLY", "FREQ=YEARLY;BYWEEKNO=53;BYSETPOS=-1", "FREQ=DAILY;UNTIL=00010101", "FREQ=DAILY;COUNT=0",
         "FREQ=WEEKLY;BYDAY=5MO", "FREQ=MONTHLY;BYDAY=99MO", "FREQ=DAILY;INTERVAL=1000000", "1", "-1", "99999999999999",
         "20261201T100000Z/PT1H", "20261201T100000Z/20261130T100000Z", "+9999", "VEVENT", "VALARM", "VTIMEZONE", "VCALENDAR",
         "\x00", "a\x0bb", "\ud7ff", "\u202e", "TRANSPARENT", "CANCELLED"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)  # fmt: skip
lines = st.builds("{}:{}".format, names, values)
mutations = st.lists(
    st.tuples(
        st.sampled_from(["delete", "double", "insert", "swap", "cut", "flip"]),
        st.integers(min_value=0, max_value=10_000),
        st.integers(min_value=0, max_value=10_000),
        lines,
    ),
    min_size=1,
    max_size=6,
)


def mutated(text: bytes, changes: list[tuple[str, int, int, str]]) -> bytes:
    rows = text.split(b"\n")
    for kind, first, second, line in changes:
        here, there = first % len(rows), second % len(rows)
        match kind:
            case "delete" if len(rows) > 1:
                del rows[here]
            case "double":
                rows.insert(there, rows[here])
            case "insert":
                rows.insert(here, line.encode("utf-8", "replace") + b"\r")
            case "swap":
                rows[here], rows[there] = rows[there], rows[here]
            case "cut":
                rows[here] = rows[here][: second % (len(rows[here]) + 1)]
            case "flip" if rows[here]:
                position = second % len(rows[here])
                rows[here] = rows[here][:position] + bytes([first % 256]) + rows[here][position + 1 :]
    return b"\n".join(rows)


def read_unless_refused(text: bytes) -> Expansion | None:
    try:
        return expand(text, zone="Europe/Berlin", window=WINDOW)
    except ReadingFailedError as error:
        if error.code not in ("not_a_calendar", "truncated_calendar"):
            raise
        return None


def is_sound(expansion: Expansion) -> bool:
    """What may be stored and published, and adds up."""
    json.dumps(as_json(expansion)).encode()
    for instance in expansion.instances:
        instance.uid.encode()
        assert not has_control_characters(instance.uid + instance.recurrence)
        assert instance.starts_at < instance.ends_at
        assert instance.ends_at > WINDOW.starts_at
        assert instance.starts_at < WINDOW.ends_at
    for warning in expansion.examples:
        warning.uid.encode()
        assert not has_control_characters(warning.uid)
        assert warning.line > 0
    assert sum(expansion.warnings.values()) >= expansion.unread
    assert len({instance.identity for instance in expansion.instances}) == len(expansion.instances)
    return True


slow = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@slow
@given(text=st.sampled_from(CALENDARS), changes=mutations)
def test_a_mutated_calendar_is_read_or_refused_and_never_crashes(
    text: bytes, changes: list[tuple[str, int, int, str]]
) -> None:
    expansion = read_unless_refused(mutated(text, changes))

    assert expansion is None or is_sound(expansion)


@slow
@given(hostile=st.lists(lines, max_size=8))
def test_no_event_costs_another_event(hostile: list[str]) -> None:
    inside = [line for line in hostile if not line.startswith(("BEGIN", "END"))]
    event = "BEGIN:VEVENT\n" + "\n".join(inside) + "\nEND:VEVENT\n"
    text = f"BEGIN:VCALENDAR\n{event}{GOOD}{event}END:VCALENDAR\n".encode("utf-8", "replace")

    expansion = expand(text, zone="Europe/Berlin", window=WINDOW)

    assert is_sound(expansion)
    assert "good" in {instance.uid for instance in expansion.instances}


@slow
@given(name=names, value=values)
def test_one_bad_line_is_never_lost_in_silence(name: str, value: str) -> None:
    """The event takes the time that it says, or there is a warning, or the line says that it takes none."""
    if name in ("BEGIN", "END", "STATUS", "TRANSP"):
        return
    rest = ["UID:a", "DTSTART:20261201T100000Z", "DTEND:20261201T110000Z"]
    kept = [line for line in rest if line.partition(":")[0] != name.partition(";")[0]]
    event = "\n".join([f"{name}:{value}", *kept])
    text = f"BEGIN:VCALENDAR\nBEGIN:VEVENT\n{event}\nEND:VEVENT\nEND:VCALENDAR\n".encode("utf-8", "replace")

    expansion = expand(text, zone="Europe/Berlin", window=WINDOW)

    excluded = name in ("EXDATE", "EXRULE")
    out_of_window = name.startswith("DTSTART") and value[:4] in ("0001", "9999")
    assert expansion.instances or expansion.warnings or excluded or out_of_window


@slow
@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    expansion = read_unless_refused(b"BEGIN:VCALENDAR\r\n" + data + b"\r\nEND:VCALENDAR")

    assert expansion is None or is_sound(expansion)
