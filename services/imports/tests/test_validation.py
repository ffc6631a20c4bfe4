"""What a row must say, and what is said about it when it does not: all the reasons, not the first."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imports.adapters.phones import find_phones, read_phone
from imports.domain.catalogue import Business, Catalogue, OfferedService, fold
from imports.domain.dates import DateOrder
from imports.domain.mapping import ColumnMapping, Field
from imports.domain.rows import Judgement, RowState
from imports.domain.validation import Judging, RowRules, judge
from slotstream_scheduling.places import Performer, Roster

HAIRCUT = OfferedService(id=uuid4(), name="Haircut", duration_minutes=45)
ANNA = uuid4()
GOOD = {
    Field.CLIENT_NAME: "Eva Klein",
    Field.PHONE: "030 901820",
    Field.SERVICE: "haircut",
    Field.STAFF: "anna",
    Field.STARTS_AT: "30.03.2026 10:00",
}


def rules(**mapping: Any) -> RowRules:
    return RowRules(
        catalogue=Catalogue(
            business=Business(id=uuid4(), name="Mitte", zone="Europe/Berlin", phone_region="DE"),
            services={"haircut": HAIRCUT, fold(str(HAIRCUT.id)): HAIRCUT},
            resources={"anna": ANNA},
            roster=Roster([Performer(str(ANNA), "staff")]),
        ),
        mapping=ColumnMapping(columns={}, **{"date_order": DateOrder.DAY_FIRST, **mapping}),
        judging=Judging(read_phone=read_phone, find_phones=find_phones),
        now=datetime(2026, 3, 1, tzinfo=UTC),
    )


def judged(values: dict[Field, str], **mapping: Any) -> Judgement:
    return judge({**GOOD, **values}, rules(**mapping))


def test_a_good_row_says_whom_what_when_and_with_whom() -> None:
    judgement = judged({})
    assert (judgement.state, judgement.reasons) == (RowState.OK, ())
    assert judgement.requested is not None
    assert (judgement.requested.client_name, judgement.requested.phone, judgement.requested.service_id) == (
        "Eva Klein",
        "+4930901820",
        HAIRCUT.id,
    )
    assert (judgement.requested.resource_id, judgement.requested.duration_minutes) == (ANNA, 45)
    assert judgement.requested.starts_at == datetime(2026, 3, 30, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({Field.CLIENT_NAME: "  "}, "client_missing"),
        ({Field.PHONE: "12"}, "invalid_phone"),
        ({Field.EMAIL: "eva at home"}, "invalid_email"),
        ({Field.SERVICE: ""}, "service_missing"),
        ({Field.SERVICE: "Massage"}, "unknown_service"),
        ({Field.STAFF: "Zoe"}, "unknown_staff"),
        ({Field.STARTS_AT: ""}, "start_missing"),
        ({Field.STARTS_AT: "soon"}, "invalid_start"),
        ({Field.STARTS_AT: "31.02.2026 10:00"}, "invalid_start"),
        ({Field.STARTS_AT: "30.03.2026"}, "invalid_start"),
        ({Field.STARTS_AT: "29.03.2026 02:30"}, "nonexistent_time"),
        ({Field.STARTS_AT: "31.12.9999 23:50"}, "invalid_start"),
        ({Field.STARTS_AT: "9999-12-31T23:50:00Z"}, "invalid_start"),
        ({Field.STARTS_AT: "0001-01-01T00:10:00+14:00"}, "invalid_start"),
        ({Field.ZONE: "Mars/Olympus"}, "unknown_zone"),
        ({Field.DURATION: "long"}, "invalid_duration"),
        ({Field.DURATION: "0"}, "invalid_duration"),
        ({Field.DURATION: "10081"}, "invalid_duration"),
        ({Field.NOTES: "x" * 10_001}, "too_long"),
        ({Field.NOTES: "a\x00b"}, "too_long"),
    ],
)
def test_a_row_that_cannot_be_understood_is_invalid_with_the_reason(values: dict[Field, str], code: str) -> None:
    judgement = judged(values)
    assert (judgement.state, judgement.requested) == (RowState.INVALID, None)
    assert [reason.code for reason in judgement.reasons] == [code]


def test_all_the_reasons_are_given_not_the_first() -> None:
    judgement = judged({Field.CLIENT_NAME: "", Field.PHONE: "12", Field.SERVICE: "Massage", Field.STARTS_AT: "soon"})
    codes = [reason.code for reason in judgement.reasons]
    assert codes == ["client_missing", "invalid_phone", "unknown_service", "invalid_start"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({Field.STARTS_AT: "25.10.2026 02:30"}, "ambiguous_time"),
        ({Field.STARTS_AT: "01.02.2026 10:00"}, "in_the_past"),
        ({Field.PHONE: ""}, "no_contact"),
    ],
)
def test_what_is_doubtful_is_a_warning_and_can_be_booked(values: dict[Field, str], code: str) -> None:
    judgement = judged(values)
    assert (judgement.state, [reason.code for reason in judgement.reasons]) == (RowState.WARNING, [code])
    assert judgement.requested is not None


def test_of_a_time_that_happens_twice_the_first_is_taken() -> None:
    judgement = judged({Field.STARTS_AT: "25.10.2026 02:30"})
    assert judgement.requested is not None
    assert judgement.requested.starts_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "mapping", "hour"),
    [
        ({}, {}, 8),
        ({}, {"zone": "Europe/London"}, 9),
        ({Field.ZONE: "America/New_York"}, {"zone": "Europe/London"}, 14),
        ({Field.STARTS_AT: "2026-03-30T10:00:00+05:00"}, {"zone": "Europe/London"}, 5),
    ],
)
def test_a_rows_own_offset_goes_before_its_zone_the_files_and_the_businesss(
    values: dict[Field, str], mapping: dict[str, Any], hour: int
) -> None:
    judgement = judged(values, **mapping)
    assert judgement.requested is not None
    assert judgement.requested.starts_at.hour == hour


@pytest.mark.parametrize(
    ("typed", "mapped", "minutes"), [("", None, 45), ("", 20, 20), ("1:30", 20, 90), ("PT2H", None, 120)]
)
def test_a_rows_own_duration_goes_before_the_files_and_the_services(
    typed: str, mapped: int | None, minutes: int
) -> None:
    judgement = judged({Field.DURATION: typed}, duration_minutes=mapped)
    assert judgement.requested is not None
    assert judgement.requested.duration_minutes == minutes


def test_one_service_can_be_given_for_all_rows() -> None:
    judgement = judged({Field.SERVICE: ""}, service_id=HAIRCUT.id)
    assert judgement.requested is not None
    assert judgement.requested.service_id == HAIRCUT.id


def test_first_and_last_name_can_be_columns_of_their_own() -> None:
    judgement = judged({Field.CLIENT_NAME: "", Field.FIRST_NAME: "Eva", Field.LAST_NAME: "Klein"})
    assert judgement.requested is not None
    assert judgement.requested.client_name == "Eva Klein"


def test_a_rows_identity_is_its_external_id_or_else_what_it_asks_for() -> None:
    same = judged({Field.CLIENT_NAME: "EVA KLEIN", Field.PHONE: "+4930901820", Field.NOTES: "other"})
    assert same.row_key == judged({}).row_key
    assert judged({Field.STARTS_AT: "30.03.2026 10:30"}).row_key != judged({}).row_key
    named = judged({Field.EXTERNAL_ID: "A-7"})
    moved = judged({Field.EXTERNAL_ID: "A-7", Field.STARTS_AT: "30.03.2026 10:30"})
    assert named.row_key == moved.row_key
    assert "A-7" not in (named.row_key or "")


TYPED = st.text(max_size=40) | st.from_regex(
    r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4} [0-9]{1,2}:[0-9]{2}", fullmatch=True
)


@given(values=st.dictionaries(st.sampled_from(list(Field)), TYPED))
def test_no_row_upsets_the_reader_and_every_request_can_be_kept(values: dict[Field, str]) -> None:
    judgement = judged(values)
    assert (judgement.requested is None) == (judgement.state is RowState.INVALID)
    if judgement.requested is not None:
        assert judgement.requested.ends_at > judgement.requested.starts_at
        assert judgement.row_key
