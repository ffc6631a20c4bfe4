"""What a text costs, and that no letter is lost to make it cheaper."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.adapters.sms import can_be_answered
from notifications.adapters.twilio import checked_number, texted_number
from notifications.domain.channels import InvalidAddressError, LandlineError
from notifications.domain.sms import SmsSize, bounded_sms, normalised_sms, sms_size


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("a" * 159 + "€", "GSM-7", 161, 2),
        ("]" * 153, "GSM-7", 306, 3),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),
        ("a" * 69 + "ł", "UCS-2", 70, 1),
        ("a" * 70 + "ł", "UCS-2", 71, 2),
        ("[" * 60 + "ş" * 10, "UCS-2", 70, 1),
        ("a" * 69 + "😀", "UCS-2", 71, 2),
        ("a" * 66 + "😀" + "a" * 66, "UCS-2", 134, 3),
        ("Ç" * 160, "GSM-7", 160, 1),
        ("Ç" * 159 + "ç", "UCS-2", 160, 3),
        ("\f" * 80, "GSM-7", 160, 1),
        ("ŁÓDŹ", "UCS-2", 4, 1),
        ("", "GSM-7", 0, 1),
    ],
)
def test_texts_are_counted_as_networks_split_them(text: str, encoding: str, units: int, segments: int) -> None:
    assert sms_size(text) == SmsSize(encoding, units, segments)  # type: ignore[arg-type]


SHARED = json.loads((Path(__file__).parent / "sms_sizes.json").read_text())
"""Texts as they are typed, as they are sent, and what they cost: the dashboard counts by the same table."""


@pytest.mark.parametrize("row", SHARED, ids=lambda row: ascii(row["typed"][:20]))
def test_a_text_is_sent_and_counted_as_the_dashboard_shows_it(row: dict[str, object]) -> None:
    sent = normalised_sms(str(row["typed"]))
    size = sms_size(sent)
    assert {"typed": row["typed"], "sent": sent, "encoding": size.encoding, "units": size.units} == {
        name: row[name] for name in ("typed", "sent", "encoding", "units")
    }
    assert size.segments == row["segments"]


def test_an_invisible_space_does_not_double_the_price() -> None:
    text = (
        "Hi Ana, your visit at Salon Test is on Mon, Jun 14, 10:30\u202fAM. "
        "Reply 1 to confirm, 2 to cancel, 3 for a call. STOP ends texts."
    )
    assert sms_size(text) == SmsSize("UCS-2", 125, 2)
    assert normalised_sms(text) == text.replace("\u202f", " ")
    assert sms_size(normalised_sms(text)) == SmsSize("GSM-7", 125, 1)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("45,00\u00a0€", "45,00 €"),
        ("it\u2019s \u201cours\u201d \u2013 or\u2026", 'it\'s "ours" - or...'),
        ("cafe\u0301", "café"),
        ("Haar\u00adschnitt\u200b", "Haarschnitt"),
        ("a\tb\r\nc\rd", "a b\nc\nd"),
        ("a\x00b\x1bc\x7f", "abc"),
        ("  14:30\u3000Uhr \n", "14:30 Uhr"),
        ("Málaga, São, Łódź", "Málaga, São, Łódź"),
        ("العربية", "العربية"),
        ("👩\u200d🔧", "👩\u200d🔧"),
    ],
)
def test_spaces_and_signs_become_plain_and_letters_stay(typed: str, sent: str) -> None:
    assert normalised_sms(typed) == sent


@given(st.text(max_size=400))
def test_normalising_twice_changes_nothing_and_never_costs_more(text: str) -> None:
    once = normalised_sms(text)
    assert normalised_sms(once) == once
    assert not any(character in once for character in "\x00\r\t\u00a0\u202f")
    letters = [character for character in once if character.isalpha()]
    assert len(letters) == sum(character.isalpha() for character in normalised_sms(text + " "))


@given(st.text(max_size=300), st.integers(min_value=4, max_value=100))
def test_a_bounded_text_is_bounded_whatever_it_holds(text: str, units: int) -> None:
    kept = bounded_sms(text, units=units)
    assert len(kept.encode("utf-16-le", "surrogatepass")) <= 2 * units
    assert kept == text or kept.endswith("...")


@pytest.mark.parametrize("number", ["+4930123456", "+49 (30) 123-456", "+49\u201130 123.456"])
def test_a_number_loses_its_layout(number: str) -> None:
    assert checked_number(number) == "+4930123456"


@pytest.mark.parametrize(
    "number", ["030 123456", "+0301234567", "+49", "tel", "+49301234567890123", "+٤٩٣٠١٢٣٤٥٦", "+4930\x00123"]
)
def test_a_national_number_may_be_anybodys_and_is_refused(number: str) -> None:
    with pytest.raises(InvalidAddressError):
        checked_number(number)


@pytest.mark.parametrize(
    ("sender", "answerable"), [("+447700900777", True), ("MG" + "a" * 32, True), ("12345", True), ("SALON", False)]
)
def test_a_name_cannot_be_answered(sender: str, answerable: bool) -> None:
    assert can_be_answered(sender) is answerable


@pytest.mark.parametrize("number", ["+493012345678", "+442079460123"])
def test_no_text_goes_to_a_landline(number: str) -> None:
    assert checked_number(number) == number
    with pytest.raises(LandlineError):
        texted_number(number)


@pytest.mark.parametrize("number", ["+4915112345678", "+12125550123", "+999123456789"])
def test_a_number_that_may_be_a_mobile_gets_texts(number: str) -> None:
    assert texted_number(number) == number
