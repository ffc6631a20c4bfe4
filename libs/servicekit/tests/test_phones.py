"""Which phone numbers are landlines, by their numbering plans."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slotstream_servicekit.phones import e164, is_landline

LANDLINES = {
    "Germany": "+493012345678",
    "United Kingdom": "+442079460123",
    "France": "+33140205050",
    "Spain": "+34914123456",
    "Austria": "+4315130000",
    "Saudi Arabia": "+966114012345",
    "Japan": "+81312345678",
    "written as people do": "+49 (30) 123\u201145-678",
}
TEXTED = {
    "Germany": "+4915112345678",
    "United Kingdom": "+447911123456",
    "France": "+33612345678",
    "Spain": "+34612345678",
    "Saudi Arabia": "+966512345678",
    "United States, where landlines and mobiles look alike": "+12125550123",
    "Canada, likewise": "+14165550123",
    "Italy, with its zero kept": "+393123456789",
    "kept for films, and in no plan": "+447700900123",
    "no country's": "+999123456789",
    "national, and so anybody's": "030 12345678",
    "no number": "tel",
    "too long": "+49" + "3" * 300,
}


@pytest.mark.parametrize("number", LANDLINES.values(), ids=LANDLINES)
def test_a_number_that_its_plan_gives_to_landlines_is_one(number: str) -> None:
    assert is_landline(number)


@pytest.mark.parametrize("number", TEXTED.values(), ids=TEXTED)
def test_a_number_is_no_landline_where_its_plan_does_not_say_so(number: str) -> None:
    assert not is_landline(number)


@given(st.text(max_size=300) | st.text(alphabet="+0123456789 ()-./", max_size=40))
def test_whatever_is_typed_is_judged(number: str) -> None:
    assert not is_landline(number) or e164(number) is not None
