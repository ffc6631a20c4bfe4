"""Phone numbers: which are international, and which can receive texts. Needs the extra `phones`."""

import re
from typing import Final

import phonenumbers

_LAYOUT: Final = re.compile(r"[\s().\-/\u2010-\u2015]+")
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")


def e164(number: str) -> str | None:
    """The number without spaces and punctuation; None for a national number, and for what is not a number."""
    plain = _LAYOUT.sub("", number)
    return plain if _E164.fullmatch(plain) else None


def is_landline(number: str) -> bool:
    """Whether its numbering plan says so: texts do not arrive there.

    Not of a number whose plan does not tell landlines from mobiles, as in North America.
    """
    plain = e164(number)
    if plain is None:
        return False
    try:
        parsed = phonenumbers.parse(plain)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.FIXED_LINE)
