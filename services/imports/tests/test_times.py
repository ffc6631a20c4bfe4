"""Starts, ends and ranges: what a row says about its time is used, or it is asked about."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from imports.adapters.phones import find_phones, read_phone
from imports.domain.catalogue import Business, Catalogue, OfferedService
from imports.domain.clocks import RangeEvidence, read_clock, read_minutes
from imports.domain.dates import DateOrder
from imports.domain.mapping import ColumnMapping, Field
from imports.domain.rows import Judgement
from imports.domain.validation import Judging, RowRules, judge
from slotstream_scheduling.places import Performer, Roster

HAIRCUT = OfferedService(id=uuid4(), name="Haircut", duration_minutes=30)
BERLIN = Business(id=uuid4(), name="Mitte", zone="Europe/Berlin", phone_region="DE")
CATALOGUE = Catalogue(
    business=BERLIN, services={"haircut": HAIRCUT}, resources={}, roster=Roster([Performer(str(uuid4()), "staff")])
)
CLIENT = {Field.CLIENT_NAME: "A", Field.PHONE: "030 901820", Field.SERVICE: "Haircut"}


def judged(values: dict[Field, str], **mapping: Any) -> Judgement:
    rules = RowRules(
        catalogue=CATALOGUE,
        mapping=ColumnMapping(columns={}, **{"date_order": DateOrder.YEAR_FIRST, **mapping}),
        judging=Judging(read_phone=read_phone, find_phones=find_phones),
        now=datetime(2027, 1, 1, tzinfo=UTC),
    )
    return judge({**CLIENT, **values}, rules)


def time_of(judgement: Judgement) -> tuple[str, int]:
    assert judgement.requested is not None, judgement.reasons
    return judgement.requested.starts_at.strftime("%Y-%m-%dT%H:%MZ"), judgement.requested.duration_minutes


@pytest.mark.parametrize(
    ("written", "start", "minutes"),
    [
        ("10:00-11:00", "08:00", 60),
        ("10:00 - 11:30", "08:00", 90),
        ("10:00–10:45 Uhr", "08:00", 45),
        ("von 10 bis 12 Uhr", "08:00", 120),
        ("10-11 am", "08:00", 60),
        ("9:30 am to 10:15 am", "07:30", 45),
        ("10:00", "08:00", 30),
    ],
)
def test_a_range_in_a_column_of_times_gives_start_and_duration(written: str, start: str, minutes: int) -> None:
    judgement = judged({Field.DATE: "2027-06-03", Field.TIME: written})
    assert time_of(judgement) == (f"2027-06-03T{start}Z", minutes)


@pytest.mark.parametrize(
    ("values", "minutes"),
    [
        ({Field.DATE: "2027-06-03", Field.TIME: "10:00", Field.ENDS_AT: "11:30"}, 90),
        ({Field.STARTS_AT: "2027-06-03 10:00", Field.ENDS_AT: "2027-06-03 12:00"}, 120),
        ({Field.STARTS_AT: "2027-06-03 10:00", Field.END_DATE: "2027-06-04", Field.ENDS_AT: "09:00"}, 23 * 60),
        ({Field.STARTS_AT: "2027-06-03T10:00:00+02:00", Field.ENDS_AT: "2027-06-03T08:45:00Z"}, 45),
        ({Field.DATE: "2027-06-03", Field.TIME: "10:00", Field.ENDS_AT: ""}, 30),
        # Clocks go back in the night: the appointment is as long as it really is.
        ({Field.DATE: "2027-10-31", Field.TIME: "01:30", Field.ENDS_AT: "03:30"}, 180),
    ],
)
def test_an_end_gives_the_duration(values: dict[Field, str], minutes: int) -> None:
    assert time_of(judged(values))[1] == minutes


def test_an_end_after_midnight_is_the_next_days_and_the_row_says_so() -> None:
    judgement = judged({Field.DATE: "2027-06-03", Field.TIME: "22:00", Field.ENDS_AT: "01:00"})
    assert time_of(judgement)[1] == 180
    assert [reason.code for reason in judgement.reasons] == ["ends_next_day"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({Field.ENDS_AT: "09:30"}, "end_before_start"),
        ({Field.ENDS_AT: "10:00"}, "end_before_start"),
        ({Field.ENDS_AT: "noonish"}, "invalid_end"),
        ({Field.ENDS_AT: "11:00", Field.DURATION: "45"}, "contradicting_durations"),
        ({Field.TIME: "10:00-10:45", Field.ENDS_AT: "11:00"}, "contradicting_durations"),
    ],
)
def test_ends_that_cannot_be_meant_make_a_row_invalid(values: dict[Field, str], code: str) -> None:
    judgement = judged({Field.DATE: "2027-06-03", Field.TIME: "10:00", **values})
    assert judgement.requested is None
    assert [reason.code for reason in judgement.reasons] == [code]


@pytest.mark.parametrize(
    ("written", "ranges", "expected"),
    [
        ("2027-06-03 10:00-11:00", True, ("2027-06-03T08:00Z", 60)),
        ("2027-06-03 10:00-11:00", False, ("2027-06-03T21:00Z", 30)),
        ("2027-06-03T10:00-11:00", True, ("2027-06-03T21:00Z", 30)),
        ("2027-06-03 10:00:00-05:00", True, ("2027-06-03T15:00Z", 30)),
        ("2027-10-31 02:30 +01:00", None, ("2027-10-31T01:30Z", 30)),
        ("2027-10-31 02:30 (UTC+2)", None, ("2027-10-31T00:30Z", 30)),
    ],
)
def test_an_offset_is_an_offset_and_a_range_a_range(
    written: str, ranges: bool | None, expected: tuple[str, int]
) -> None:
    judgement = judged({Field.STARTS_AT: written}, time_ranges=ranges)
    assert (time_of(judgement), judgement.reasons) == (expected, ())


@pytest.mark.parametrize(
    ("cells", "verdict"),
    [
        (["10:00-11:00", "14:00-15:30"], True),
        (["10:00-05:00", "14:00-05:00"], False),
        (["10:00-11:00"], None),
        (["10:00", "14:30"], False),
    ],
)
def test_a_column_itself_says_whether_it_holds_ranges(cells: list[str], verdict: bool | None) -> None:
    evidence = RangeEvidence()
    for cell in cells:
        evidence.see(cell)
    assert evidence.verdict is verdict


def test_of_a_repeated_hour_the_row_says_which_one_is_taken() -> None:
    judgement = judged({Field.STARTS_AT: "2027-10-31 02:30"})
    assert time_of(judgement) == ("2027-10-31T00:30Z", 30)
    (reason,) = judgement.reasons
    assert (reason.code, "UTC+02:00" in reason.detail) == ("ambiguous_time", True)


@pytest.mark.parametrize(
    ("typed", "minutes"), [("10080", 10_080), ("168:00", 10_080), ("7 days", 10_080), ("P1W", 10_080), ("P1DT2H", 1560)]
)
def test_a_duration_of_up_to_a_week_is_taken(typed: str, minutes: int) -> None:
    assert read_minutes(typed) == minutes
    assert time_of(judged({Field.STARTS_AT: "2027-06-03 10:00", Field.DURATION: typed}))[1] == minutes


def test_more_than_a_week_is_refused() -> None:
    judgement = judged({Field.STARTS_AT: "2027-06-03 10:00", Field.DURATION: "10081"})
    assert [reason.code for reason in judgement.reasons] == ["invalid_duration"]


def test_what_is_no_clock_is_none() -> None:
    for text in ("", "-", "10", "10:00-", "-11:00", "10:00+99:00", "soon"):
        assert read_clock(text, ranges=True) is None, text
