"""Phone numbers, read by Google's metadata."""

from functools import lru_cache

import phonenumbers


@lru_cache(maxsize=65_536)
def read_phone(typed: str, region: str) -> str | None:
    """E.164, or None where the number is not valid; `region` reads numbers without a country code."""
    try:
        number = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
