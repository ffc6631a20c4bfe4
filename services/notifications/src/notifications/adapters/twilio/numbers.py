"""Phone numbers as a provider takes them."""

import re
from typing import Final

import phonenumbers

from notifications.domain import InvalidAddressError, LandlineError

_LAYOUT: Final = re.compile(r"[\s().\-/\u2010-\u2015]+")
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")


def checked_number(number: str) -> str:
    """The number in E.164, without its layout. Raises InvalidAddressError: a national one may be anybody's."""
    plain = _LAYOUT.sub("", number)
    if not _E164.fullmatch(plain):
        raise InvalidAddressError
    return plain


def texted_number(number: str) -> str:
    """As checked_number, of one that texts arrive at. Raises LandlineError where the numbering plan says otherwise."""
    plain = checked_number(number)
    if _is_landline(plain):
        raise LandlineError
    return plain


def _is_landline(number: str) -> bool:
    """Not of a number whose plan does not tell landlines from mobiles, as in North America."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.FIXED_LINE)
