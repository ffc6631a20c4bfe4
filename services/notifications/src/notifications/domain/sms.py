"""The text of an SMS: what it costs, and how it is kept from costing more without a letter lost.

3GPP TS 23.038 has the GSM 7-bit alphabet and its extension table, 23.040 §9.2.3.24.1 how long texts are split.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

SmsEncoding = Literal["GSM-7", "UCS-2"]

MAX_UNITS: Final = 1_600
"""The longest text that Twilio takes, counted in 16-bit units to be on the safe side."""

_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""Two septets each: an escape, and a character."""

_ELLIPSIS: Final = "..."
_SIGNS: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2039\u203a\u00b4`", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u2022\u00b7", "-"),
        "\u2026": _ELLIPSIS,
        **dict.fromkeys("\u2028\u2029\v\f", "\n"),
        "\t": " ",
        # Invisible, and of no use in a text message: soft hyphen, zero-width space, word joiner, byte order mark.
        **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
    }
)


@dataclass(frozen=True, slots=True)
class SmsSize:
    """What an SMS costs: `units` are septets in GSM-7 and 16-bit units in UCS-2."""

    encoding: SmsEncoding
    units: int
    segments: int


def normalised_sms(text: str) -> str:
    """The text with spaces and typographic signs as GSM-7 has them, and every letter as it was.

    Composed (NFC), since GSM-7 has no combining accents. Control characters go.
    """
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).translate(_SIGNS)
    return "".join(_plain(character) for character in composed).strip()


def bounded_sms(text: str, *, units: int = MAX_UNITS) -> str:
    """The text, or its beginning with "..." where it is longer than `units` 16-bit units."""
    if _utf16_units(text) <= units:
        return text
    kept, room = [], units - len(_ELLIPSIS)
    for character in text:
        room -= _utf16_units(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + _ELLIPSIS


def sms_size(text: str) -> SmsSize:
    """How the text is encoded, and into how many parts it is split: 160 septets or parts of 153, 70 or 67 units."""
    if all(character in _GSM or character in _GSM_EXTENSION for character in text):
        widths = [2 if character in _GSM_EXTENSION else 1 for character in text]
        return SmsSize("GSM-7", sum(widths), _parts(widths, alone=160, each=153))
    widths = [_utf16_units(character) for character in text]
    return SmsSize("UCS-2", sum(widths), _parts(widths, alone=70, each=67))


def _parts(widths: list[int], *, alone: int, each: int) -> int:
    """What is two units wide is never split over two parts."""
    if sum(widths) <= alone:
        return 1
    return sum(1 for _ in _filled(widths, each))


def _filled(widths: list[int], each: int) -> Iterator[int]:
    filled = 0
    for width in widths:
        if filled + width > each:
            yield filled
            filled = 0
        filled += width
    yield filled


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    return "" if category == "Cc" and character != "\n" else character


def _utf16_units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)
