"""Phones are read as Google's parser reads them, only sooner."""

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from imports.adapters.phones import MOST_PHONES, find_phones, read_any_phone, read_phone, read_plain_phone

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.TOLL_FREE)
FORMATS = (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL)
COMMON = st.sampled_from(["DE", "US", "GB", "FR", "IT", "AT", "CH", "ES", "NL", "AU", "BR", "MX", "AR", "IN", "JP"])


@st.composite
def written_phones(draw: st.DrawFn) -> str:
    """Something like a phone number of some region: real ones with digits changed, added or lost."""
    region = draw(st.sampled_from(REGIONS))
    number = phonenumbers.example_number_for_type(region, draw(st.sampled_from(KINDS)))
    written = "0" if number is None else phonenumbers.format_number(number, draw(st.sampled_from(FORMATS)))
    place = draw(st.integers(0, len(written)))
    put_in = draw(st.text("0123456789 ()./-+", max_size=3))
    return written[:place] + put_in + written[place + draw(st.integers(0, 2)) :]


@settings(max_examples=1_500, deadline=None)
@given(typed=written_phones(), region=COMMON | st.sampled_from(REGIONS))
@example(typed="+49 (0)30 901820", region="DE")
@example(typed="0049 30 901820", region="DE")
@example(typed="4930901820", region="DE")
@example(typed="+03933302345678", region="DE")
@example(typed="180020 20 7946 0018", region="GB")
def test_a_plainly_written_phone_is_read_as_the_whole_parser_reads_it(typed: str, region: str) -> None:
    assert read_phone(typed, region) == read_any_phone(typed, region)


@settings(max_examples=500, deadline=None)
@given(typed=st.text("0123456789+() -", min_size=2, max_size=18), region=COMMON)
def test_any_digits_are_read_as_the_whole_parser_reads_them(typed: str, region: str) -> None:
    assert read_phone(typed, region) == read_any_phone(typed, region)


@pytest.mark.parametrize(
    ("typed", "region", "e164"),
    [
        ("+4930901820", "US", "+4930901820"),
        ("030 901820", "DE", "+4930901820"),
        ("(212) 555-0100", "US", "+12125550100"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("06 12 34 56 78", "FR", "+33612345678"),
    ],
)
def test_the_usual_ways_of_writing_need_no_parser(typed: str, region: str, e164: str) -> None:
    assert read_plain_phone(typed, region) == e164


@pytest.mark.parametrize("typed", ["", "12", "+", "phone", "+49", "0" * 40, "030 901820 ext. 5 or 6"])
def test_what_is_no_phone_is_none(typed: str) -> None:
    assert read_plain_phone(typed, "DE") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0151 23456789", ["+4915123456789"]),
        ("151 23456789", ["+4915123456789"]),
        ("0151 23456789 / 030 901821", ["+4915123456789", "+4930901821"]),
        ("Erika;0151/23456789;erika@example.com", ["+4915123456789"]),
        ("her son: 0151-23456789, call late\nand 030 901821 before", ["+4915123456789", "+4930901821"]),
        ("2026-04-02 10:00\n02.04.2026\n12345678", []),
    ],
)
def test_phones_are_found_wherever_they_stand_in_a_text(text: str, found: list[str]) -> None:
    assert list(find_phones(text, "DE")) == found


def test_a_text_full_of_phones_costs_no_more_than_some_of_them() -> None:
    text = "\n".join(f"030 9018{number:02}" for number in range(100))
    assert len(list(find_phones(text, "DE"))) == MOST_PHONES
