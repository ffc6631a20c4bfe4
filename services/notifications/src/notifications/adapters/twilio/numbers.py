"""Phone numbers as a provider takes them."""

import re
from typing import Final

from notifications.domain import InvalidAddressError

_LAYOUT: Final = re.compile(r"[\s().\-/\u2010-\u2015]+")
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")


def checked_number(number: str) -> str:
    """The number in E.164, without its layout. Raises InvalidAddressError: a national one may be anybody's."""
    plain = _LAYOUT.sub("", number)
    if not _E164.fullmatch(plain):
        raise InvalidAddressError
    return plain
