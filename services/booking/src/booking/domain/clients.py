"""Clients: how a phone number or an e-mail address is written so that the same one is found again."""

import re

import phonenumbers

from booking.domain.errors import InvalidBookingError


def normal_phone(text: str | None, *, region: str | None) -> str | None:
    """E.164. A national number is read by the business's region; what cannot be dialled is refused."""
    if text is None or not text.strip():
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise InvalidBookingError("invalid_phone", "This is not a phone number with a known region.") from error
    if not phonenumbers.is_valid_number(number):
        raise InvalidBookingError("invalid_phone", "There can be no such phone number.")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normal_email(text: str | None) -> str | None:
    """Trimmed and lower case; one @ with something on both sides."""
    if text is None or not text.strip():
        return None
    email = text.strip().lower()
    name, at, host = email.partition("@")
    if not at or not name or "." not in host or "@" in host or len(email) > 254 or any(map(str.isspace, email)):
        raise InvalidBookingError("invalid_email", "This is not an e-mail address.")
    return email


def search_text(name: str, phone: str | None, email: str | None) -> str:
    """What partial words and digits are looked up in."""
    return " ".join(part for part in (name.lower(), phone, email) if part)


_PHONE = re.compile(r"(?<![\w@.])[+(]?\d(?:[\s()./-]*\d)+(?![\w@])")
_TRUNK_ZERO = re.compile(r"\(0\)")
_MOST_WORDS = 8


def search_words(query: str | None) -> tuple[str, ...]:
    """What all must be found, in lower case; a phone number is one word of digits, however it is typed.

    A leading zero is the way a number is dialled, not the number: 030 12 34, 0049 30 12 34 and +49 (0)30 12 34
    are all found in +49301234.
    """
    words: list[str] = []

    def take(found: re.Match[str]) -> str:
        digits = "".join(filter(str.isdigit, found.group()))
        words.append(digits.lstrip("0") or digits)
        return " "

    rest = _PHONE.sub(take, _TRUNK_ZERO.sub("", (query or "").lower()))
    return tuple(dict.fromkeys([*rest.split(), *words]))[:_MOST_WORDS]
