"""History of another product comes in as it ended, phones and places as they were meant."""

from datetime import UTC, datetime

import pytest
from test_times import CATALOGUE, CLIENT

from imports.adapters.phones import find_phones, read_phone
from imports.domain.dates import DateOrder
from imports.domain.locations import Location, read_location
from imports.domain.mapping import ColumnMapping, Field
from imports.domain.rows import Judgement, RowState
from imports.domain.statuses import FinalStatus, read_status
from imports.domain.validation import Judging, RowRules, judge


def judged(values: dict[Field, str], *, own: dict[str, FinalStatus] | None = None) -> Judgement:
    rules = RowRules(
        catalogue=CATALOGUE,
        mapping=ColumnMapping(columns={}, date_order=DateOrder.YEAR_FIRST, statuses=own or {}),
        judging=Judging(read_phone=read_phone, find_phones=find_phones),
        now=datetime(2027, 1, 1, tzinfo=UTC),
    )
    return judge({**CLIENT, Field.STARTS_AT: "2026-06-03 10:00", **values}, rules)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Completed", FinalStatus.COMPLETED),
        ("erledigt", FinalStatus.COMPLETED),
        ("CANCELED", FinalStatus.CANCELLED),
        ("storniert", FinalStatus.CANCELLED),
        ("No-Show", FinalStatus.NO_SHOW),
        ("no_show", FinalStatus.NO_SHOW),
        ("nicht erschienen", FinalStatus.NO_SHOW),
        ("booked", FinalStatus.SCHEDULED),
    ],
)
def test_the_usual_words_for_a_status_are_known(word: str, status: FinalStatus) -> None:
    judgement = judged({Field.STATUS: word})
    assert judgement.requested is not None
    assert judgement.requested.status is status


def test_a_word_of_the_files_own_means_what_the_user_says() -> None:
    judgement = judged({Field.STATUS: "Fertig!"}, own={"fertig!": FinalStatus.COMPLETED})
    assert judgement.requested is not None
    assert judgement.requested.status is FinalStatus.COMPLETED
    assert read_status("done", {"done": FinalStatus.NO_SHOW}) is FinalStatus.NO_SHOW


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({Field.STATUS: "Fertig!"}, "unknown_status"),
        ({Field.STATUS: "completed", Field.STARTS_AT: "2027-06-03 10:00"}, "status_in_the_future"),
        ({Field.STATUS: "no show", Field.STARTS_AT: "2027-06-03 10:00"}, "status_in_the_future"),
    ],
)
def test_a_status_that_cannot_be_taken_makes_the_row_invalid(values: dict[Field, str], code: str) -> None:
    judgement = judged(values)
    assert (judgement.state, [reason.code for reason in judgement.reasons]) == (RowState.INVALID, [code])


@pytest.mark.parametrize("word", ["cancelled", "no show", "completed"])
def test_what_is_over_takes_nobodys_time(word: str) -> None:
    assert judged({Field.STATUS: word}).span is None
    assert judged({Field.STATUS: "booked"}).span is not None


def test_a_confirmed_appointment_comes_in_as_scheduled_and_the_row_says_so() -> None:
    judgement = judged({Field.STATUS: "confirmed", Field.STARTS_AT: "2027-06-03 10:00"})
    assert (judgement.state, [reason.code for reason in judgement.reasons]) == (
        RowState.WARNING,
        ["status_simplified"],
    )


def test_a_phone_that_begins_with_the_countrys_code_is_not_given_it_twice() -> None:
    judgement = judged({Field.PHONE: "4915123456789", Field.STARTS_AT: "2027-06-03 10:00"})
    assert judgement.requested is not None
    assert judgement.requested.phone == "+4915123456789"
    assert [reason.code for reason in judgement.reasons] == ["assumed_country_code"]


@pytest.mark.parametrize(
    ("typed", "region", "e164"),
    [
        ("4930901820", "DE", "+4930901820"),
        ("49 (0)30 901820", "DE", "+4930901820"),
        ("12125550100", "US", "+12125550100"),
        # Numbers of the country's own that happen to begin like its code.
        ("9123456789", "IN", "+919123456789"),
        ("3933302345", "IT", "+393933302345"),
        ("55991234567", "BR", "+5555991234567"),
    ],
)
def test_the_countrys_code_is_seen_where_the_number_is_valid_with_it(typed: str, region: str, e164: str) -> None:
    phone = read_phone(typed, region)
    assert phone is not None
    assert phone.e164 == e164


def test_a_letter_that_could_not_be_read_is_told() -> None:
    judgement = judged({Field.CLIENT_NAME: "M\ufffdller", Field.STARTS_AT: "2027-06-03 10:00"})
    assert (judgement.state, [reason.code for reason in judgement.reasons]) == (RowState.WARNING, ["undecodable_text"])


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("", None),
        ("Telefon", Location(kind="phone")),
        ("In person", Location(kind="business")),
        ("Home visit", Location(kind="client_address")),
        ("https://meet.example/abc", Location(kind="video", url="https://meet.example/abc")),
        ("Room 3: https://meet.example/abc.", Location(kind="video", text="Room 3", url="https://meet.example/abc")),
        ("Hauptstr. 5, Hinterhof", Location(kind="other", text="Hauptstr. 5, Hinterhof")),
    ],
)
def test_where_it_takes_place_is_read_from_a_cell(text: str, location: Location | None) -> None:
    assert read_location(text) == location
