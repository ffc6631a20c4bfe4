"""Kinds of fault and of dialect that real calendars show, each with what is read of it."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from calendar_sync.adapters.ics import process
from calendar_sync.adapters.ics.expansion import expand
from calendar_sync.adapters.ics.process import ExpansionProcess
from calendar_sync.domain import Expansion, ReadingFailedError, Window

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW = Window.around(NOW)
GOOD = "BEGIN:VEVENT\nUID:good\nDTSTART:20260310T100000Z\nDTEND:20260310T110000Z\nEND:VEVENT\n"
TEN = "DTSTART:20260312T100000Z\nDTEND:20260312T110000Z"


def a_text(body: str, *, newline: str = "\r\n") -> bytes:
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{body}END:VCALENDAR\n".replace("\n", newline).encode()


def read(
    body: str,
    *,
    newline: str = "\r\n",
    zone: str = "Europe/Berlin",
    charset: str | None = None,
    window: Window = WINDOW,
) -> Expansion:
    return expand(a_text(body, newline=newline), zone=zone, window=window, charset=charset)


def an_event(lines: str) -> str:
    return f"BEGIN:VEVENT\n{lines}\nEND:VEVENT\n"


def uids(expansion: Expansion) -> set[str]:
    return {instance.uid for instance in expansion.instances}


def spans(expansion: Expansion) -> list[str]:
    return sorted(f"{it.starts_at:%m-%d %H:%M}/{it.ends_at:%m-%d %H:%M}" for it in expansion.instances)


@pytest.mark.parametrize("newline", ["\r\n", "\n", "\r"])
def test_every_kind_of_line_end_is_read(newline: str) -> None:
    assert spans(read(GOOD, newline=newline)) == ["03-10 10:00/03-10 11:00"]


@pytest.mark.parametrize(
    "component",
    [
        "BEGIN:VTODO\nDUE:x\nBEGIN:VALARM\nTRIGGER:x\nEND:VALARM\nEND:VTODO\n",
        "BEGIN:VALARM\nTRIGGER:x\nEND:VALARM\n",
        "BEGIN:VJOURNAL\nDTSTART:x\n",
        "BEGIN:X-THING\nBEGIN:X-INNER\nDTSTART:x\nEND:X-INNER\nEND:X-THING\n",
        "BEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\nDTSTART:x\nEND:STANDARD\nEND:VTIMEZONE\n",
        "BEGIN:VTIMEZONE\n",
        "X-WR-CALNAME\nREFRESH-INTERVAL:soon\n:::\n;;;\n=\n",
        "END:VTODO\nEND:X\nBEGIN:\nEND:\n",
    ],
)
def test_a_fault_outside_an_event_costs_nothing(component: str) -> None:
    for body in (component + GOOD, GOOD + component):
        expansion = read(body)
        assert uids(expansion) == {"good"}
        assert expansion.unread == 0


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("UID:bad", "unreadable_event"),
        ("UID:bad\nDTSTART:2026", "unreadable_event"),
        ("UID:bad\nDTSTART:20260230T100000Z\nDURATION:PT1H", "unreadable_event"),
        ("UID:bad\nDTSTART:20260310T100000Z\nDTEND:never", "unreadable_event"),
        ("UID:bad\nDTSTART:20260310T100000Z\nDURATION:long", "unreadable_event"),
        (f"UID:bad\n{TEN}\nRRULE:FREQ=OFTEN", "unreadable_event"),
        (f"UID:bad\n{TEN}\nRRULE:FREQ=DAILY;BYMONTH=13", "unreadable_event"),
        (f"UID:bad\n{TEN}\nRRULE:FREQ=DAILY;INTERVAL=0", "rule_too_frequent"),
        (f"UID:bad\n{TEN}\nRRULE:FREQ=SECONDLY", "rule_too_frequent"),
        (f"UID:bad\n{TEN}\nRRULE:FREQ=YEARLY;INTERVAL=99999999999999999999", "unreadable_event"),
        (f"UID:bad\n{TEN}\nRECURRENCE-ID:x", "unreadable_event"),
        ("UID:bad\nDTSTART:20260310T110000Z\nDTEND:20260310T100000Z", "end_before_start"),
        ("UID:bad\nDTSTART:20260310T110000Z\nDURATION:-PT1H", "end_before_start"),
        ("UID:bad\nDTSTART;VALUE=DATE:20260310\nDTEND;VALUE=DATE:20260309", "end_before_start"),
        ("UID:bad\nDTSTART:20260310T110000Z", "no_duration"),
        ("UID:bad\nDTSTART:99991231T230000Z\nDURATION:P9999999D", "unreadable_event"),
        ("UID:bad\nDTSTART;TZID=Europe/Berlin:00010101T000000\nDURATION:PT1H", "unreadable_event"),
    ],
)
def test_an_event_that_takes_no_time_by_a_fault_is_a_warning_with_its_line_and_uid(lines: str, code: str) -> None:
    expansion = read(an_event(lines) + GOOD)

    assert uids(expansion) == {"good"}
    assert expansion.warnings == {code: 1}
    [example] = expansion.examples
    assert (example.line, example.uid) == (3, "bad")


@pytest.mark.parametrize(
    "lines",
    [
        f"UID:a\n{TEN}\nEXDATE:",
        f"UID:a\n{TEN}\nEXDATE:rubbish",
        f"UID:a\n{TEN}\nRDATE:rubbish",
        f"UID:a\n{TEN}\nRRULE:",
        f"UID:a\n{TEN}\nRECURRENCE-ID:",
        f"UID:a\n{TEN}\nSEQUENCE:-1",
        f"UID:a\nUID:b\n{TEN}",
        f"UID:a\n{TEN}\nDTSTART:20270101T000000Z",
        f"UID:a\n{TEN}\nRRULE FREQ=DAILY;COUNT=2",
        f"UID:a\n{TEN}\nRRULE:FREQ=DAILY; COUNT=1",
    ],
)
def test_a_small_blemish_is_mended_with_a_warning(lines: str) -> None:
    expansion = read(an_event(lines))

    assert spans(expansion) == ["03-12 10:00/03-12 11:00"]
    assert sum(expansion.warnings.values()) == 1
    assert expansion.unread == 0


@pytest.mark.parametrize(
    "body",
    [
        f"BEGIN:VEVENT\nUID:a\n{TEN}\n",
        f"BEGIN:VEVENT\nUID:a\n{TEN}\nBEGIN:VALARM\nTRIGGER:-PT5M\nEND:VEVENT\n",
        f"BEGIN:VEVENT\nUID:a\n{TEN}\nBEGIN:VTODO\nUID:t\nEND:VTODO\n",
        f"begin:vevent\nuid:a\n{TEN.lower()}\nend:vevent\n",
        f"BEGIN:VEVENT \nUID:a\n{TEN}\nEND:VEVENT \n",
        f"BEGIN:VEVENT\nUID:a\n\n{TEN}\nnot a property\nDESCRIPTION:x\nDuration of it: long\nEND:VEVENT\n",
    ],
)
def test_an_event_with_a_ragged_edge_is_read(body: str) -> None:
    assert spans(read(body + GOOD)) == ["03-10 10:00/03-10 11:00", "03-12 10:00/03-12 11:00"]


def test_an_event_whose_beginning_is_lost_is_a_warning() -> None:
    expansion = read(f"UID:a\n{TEN}\nEND:VEVENT\n" + GOOD)

    assert uids(expansion) == {"good"}
    assert expansion.warnings == {"missing_begin": 1}
    assert (expansion.events, expansion.unread) == (2, 1)


def test_a_calendar_that_breaks_off_is_an_error_and_not_an_emptier_calendar() -> None:
    with pytest.raises(ReadingFailedError, match="truncated_calendar"):
        expand(f"BEGIN:VCALENDAR\n{GOOD}BEGIN:VEVENT\nUID:a\n".encode(), zone="Europe/Berlin", window=WINDOW)


def test_text_after_the_calendars_end_is_no_matter() -> None:
    assert uids(expand(a_text(GOOD) + b"\r\n<!-- served in 3 ms -->", zone="Europe/Berlin", window=WINDOW)) == {"good"}


def test_events_without_uid_keep_their_identity_from_one_download_to_the_next() -> None:
    first = read(an_event(f"DTSTAMP:20260101T000000Z\nSUMMARY:x\n{TEN}"))
    again = read(an_event(f"DTSTAMP:20260202T000000Z\nSEQUENCE:4\n{TEN}\nSUMMARY:x"))

    assert first.instances == again.instances
    assert len(read(an_event(TEN) + an_event(TEN + "\nSUMMARY:other")).instances) == 2


def test_a_fold_within_a_character_changes_nothing() -> None:
    folded = a_text(an_event(f"UID:caf\u00e9-\U0001f600\n{TEN}")).replace("\u00e9".encode(), b"\xc3\r\n \xa9")
    folded = folded.replace("\U0001f600".encode(), b"\xf0\x9f\r\n\t\x98\x80")

    [instance] = expand(folded, zone="Europe/Berlin", window=WINDOW).instances
    assert instance.uid == "caf\u00e9-\U0001f600"


def test_components_nested_absurdly_deep_are_read_past_in_moments() -> None:
    began = time.process_time()

    assert uids(read("BEGIN:X-A\n" * 50_000 + "END:X-B\n" * 50_000 + GOOD)) == {"good"}
    assert time.process_time() - began < 5


def test_an_attachment_of_megabytes_is_read_past_in_moments() -> None:
    attachment = "ATTACH;ENCODING=BASE64:" + "\r\n ".join(["A" * 74] * 100_000)
    began = time.process_time()

    expansion = read(an_event(f"UID:a\n{attachment}\n{TEN}"))

    assert spans(expansion) == ["03-12 10:00/03-12 11:00"]
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("encoding", "charset"),
    [
        ("utf-8", None), ("utf-8-sig", None), ("utf-16", None), ("latin-1", "ISO-8859-1"), ("cp1252", "windows-1252"),
        ("utf-16-le", "utf-16le"), ("utf-8", "no-such-charset"), ("utf-8", "unicode_escape"), ("utf-8", "idna"),
        ("utf-8", "ascii"), ("latin-1", None),
    ],
)  # fmt: skip
def test_the_servers_charset_counts_and_a_wrong_one_is_no_matter(encoding: str, charset: str | None) -> None:
    text = a_text(an_event(f"UID:caf\u00e9\n{TEN}")).decode().encode(encoding)

    [instance] = expand(text, zone="Europe/Berlin", window=WINDOW, charset=charset).instances
    assert instance.uid == "caf\u00e9"


def test_a_charset_of_several_bytes_is_honoured() -> None:
    text = a_text(an_event(f"UID:\u4e88\u7d04\n{TEN}")).decode().encode("shift_jis")

    [instance] = expand(text, zone="Asia/Tokyo", window=WINDOW, charset="Shift_JIS").instances
    assert instance.uid == "\u4e88\u7d04"


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ('"Europe/Berlin"', "Europe/Berlin"),
        ("/freeassociation.sourceforge.net/Europe/Berlin", "Europe/Berlin"),
        ("/mozilla.org/20070129_1/America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Eastern Standard Time", "America/New_York"),
        ('"(UTC-05:00) Eastern Time (US & Canada)"', "America/New_York"),
        ('"(GMT-08:00) Pacific Time (US & Canada)"', "America/Los_Angeles"),
        ('"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"', "Europe/Berlin"),
        ('"(UTC) Dublin, Edinburgh, Lisbon, London"', "Etc/UTC"),
        ('"(UTC+00:00) Dublin, Edinburgh, Lisbon, London"', "Europe/Dublin"),
        ('"(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi"', "Asia/Kolkata"),
        ('"(UTC+10:00) Canberra, Melbourne, Sydney"', "Australia/Sydney"),
        ('"(UTC-07:00) Arizona"', "America/Phoenix"),
        ("GMT+0200", "Etc/GMT-2"),
        ("UTC-03:00", "Etc/GMT+3"),
        ("tzone://Microsoft/Utc", "Etc/UTC"),
    ],
)
def test_a_zones_many_names_are_understood(name: str, zone: str) -> None:
    for month in ("02", "07"):
        expansion = read(an_event(f"UID:a\nDTSTART;TZID={name}:2026{month}15T100000\nDURATION:PT1H"))
        wanted = datetime(2026, int(month), 15, 10, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        if WINDOW.starts_at < wanted < WINDOW.ends_at:
            assert [it.starts_at for it in expansion.instances] == [wanted]
            assert not expansion.warnings


OWN_ZONE = """BEGIN:VTIMEZONE
TZID:Office
BEGIN:STANDARD
DTSTART:16011028T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010325T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
"""


def test_a_calendars_own_zone_is_read_as_the_real_one_is() -> None:
    for day in (27, 28, 29, 30):
        for hour in range(24):
            lines = f"UID:a\nDTSTART;TZID={{zone}}:202603{day}T{hour:02}3000\nDURATION:PT1H"
            own = read(OWN_ZONE + an_event(lines.format(zone="Office")))
            real = read(an_event(lines.format(zone="Europe/Berlin")))
            assert own.instances == real.instances
            assert not own.warnings


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("FREQ=WEEKLY;UNTIL=20260326", ["03-12", "03-19", "03-26"]),
        ("FREQ=WEEKLY;UNTIL=20260326T100000", ["03-12", "03-19", "03-26"]),
        ("FREQ=WEEKLY;UNTIL=20260326T090000Z", ["03-12", "03-19", "03-26"]),
        ("FREQ=WEEKLY;UNTIL=20260326T085959Z", ["03-12", "03-19"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3", ["03-12", "03-31", "04-30"]),
        ("FREQ=MONTHLY;BYDAY=2TH;COUNT=3", ["03-12", "04-09", "05-14"]),
        ("FREQ=YEARLY;BYWEEKNO=14;COUNT=2", ["03-12", "04-02"]),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,TH;COUNT=3", ["03-12", "03-24", "03-26"]),
        ("FREQ=DAILY;BYHOUR=10,15;COUNT=3", ["03-12", "03-12", "03-13"]),
    ],
)
def test_rules_give_what_rfc_5545_says(rule: str, wanted: list[str]) -> None:
    expansion = read(an_event(f"UID:a\nDTSTART;TZID=Europe/Berlin:20260312T100000\nDURATION:PT1H\nRRULE:{rule}"))

    assert sorted(f"{it.starts_at:%m-%d}" for it in expansion.instances) == wanted


@pytest.mark.parametrize(
    ("frequency", "step"),
    [("DAILY", timedelta(days=1)), ("WEEKLY", timedelta(weeks=1)), ("HOURLY", timedelta(hours=1))],
)
@pytest.mark.parametrize("interval", [1, 2, 3, 7])
def test_a_series_from_long_ago_is_as_if_it_were_counted_through(
    frequency: str, step: timedelta, interval: int
) -> None:
    first = datetime(2016, 2, 29, 9, tzinfo=UTC)
    window = Window(starts_at=NOW, ends_at=NOW + timedelta(days=30))
    expansion = read(
        an_event(f"UID:a\nDTSTART:{first:%Y%m%dT%H%M%SZ}\nDURATION:PT1H\nRRULE:FREQ={frequency};INTERVAL={interval}"),
        window=window,
    )

    steps = range(int((window.ends_at - first) / (step * interval)) + 2)
    starts = [first + number * interval * step for number in steps]
    wanted = [start for start in starts if start < window.ends_at and start + timedelta(hours=1) > window.starts_at]
    assert sorted(it.starts_at for it in expansion.instances) == wanted


def test_dates_mean_the_instance_of_their_day_in_exclusions_and_changes() -> None:
    expansion = read(
        an_event(
            "UID:a\nDTSTART;TZID=Europe/Berlin:20260310T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4\n"
            "EXDATE;VALUE=DATE:20260311"
        )
        + an_event(
            "UID:a\nRECURRENCE-ID;VALUE=DATE:20260312\nDTSTART;TZID=Europe/Berlin:20260312T150000\nDURATION:PT1H"
        )
    )

    assert spans(expansion) == ["03-10 09:00/03-10 10:00", "03-12 14:00/03-12 15:00", "03-13 09:00/03-13 10:00"]


def test_added_dates_and_periods_take_time() -> None:
    expansion = read(
        an_event(
            f"UID:a\n{TEN}\nRDATE:20260313T100000Z\nRDATE;VALUE=PERIOD:20260314T100000Z/PT2H,20260315T100000Z/20260315T103000Z"
        )
    )

    assert spans(expansion) == [
        "03-12 10:00/03-12 11:00",
        "03-13 10:00/03-13 11:00",
        "03-14 10:00/03-14 12:00",
        "03-15 10:00/03-15 10:30",
    ]


def test_a_change_of_an_instance_that_no_series_here_has_takes_time() -> None:
    assert spans(read(an_event(f"UID:a\nRECURRENCE-ID:20260312T100000Z\n{TEN}"))) == ["03-12 10:00/03-12 11:00"]


def test_of_two_revisions_the_later_counts_and_the_other_is_a_warning() -> None:
    expansion = read(
        an_event("UID:a\nSEQUENCE:1\nDTSTART:20260310T100000Z\nDURATION:PT1H") + an_event(f"UID:a\nSEQUENCE:2\n{TEN}")
    )

    assert spans(expansion) == ["03-12 10:00/03-12 11:00"]
    assert expansion.warnings == {"older_revision": 1}


def test_free_busy_periods_take_time_and_free_ones_do_not() -> None:
    expansion = read(
        "BEGIN:VFREEBUSY\nUID:f\nFREEBUSY:20260310T100000Z/PT1H,rubbish,20260311T100000Z/20260311T120000Z\n"
        "FREEBUSY;FBTYPE=FREE:20260312T100000Z/PT1H\nFREEBUSY;FBTYPE=BUSY-TENTATIVE:20260313T100000Z/PT1H\n"
        "END:VFREEBUSY\n"
    )

    assert spans(expansion) == ["03-10 10:00/03-10 11:00", "03-11 10:00/03-11 12:00", "03-13 10:00/03-13 11:00"]
    assert expansion.warnings == {"unreadable_value": 1}


@pytest.mark.parametrize(
    ("duration", "ends"),
    [("PT24H", "03-29 10:00"), ("P1D", "03-29 09:00"), ("P1DT1H", "03-29 10:00"), ("P1W", "04-04 09:00")],
)
def test_over_a_change_of_clocks_hours_are_exact_and_days_are_nominal(duration: str, ends: str) -> None:
    [instance] = read(an_event(f"UID:a\nDTSTART;TZID=Europe/Berlin:20260328T110000\nDURATION:{duration}")).instances

    assert f"{instance.ends_at:%m-%d %H:%M}" == ends


@pytest.mark.parametrize("end", ["20300101", "21000101"])
def test_what_is_longer_than_the_window_is_cut_and_not_freed(end: str) -> None:
    [instance] = read(an_event(f"UID:a\nDTSTART;VALUE=DATE:20200101\nDTEND;VALUE=DATE:{end}")).instances
    [later] = read(
        an_event(f"UID:a\nDTSTART;VALUE=DATE:20200101\nDTEND;VALUE=DATE:{end}"),
        window=Window.around(NOW + timedelta(hours=3)),
    ).instances

    assert instance.starts_at <= WINDOW.starts_at
    assert instance.ends_at >= WINDOW.ends_at
    assert instance == later


@pytest.mark.parametrize(
    "zone", ["America/Vancouver", "America/Winnipeg", "America/Edmonton", "America/Havana", "Africa/Casablanca"]
)
async def test_the_child_reads_the_pinned_zone_rules_whatever_the_machine_has(
    zone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path / zone
    foreign.parent.mkdir(parents=True, exist_ok=True)
    tokyo = Path(__import__("tzdata").__file__).parent / "zoneinfo" / "Asia" / "Tokyo"
    foreign.write_bytes(tokyo.read_bytes())
    monkeypatch.setenv("PYTHONTZPATH", str(tmp_path))
    monkeypatch.setattr(process, "KEPT_ENVIRONMENT", (*process.KEPT_ENVIRONMENT, "PYTHONTZPATH"))
    window = Window(starts_at=NOW, ends_at=NOW + timedelta(days=400))
    lines = f"UID:a\nDTSTART;TZID={zone}:20260302T100000\nDURATION:PT1H\nRRULE:FREQ=MONTHLY"

    expansion = await ExpansionProcess(seconds=60).expand(a_text(an_event(lines)), zone="UTC", window=window)

    assert len(expansion.instances) == 14
    for instance in expansion.instances:
        assert f"{instance.starts_at.astimezone(ZoneInfo(zone)):%H:%M}" == "10:00"
